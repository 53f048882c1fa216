from __future__ import annotations

import copy
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.registry import Resource
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
WIDGETS = "/apis/example.org/v1/namespaces/default/widgets"


async def test_a_created_object_gets_what_the_server_gives(
    client: Client, deployment: JSON
) -> None:
    reply = await client.ask("POST", DEPLOYMENTS, deployment)

    assert reply.status == 201
    meta = reply.body["metadata"]
    assert meta["namespace"] == "default"
    assert meta["generation"] == 1
    assert meta["creationTimestamp"] == "2026-01-01T00:00:00Z"
    assert meta["uid"]
    assert reply.body["spec"]["replicas"] == 1
    assert reply.body["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] == (
        "IfNotPresent"
    )


async def test_the_same_name_cannot_be_created_twice(client: Client, deployment: JSON) -> None:
    await client.ask("POST", DEPLOYMENTS, deployment)
    reply = await client.ask("POST", DEPLOYMENTS, deployment)

    assert (reply.status, reply.reason) == (409, "AlreadyExists")
    assert reply.message == 'deployments.apps "web" already exists'


async def test_a_missing_namespace_is_named(client: Client, deployment: JSON) -> None:
    reply = await client.ask("POST", DEPLOYMENTS.replace("default", "nowhere"), deployment)

    assert reply.status == 404
    assert reply.message == 'namespaces "nowhere" not found'


async def test_nothing_new_is_created_in_a_terminating_namespace(client: Client) -> None:
    await client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "going"}})
    await client.ask("DELETE", "/api/v1/namespaces/going")
    reply = await client.ask(
        "POST", "/api/v1/namespaces/going/configmaps", {"metadata": {"name": "c"}}
    )

    assert reply.status == 403
    assert reply.message == (
        'configmaps "c" is forbidden: unable to create new content in namespace going '
        "because it is being terminated"
    )
    assert reply.body["details"]["causes"][0]["reason"] == "NamespaceTerminating"


async def test_a_generated_name_starts_with_its_base(client: Client) -> None:
    body = {"metadata": {"generateName": "run-"}}
    first = await client.ask("POST", "/api/v1/namespaces/default/configmaps", body)
    second = await client.ask("POST", "/api/v1/namespaces/default/configmaps", body)

    names = {reply.body["metadata"]["name"] for reply in (first, second)}
    assert len(names) == 2
    assert all(name.startswith("run-") and len(name) == 9 for name in names)


async def test_an_object_needs_a_name_or_a_base_of_one(client: Client) -> None:
    reply = await client.ask("POST", "/api/v1/namespaces/default/configmaps", {"data": {}})

    assert reply.status == 422
    assert "name or generateName is required" in reply.message


@pytest.mark.parametrize("strictness", ["Strict", "Warn", "Ignore"])
async def test_an_unknown_field_is_met_as_the_client_asked(
    client: Client, deployment: JSON, strictness: str
) -> None:
    deployment["spec"]["replcas"] = 3
    reply = await client.ask("POST", DEPLOYMENTS, deployment, fieldValidation=strictness)

    if strictness == "Strict":
        assert reply.status == 400
        assert reply.message == (
            'Deployment in version "v1" cannot be handled as a Deployment: '
            'strict decoding error: unknown field "spec.replcas"'
        )
        return
    assert reply.status == 201
    assert "replcas" not in reply.body["spec"]
    warning = '299 - "unknown field \\"spec.replcas\\""'
    assert reply.headers.get("Warning", "") == (warning if strictness == "Warn" else "")


async def test_a_value_of_the_wrong_type_cannot_be_decoded(
    client: Client, deployment: JSON
) -> None:
    deployment["spec"]["replicas"] = "three"
    reply = await client.ask("POST", DEPLOYMENTS, deployment)

    assert reply.status == 400
    assert "json: cannot unmarshal string into Go struct field" in reply.message


async def test_a_custom_resource_is_defaulted_and_held_to_its_schema(
    widgets: ApiServer, client: Client, widget: JSON
) -> None:
    made = await client.ask("POST", WIDGETS, widget)
    assert made.body["spec"] == {"size": 3, "colour": "red"}
    assert made.body["metadata"]["generation"] == 1

    widget["metadata"]["name"] = "bad"
    widget["spec"]["size"] = 0
    reply = await client.ask("POST", WIDGETS, widget)
    assert reply.status == 422
    assert reply.message.startswith('Widget.example.org "bad" is invalid: spec.size: Invalid value')


async def test_nulls_are_absent_fields(client: Client, deployment: JSON) -> None:
    deployment["metadata"]["creationTimestamp"] = None
    deployment["spec"]["template"]["spec"]["volumes"] = None
    reply = await client.ask("POST", DEPLOYMENTS, deployment)

    assert reply.status == 201
    assert "volumes" not in reply.body["spec"]["template"]["spec"]


async def test_a_dry_run_answers_and_stores_nothing(client: Client, deployment: JSON) -> None:
    version = client.api.store.version
    reply = await client.ask("POST", DEPLOYMENTS, deployment, dryRun="All")

    assert reply.status == 201
    assert reply.body["metadata"]["uid"]
    assert client.api.store.version == version
    assert (await client.ask("GET", f"{DEPLOYMENTS}/web")).status == 404


async def test_only_changes_of_the_spec_move_the_generation(
    client: Client, deployment: JSON
) -> None:
    live = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    live["metadata"]["labels"] = {"a": "b"}
    live = (await client.ask("PUT", f"{DEPLOYMENTS}/web", live)).body
    assert live["metadata"]["generation"] == 1

    live["spec"]["replicas"] = 2
    live = (await client.ask("PUT", f"{DEPLOYMENTS}/web", live)).body
    assert live["metadata"]["generation"] == 2


async def test_a_write_that_changes_nothing_keeps_the_version(
    client: Client, deployment: JSON
) -> None:
    live = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    again = (await client.ask("PUT", f"{DEPLOYMENTS}/web", live)).body

    assert again["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]


async def test_an_outdated_version_is_a_conflict(client: Client, deployment: JSON) -> None:
    old = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    new = copy.deepcopy(old)
    new["spec"]["replicas"] = 2
    await client.ask("PUT", f"{DEPLOYMENTS}/web", new)
    old["spec"]["replicas"] = 3
    reply = await client.ask("PUT", f"{DEPLOYMENTS}/web", old)

    assert reply.status == 409
    assert reply.message == (
        'Operation cannot be fulfilled on deployments.apps "web": the object has been modified; '
        "please apply your changes to the latest version and try again"
    )


async def test_another_uid_is_a_conflict(client: Client, deployment: JSON) -> None:
    live = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    live["metadata"]["uid"] = "11111111-1111-1111-1111-111111111111"
    reply = await client.ask("PUT", f"{DEPLOYMENTS}/web", live)

    assert reply.status == 409
    assert "Precondition failed: UID in precondition: 11111111" in reply.message


async def test_status_has_its_own_door(client: Client, deployment: JSON) -> None:
    live = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    live["status"] = {"replicas": 7}
    live["spec"]["replicas"] = 7
    main = (await client.ask("PUT", f"{DEPLOYMENTS}/web", live)).body
    assert "replicas" not in main["status"]
    assert main["spec"]["replicas"] == 7

    main["status"] = {"replicas": 7}
    main["spec"]["replicas"] = 1
    status = (await client.ask("PUT", f"{DEPLOYMENTS}/web/status", main)).body
    assert status["status"] == {"replicas": 7}
    assert status["spec"]["replicas"] == 7
    assert status["metadata"]["generation"] == main["metadata"]["generation"]


async def test_no_finalizer_is_added_to_a_dying_object(
    widgets: ApiServer, client: Client, widget: JSON
) -> None:
    widget["metadata"]["finalizers"] = ["example.org/hold"]
    await client.ask("POST", WIDGETS, widget)
    await client.ask("DELETE", f"{WIDGETS}/w")
    patch = {"metadata": {"finalizers": ["example.org/hold", "example.org/more"]}}
    media = "application/merge-patch+json"
    reply = await client.ask("PATCH", f"{WIDGETS}/w", patch, media=media)

    assert reply.status == 422
    assert (
        "no new finalizers can be added if the object is being deleted, found new finalizers "
        '[]string{"example.org/more"}'
    ) in reply.message


async def test_the_last_finalizer_lets_a_dying_object_go(
    widgets: ApiServer, client: Client, widget: JSON
) -> None:
    widget["metadata"]["finalizers"] = ["example.org/hold"]
    await client.ask("POST", WIDGETS, widget)
    held = await client.ask("DELETE", f"{WIDGETS}/w")
    assert held.body["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"

    patch = {"metadata": {"finalizers": None}}
    await client.ask("PATCH", f"{WIDGETS}/w", patch, media="application/merge-patch+json")
    assert (await client.ask("GET", f"{WIDGETS}/w")).status == 404


async def test_the_selector_of_a_deployment_is_immutable(client: Client, deployment: JSON) -> None:
    live = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    live["spec"]["selector"]["matchLabels"] = {"app": "other"}
    live["spec"]["template"]["metadata"]["labels"] = {"app": "other"}
    reply = await client.ask("PUT", f"{DEPLOYMENTS}/web", live)

    assert reply.status == 422
    assert reply.message == (
        'Deployment.apps "web" is invalid: spec.selector: Invalid value: '
        '{"matchLabels":{"app":"other"}}: field is immutable'
    )


async def test_people_s_fields_are_tracked_and_controllers_fields_are_not(
    client: Client, deployment: JSON
) -> None:
    made = (await client.ask("POST", DEPLOYMENTS, deployment)).body
    assert [entry["manager"] for entry in made["metadata"]["managedFields"]] == ["kubectl"]

    config = {"metadata": {"name": "c", "namespace": "default"}, "data": {"a": "b"}}
    own = await client.api.create("configmaps", config)
    assert "managedFields" not in own["metadata"]


async def test_an_admission_sees_old_and_new_and_may_refuse(api: ApiServer) -> None:
    seen: list[tuple[str, bool]] = []

    def admit(resource: Resource, new: JSON, old: JSON | None) -> None:
        seen.append((resource.name, old is None))
        if new.get("data") == {"a": "forbidden"}:
            raise ApiError(403, "Forbidden", "no")

    api.add_admission(admit)
    config: JSON = {"metadata": {"name": "c", "namespace": "default"}}
    await api.create("configmaps", config)
    with pytest.raises(ApiError, match="no"):
        await api.update("configmaps", {**config, "data": {"a": "forbidden"}})

    assert seen == [("configmaps", True), ("configmaps", False)]
    assert "data" not in (api.get("configmaps", "default", "c") or {})


async def test_a_namespace_keeps_its_label_and_its_finalizer(client: Client) -> None:
    made = (await client.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "n"}})).body
    assert made["metadata"]["labels"] == {"kubernetes.io/metadata.name": "n"}
    assert made["spec"] == {"finalizers": ["kubernetes"]}

    made["spec"] = {}
    again = (await client.ask("PUT", "/api/v1/namespaces/n", made)).body
    assert again["spec"] == {"finalizers": ["kubernetes"]}


async def test_a_crd_must_be_named_after_what_it_defines(client: Client) -> None:
    crd = {
        "metadata": {"name": "wrong.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget"},
            "versions": [{"name": "v1", "served": True, "storage": False}],
        },
    }
    reply = await client.ask("POST", "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)

    assert reply.status == 422
    assert 'must be spec.names.plural+"."+spec.group' in reply.message
    assert "must have exactly one version marked as storage version" in reply.message


async def test_annotations_of_a_deployment_move_its_generation(
    client: Client, deployment: JSON
) -> None:
    await client.ask("POST", DEPLOYMENTS, deployment)
    merge = "application/merge-patch+json"

    async def generation(annotations: JSON) -> int:
        patch = {"metadata": {"annotations": annotations}}
        reply = await client.ask("PATCH", f"{DEPLOYMENTS}/web", patch, media=merge)
        return int(reply.body["metadata"]["generation"])

    assert await generation({"a": "b"}) == 2
    assert await generation({"deployment.kubernetes.io/revision": "1"}) == 3


async def test_all_that_is_wrong_is_said_at_once(client: Client, deployment: JSON) -> None:
    del deployment["spec"]["selector"]
    container: JSON = {"name": "a", "image": "x", "imagePullPolicy": "?"}
    container["ports"] = [{"containerPort": 70000}]
    deployment["spec"]["template"]["spec"]["containers"] = [container]
    reply = await client.ask("POST", DEPLOYMENTS, deployment)
    assert {cause["field"] for cause in reply.body["details"]["causes"]} == {
        "spec.selector",
        "spec.template.spec.containers[0].imagePullPolicy",
        "spec.template.metadata.labels",
        "spec.template.spec.containers[0].ports[0].containerPort",
    }


async def test_what_is_not_ascii_is_no_base64_either(client: Client) -> None:
    body = {"metadata": {"name": "s"}, "data": {"a": "é"}}
    refused = await client.ask("POST", "/api/v1/namespaces/default/secrets", body)
    assert (refused.status, refused.reason) == (400, "BadRequest")
    assert "illegal base64 data at input byte 0" in refused.message
