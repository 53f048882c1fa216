from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.findings import go_map
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
DEPLOYMENT = "/apis/apps/v1/namespaces/default/deployments/web"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
WIDGET = "/apis/example.org/v1/namespaces/default/widgets/w"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
OPERATIONS = "application/json-patch+json"


@pytest.fixture
async def web(client: Client, deployment: JSON) -> JSON:
    made: JSON = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    return made


async def test_a_strategic_patch_merges_containers_by_name(web: JSON, client: Client) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "busybox"}]}}}}
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=STRATEGIC)

    names = [one["name"] for one in reply.body["spec"]["template"]["spec"]["containers"]]
    assert sorted(names) == ["a", "b"]


async def test_a_merge_patch_replaces_the_list(web: JSON, client: Client) -> None:
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "b", "image": "busybox"}]}}}}
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=MERGE)

    names = [one["name"] for one in reply.body["spec"]["template"]["spec"]["containers"]]
    assert names == ["b"]


async def test_custom_resources_have_no_strategic_merge(
    widgets: ApiServer, client: Client, widget: JSON
) -> None:
    await widgets.create("widgets.example.org", widget)
    reply = await client.ask("PATCH", WIDGET, {"spec": {"size": 4}}, media=STRATEGIC)

    assert (reply.status, reply.reason) == (415, "UnsupportedMediaType")
    assert reply.message == (
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json-patch+json, application/merge-patch+json, application/apply-patch+yaml"
    )


async def test_a_json_patch_is_done_step_by_step(web: JSON, client: Client) -> None:
    steps = [{"op": "replace", "path": "/spec/replicas", "value": 5}]
    reply = await client.ask("PATCH", DEPLOYMENT, steps, media=OPERATIONS)
    assert reply.body["spec"]["replicas"] == 5


@pytest.mark.parametrize(
    ("media", "patch", "status"),
    [
        (OPERATIONS, [{"op": "test", "path": "/spec/replicas", "value": 9}], 422),
        (OPERATIONS, [{"op": "remove", "path": "/spec/nothing"}], 422),
        (OPERATIONS, [{"op": "fly"}], 422),
        (OPERATIONS, {"not": "a list"}, 400),
        (MERGE, [1], 400),
        (MERGE, b"{not json", 400),
        (STRATEGIC, {"spec": {"$patch": "explode"}}, 500),
        (MERGE, {"metadata": 5}, 400),
        (MERGE, {"metadata": {"name": "other"}}, 400),
        (MERGE, {"spec": None}, 422),
        ("text/html", {}, 415),
    ],
)
async def test_a_patch_that_makes_no_sense_changes_nothing(
    web: JSON, client: Client, media: str, patch: Any, status: int
) -> None:
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=media)
    assert reply.status == status, reply.body
    assert (await client.ask("GET", DEPLOYMENT)).body == web


async def test_a_patch_with_an_unknown_field_is_refused_in_upstream_s_words(
    web: JSON, client: Client
) -> None:
    patch = {"spec": {"replcas": 2}}
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=STRATEGIC, fieldValidation="Strict")
    assert reply.status == 422
    assert reply.message == (
        ' "" is invalid: patch: Invalid value: "map[spec:map[replcas:2]]": '
        'strict decoding error: unknown field "spec.replcas"'
    )


@pytest.mark.parametrize(
    ("patch", "why"),
    [
        ({"spec": {"replicas": "many"}}, "unrecognized type: int32"),
        ({"spec": {"template": {"spec": {"nodeName": 5}}}}, "cannot convert int64 to string"),
        ({"spec": {"template": "x"}}, "cannot restore struct from: string"),
        ({"spec": {"template": {"spec": {"nodeSelector": "x"}}}}, "cannot restore map from string"),
    ],
)
async def test_a_strategic_patch_of_another_type_is_refused_by_the_converter(
    web: JSON, client: Client, patch: JSON, why: str
) -> None:
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=STRATEGIC)
    assert reply.status == 422
    assert reply.message.endswith(f'": {why}'), reply.message


async def test_a_version_in_a_patch_is_a_precondition(web: JSON, client: Client) -> None:
    patch = {"metadata": {"resourceVersion": "1"}, "spec": {"replicas": 3}}
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=MERGE)
    assert (reply.status, reply.reason) == (409, "Conflict")


async def test_a_patch_of_nothing_is_not_found(client: Client) -> None:
    reply = await client.ask("PATCH", DEPLOYMENT, {"spec": {}}, media=MERGE)
    assert reply.message == 'deployments.apps "web" not found'


async def test_apply_creates_and_owns(client: Client, deployment: JSON) -> None:
    reply = await client.ask("PATCH", DEPLOYMENT, deployment, media=APPLY, fieldManager="me")

    assert reply.status == 201
    (entry,) = reply.body["metadata"]["managedFields"]
    assert (entry["manager"], entry["operation"]) == ("me", "Apply")


async def test_apply_against_another_owner_is_a_conflict_until_forced(
    web: JSON, client: Client, deployment: JSON
) -> None:
    deployment["spec"]["replicas"] = 7
    reply = await client.ask("PATCH", DEPLOYMENT, deployment, media=APPLY, fieldManager="me")
    assert reply.status == 409
    assert reply.message == (
        'Apply failed with 1 conflict: conflict with "kubectl" using apps/v1: .spec.replicas'
    )
    assert reply.body["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" using apps/v1',
            "field": ".spec.replicas",
        }
    ]

    forced = await client.ask(
        "PATCH", DEPLOYMENT, deployment, media=APPLY, fieldManager="me", force="true"
    )
    assert forced.body["spec"]["replicas"] == 7


async def test_several_conflicts_are_listed_under_their_owner(
    web: JSON, client: Client, deployment: JSON
) -> None:
    deployment["spec"]["replicas"] = 7
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "other"
    reply = await client.ask("PATCH", DEPLOYMENT, deployment, media=APPLY, fieldManager="me")
    assert reply.message.startswith(
        'Apply failed with 2 conflicts: conflicts with "kubectl" using apps/v1:\n- .spec.'
    )


async def test_applying_the_same_again_keeps_the_version(client: Client, deployment: JSON) -> None:
    first = await client.ask("PATCH", DEPLOYMENT, deployment, media=APPLY, fieldManager="me")
    await client.api.timeline.advance(60)
    again = await client.ask("PATCH", DEPLOYMENT, deployment, media=APPLY, fieldManager="me")
    assert again.status == 200
    assert again.body == first.body


@pytest.mark.parametrize(
    ("change", "query", "status", "text"),
    [
        ({}, {"fieldManager": ""}, 422, "fieldManager: Required value: is required for apply"),
        ({"metadata": {"name": "other"}}, {}, 400, "does not match the name on the URL"),
        ({"metadata": {"managedFields": [{}]}}, {}, 400, "managedFields must be nil"),
        ({"kind": ""}, {}, 400, "invalid object type: apps/v1, Kind="),
        ({"spec": {"replcas": 1}}, {}, 500, ".spec.replcas: field not declared in schema"),
    ],
)
async def test_an_apply_that_makes_no_sense_is_refused(
    client: Client, deployment: JSON, change: JSON, query: dict[str, str], status: int, text: str
) -> None:
    body = {**deployment, **change}
    reply = await client.ask(
        "PATCH", DEPLOYMENT, body, media=APPLY, query={"fieldManager": "me", **query}
    )
    assert reply.status == status
    assert text in reply.message


async def test_the_record_of_managers_can_be_reset(web: JSON, client: Client) -> None:
    patch: JSON = {"metadata": {"managedFields": [{}]}}
    reply = await client.ask("PATCH", DEPLOYMENT, patch, media=MERGE)
    assert "managedFields" not in reply.body["metadata"]


def test_a_map_is_shown_as_go_shows_it() -> None:
    assert go_map({"b": [1, "x"], "a": {"c": True, "d": None}}) == (
        "map[a:map[c:true d:<nil>] b:[1 x]]"
    )


async def test_an_apply_whose_type_is_no_text_is_refused(client: Client) -> None:
    config = {"apiVersion": True, "kind": 5, "metadata": {"name": "c"}}
    maps = "/api/v1/namespaces/default/configmaps/c"
    media = "application/apply-patch+yaml"
    refused = await client.ask("PATCH", maps, config, media=media, fieldManager="me")
    assert (refused.status, refused.reason) == (400, "BadRequest")
