from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import JSON, Client, Reply
from tests.practice.apiserver.webhook_server import WebhookServer

MAPS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"
REGISTRATION = "/apis/admissionregistration.k8s.io/v1"
MERGE = "application/merge-patch+json"
RULE: JSON = {
    "apiGroups": ["*"],
    "apiVersions": ["*"],
    "operations": ["*"],
    "resources": ["configmaps", "pods", "pods/*", "deployments/scale", "widgets", "services"],
}
SERVICE: JSON = {"service": {"name": "hook", "namespace": "default", "path": "/v"}}


@pytest.fixture
def hook() -> Iterator[WebhookServer]:
    with WebhookServer() as server:
        yield server


def webhook(client: JSON, **more: Any) -> JSON:
    return {
        "name": "hook.example.com",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "clientConfig": client,
        "rules": [RULE],
        **more,
    }


async def register(client: Client, *webhooks: JSON, kind: str = "validating") -> Reply:
    body = {"metadata": {"name": "hooks"}, "webhooks": list(webhooks)}
    path = f"{REGISTRATION}/{kind}webhookconfigurations"
    return await client.ask("POST", path, body)


async def create(client: Client, **query: str) -> Reply:
    return await client.ask("POST", MAPS, {"metadata": {"name": "a"}}, query=query)


async def test_a_refusal_is_told_in_the_webhooks_name(client: Client, hook: WebhookServer) -> None:
    await register(client, webhook(hook.config("/deny")))
    refused = await create(client)
    assert (refused.status, refused.message) == (
        400,
        'admission webhook "hook.example.com" denied the request: not on my watch',
    )
    assert (await client.ask("GET", f"{MAPS}/a")).status == 404


async def test_a_patch_is_laid_over_the_object(client: Client, hook: WebhookServer) -> None:
    await register(client, webhook(hook.config("/data")), kind="mutating")
    made = await create(client)
    assert (made.status, made.body["data"]) == (201, {"by": "webhook"})
    changed = await client.ask("PATCH", f"{MAPS}/a", {"data": {"x": "y"}}, media=MERGE)
    assert changed.body["data"] == {"by": "webhook"}
    assert [one["request"]["operation"] for one in hook.reviews] == ["CREATE", "UPDATE"]


async def test_what_a_webhook_makes_is_held_to_the_rules(
    client: Client, hook: WebhookServer
) -> None:
    await register(client, webhook(hook.config("/invalid")), kind="mutating")
    assert (await create(client)).reason == "Invalid"


async def test_a_custom_resource_may_be_completed_by_a_webhook(
    client: Client, widgets: ApiServer, hook: WebhookServer
) -> None:
    """Its schema is asked after the webhooks, so that they can fill in what it requires."""
    await register(client, webhook(hook.config("/size")), kind="mutating")
    widget = {"apiVersion": "example.org/v1", "kind": "Widget", "metadata": {"name": "w"}}
    made = await client.ask("POST", "/apis/example.org/v1/namespaces/default/widgets", widget)
    assert (made.status, made.body["spec"]) == (201, {"size": 3, "colour": "red"})


async def test_controllers_are_asked_about_as_well(
    client: Client, api: ApiServer, hook: WebhookServer
) -> None:
    await register(client, webhook(hook.config("/allow")))
    obj = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "a", "namespace": "default"},
    }
    await api.create("configmaps", obj)
    await api.delete("configmaps", "default", "a")
    users = {one["request"]["userInfo"]["username"] for one in hook.reviews}
    assert users == {"system:kube-controller-manager"}
    assert [one["request"]["operation"] for one in hook.reviews] == ["CREATE", "DELETE"]


async def test_a_scale_is_shown_as_one(
    client: Client, deployment: JSON, hook: WebhookServer
) -> None:
    path = "/apis/apps/v1/namespaces/default/deployments"
    await client.ask("POST", path, deployment)
    await register(client, webhook(hook.config("/replicas")), kind="mutating")
    change = {"spec": {"replicas": 9}}
    scaled = await client.ask("PATCH", f"{path}/web/scale", change, media=MERGE)
    assert scaled.body["spec"]["replicas"] == 2
    (review,) = hook.reviews
    assert review["request"]["kind"]["kind"] == "Scale"
    assert review["request"]["object"]["spec"] == {"replicas": 9}


async def test_an_eviction_is_asked_about_in_place_of_the_deletion(
    client: Client, hook: WebhookServer
) -> None:
    pod = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
    await client.ask("POST", PODS, pod)
    await register(client, webhook(hook.config("/allow")))
    name = "p"
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
    assert (await client.ask("POST", f"{PODS}/{name}/eviction", eviction)).status == 201
    asked = [(one["request"]["operation"], one["request"]["subResource"]) for one in hook.reviews]
    assert asked == [("CREATE", "eviction")]


async def test_a_write_that_was_overtaken_begins_anew(client: Client, hook: WebhookServer) -> None:
    await create(client)
    await register(client, webhook(hook.config("/slow")))
    store = client.api.store
    async with asyncio.TaskGroup() as group:
        change = {"data": {"mine": "1"}}
        patch = group.create_task(client.ask("PATCH", f"{MAPS}/a", change, media=MERGE))
        await asyncio.to_thread(hook.asked.wait, 5)
        live = store.get("configmaps", "default", "a")
        assert live is not None
        store.put("configmaps", {**live, "data": {"theirs": "1"}}, "MODIFIED")
        hook.release()
    assert patch.result().body["data"] == {"mine": "1", "theirs": "1"}
    assert len(hook.reviews) == 2


async def test_an_update_of_a_version_that_was_overtaken_is_a_conflict(
    client: Client, hook: WebhookServer
) -> None:
    made = (await create(client)).body
    await register(client, webhook(hook.config("/slow")))
    store = client.api.store
    async with asyncio.TaskGroup() as group:
        put = group.create_task(client.ask("PUT", f"{MAPS}/a", {**made, "data": {"mine": "1"}}))
        await asyncio.to_thread(hook.asked.wait, 5)
        store.put("configmaps", {**made, "data": {"theirs": "1"}}, "MODIFIED")
        hook.release()
    assert put.result().reason == "Conflict"


@pytest.mark.parametrize(
    ("service", "endpoints", "why"),
    [
        (None, [], 'service "hook" not found'),
        (8443, [], 'no service port 443 found for service "hook"'),
        (443, [], 'no endpoints available for service "hook"'),
        (443, [{"addresses": ["10.0.0.1"], "conditions": {"ready": False}}], "no endpoints"),
    ],
)
async def test_a_service_without_a_backend(
    service: int | None, endpoints: list[JSON], why: str, client: Client
) -> None:
    await serve(client, service, endpoints)
    await register(client, webhook(SERVICE))
    refused = await create(client)
    assert (refused.status, refused.reason) == (500, "InternalError")
    assert refused.message.startswith(
        'Internal error occurred: failed calling webhook "hook.example.com": failed to call '
        'webhook: Post "https://hook.default.svc:443/v?timeout=10s": '
    )
    assert why in refused.message


async def serve(client: Client, port: int | None, endpoints: list[JSON]) -> None:
    if port is None:
        return
    body = {"metadata": {"name": "hook"}, "spec": {"ports": [{"port": port}]}}
    await client.ask("POST", "/api/v1/namespaces/default/services", body)
    slices = {
        "metadata": {"name": "hook-1", "labels": {"kubernetes.io/service-name": "hook"}},
        "addressType": "IPv4",
        "endpoints": endpoints,
        "ports": [{"name": "", "port": 9443, "protocol": "TCP"}],
    }
    path = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
    made = await client.ask("POST", path, slices)
    assert made.status == 201, made.body


async def test_the_pods_of_a_service_are_taken_to_agree_and_a_warning_says_so(
    client: Client,
) -> None:
    target = {"kind": "Pod", "namespace": "default", "name": "hook-0"}
    ready = {"addresses": ["10.0.0.1"], "conditions": {"ready": True}, "targetRef": target}
    await serve(client, 443, [ready])
    await register(client, webhook(SERVICE))
    made = await create(client)
    assert made.status == 201
    assert "nothing runs in the pods of service default/hook" in made.headers["Warning"]


async def test_a_failure_can_be_ignored(client: Client) -> None:
    await register(client, webhook(SERVICE, failurePolicy="Ignore"))
    assert (await create(client)).status == 201


async def test_a_configuration_can_always_be_repaired(client: Client) -> None:
    await register(client, webhook(SERVICE, rules=[{**RULE, "resources": ["*"]}]))
    path = f"{REGISTRATION}/validatingwebhookconfigurations/hooks"
    assert (await create(client)).status == 500
    assert (await client.ask("DELETE", path)).status == 200
    assert (await create(client)).status == 201


async def test_a_dry_run_is_told(client: Client, hook: WebhookServer) -> None:
    await register(client, webhook(hook.config("/allow")))
    assert (await create(client, dryRun="All")).status == 201
    assert hook.reviews[0]["request"]["dryRun"] is True


async def test_a_condition_that_is_false_keeps_a_webhook_out(
    client: Client, hook: WebhookServer
) -> None:
    condition = {"name": "a", "expression": "request.operation == 'DELETE'"}
    await register(client, webhook(hook.config("/deny"), matchConditions=[condition]))
    assert (await create(client)).status == 201


async def test_a_condition_without_a_value_refuses(client: Client, hook: WebhookServer) -> None:
    condition = {"name": "a", "expression": "object.metadata.zip == 'x'"}
    await register(client, webhook(hook.config("/allow"), matchConditions=[condition]))
    refused = await create(client)
    assert refused.status == 403
    assert refused.message.endswith(
        "expression 'object.metadata.zip == 'x'' resulted in error: no such key: zip"
    )


async def test_a_condition_that_does_not_compile_is_refused(client: Client) -> None:
    condition = {"name": "a", "expression": "objekt == null"}
    refused = await register(client, webhook(SERVICE, matchConditions=[condition]))
    assert refused.status == 422
    assert "undeclared reference to 'objekt'" in refused.message
