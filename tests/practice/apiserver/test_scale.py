from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
WEB = "/apis/apps/v1/namespaces/default/deployments/web"
WIDGET = "/apis/example.org/v1/namespaces/default/widgets/w"
MERGE = "application/merge-patch+json"


@pytest.fixture
async def web(client: Client, deployment: JSON) -> JSON:
    made: JSON = (await client.ask("POST", WEB.removesuffix("/web"), deployment)).body
    return made


async def test_a_scale_shows_replicas_and_the_selector(web: JSON, client: Client) -> None:
    body = (await client.ask("GET", f"{WEB}/scale")).body
    assert (body["kind"], body["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert body["spec"] == {"replicas": 1}
    assert body["status"] == {"replicas": 0, "selector": "app=web"}


async def test_scaling_changes_the_object(web: JSON, client: Client) -> None:
    scaled = await client.ask("PATCH", f"{WEB}/scale", {"spec": {"replicas": 4}}, media=MERGE)
    assert scaled.body["spec"]["replicas"] == 4
    live = (await client.ask("GET", WEB)).body
    assert (live["spec"]["replicas"], live["metadata"]["generation"]) == (4, 2)

    scale = {**scaled.body, "spec": {"replicas": 2}}
    assert (await client.ask("PUT", f"{WEB}/scale", scale)).body["spec"]["replicas"] == 2
    outdated = await client.ask("PUT", f"{WEB}/scale", {**scale, "spec": {"replicas": 3}})
    assert outdated.status == 409


@pytest.mark.parametrize("replicas", [-1, "two", True, 1.5])
async def test_only_whole_numbers_from_nought_are_replicas(
    web: JSON, client: Client, replicas: object
) -> None:
    patch = {"spec": {"replicas": replicas}}
    reply = await client.ask("PATCH", f"{WEB}/scale", patch, media=MERGE)
    assert reply.status == 422
    put = await client.ask("PUT", f"{WEB}/scale", {"metadata": {"name": "web"}, **patch})
    assert put.status == (422 if replicas == -1 else 400)
    assert (await client.ask("GET", WEB)).body == web


@pytest.mark.parametrize(
    "scale",
    [
        {"spec": {"replicas": 3}},
        {"metadata": {"name": "other"}, "spec": {"replicas": 3}},
        {"metadata": {"name": "web", "namespace": "other"}, "spec": {"replicas": 3}},
        {"kind": "Nope", "apiVersion": "v1", "metadata": {"name": "web"}},
    ],
)
async def test_a_scale_says_whose_it_is(web: JSON, client: Client, scale: JSON) -> None:
    assert (await client.ask("PUT", f"{WEB}/scale", scale)).status == 400
    assert (await client.ask("GET", WEB)).body == web


async def test_nought_replicas_are_left_out(web: JSON, client: Client) -> None:
    scaled = await client.ask("PATCH", f"{WEB}/scale", {"spec": {"replicas": 0}}, media=MERGE)
    assert scaled.body["spec"] == {}


async def test_a_selector_with_expressions_is_one_line(
    api: ApiServer, client: Client, deployment: JSON
) -> None:
    selector = deployment["spec"]["selector"]
    selector["matchExpressions"] = [
        {"key": "c", "operator": "DoesNotExist"},
        {"key": "b", "operator": "NotIn", "values": ["y", "x"]},
        {"key": "app", "operator": "Exists"},
    ]
    await client.ask("POST", WEB.removesuffix("/web"), deployment)
    status = (await client.ask("GET", f"{WEB}/scale")).body["status"]
    assert status["selector"] == "app=web,app,b notin (x,y),!c"


async def test_a_custom_resource_says_where_its_replicas_are(
    widgets: ApiServer, client: Client, widget: JSON
) -> None:
    made = await widgets.create("widgets.example.org", widget)
    status = {"phase": "Ready", "replicas": 2, "selector": "a=b"}
    await widgets.update_status("widgets.example.org", {**made, "status": status})
    await client.ask("PATCH", f"{WIDGET}/scale", {"spec": {"replicas": 3}}, media=MERGE)
    assert (await client.ask("GET", WIDGET)).body["spec"]["replicas"] == 3
    body = (await client.ask("GET", f"{WIDGET}/scale")).body
    assert (body["spec"], body["status"]) == ({"replicas": 3}, {"replicas": 2, "selector": "a=b"})


async def test_a_custom_resource_without_replicas_has_nothing_to_show(
    widgets: ApiServer, client: Client, widget: JSON
) -> None:
    widget["spec"].pop("replicas", None)
    await widgets.create("widgets.example.org", widget)
    assert (await client.ask("GET", f"{WIDGET}/scale")).status == 500
    labels = {"metadata": {"labels": {"a": "b"}}}
    assert (await client.ask("PATCH", f"{WIDGET}/scale", labels, media=MERGE)).status == 400
    negative = {"spec": {"replicas": -1}}
    refused = await client.ask("PATCH", f"{WIDGET}/scale", negative, media=MERGE)
    assert refused.body["details"]["causes"][0]["field"] == ".spec.replicas"


async def test_who_scales_owns_the_replicas_by_way_of_the_subresource(
    web: JSON, client: Client
) -> None:
    patch = {"spec": {"replicas": 4}}
    await client.ask("PATCH", f"{WEB}/scale", patch, media=MERGE, fieldManager="scaler")
    fields = (await client.ask("GET", WEB)).body["metadata"]["managedFields"]
    (mine,) = [one for one in fields if one["manager"] == "scaler"]
    assert mine["subresource"] == "scale"
    assert "time" not in mine
    assert mine["fieldsV1"] == {"f:spec": {"f:replicas": {}}}
