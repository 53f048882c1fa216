from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
CONFIGS = "/api/v1/namespaces/default/configmaps"
PODS = "/api/v1/namespaces/default/pods"


async def _config(api: ApiServer, name: str = "c", **meta: Any) -> JSON:
    metadata = {"name": name, "namespace": "default", **meta}
    return await api.create("configmaps", {"metadata": metadata})


async def _pod(api: ApiServer, **spec: Any) -> JSON:
    return await api.create(
        "pods",
        {
            "metadata": {"name": "p", "namespace": "default"},
            "spec": {"containers": [{"name": "a", "image": "x:1"}], **spec},
        },
    )


async def test_what_nothing_holds_is_gone_at_once(api: ApiServer, client: Client) -> None:
    made = await _config(api)
    reply = await client.ask("DELETE", f"{CONFIGS}/c", {"propagationPolicy": "Background"})

    assert reply.body["status"] == "Success"
    assert reply.body["details"] == {
        "name": "c",
        "kind": "configmaps",
        "uid": made["metadata"]["uid"],
    }
    assert api.get("configmaps", "default", "c") is None


async def test_a_finalizer_holds_and_the_mark_is_set_once(api: ApiServer, client: Client) -> None:
    await _config(api, finalizers=["example.org/hold"])
    first = await client.ask("DELETE", f"{CONFIGS}/c")
    await api.timeline.advance(60)
    second = await client.ask("DELETE", f"{CONFIGS}/c")

    assert first.body["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:00Z"
    assert second.body == first.body


@pytest.mark.parametrize(
    ("policy", "finalizer"), [("Foreground", "foregroundDeletion"), ("Orphan", "orphan")]
)
async def test_a_policy_adds_its_finalizer_only_when_there_are_dependents(
    api: ApiServer, client: Client, policy: str, finalizer: str
) -> None:
    owner = await _config(api, "owner")
    await _config(api, "alone")
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
    }
    await _config(api, "child", ownerReferences=[reference])
    held = await client.ask("DELETE", f"{CONFIGS}/owner", {"propagationPolicy": policy})
    gone = await client.ask("DELETE", f"{CONFIGS}/alone", {"propagationPolicy": policy})

    assert held.body["metadata"]["finalizers"] == [finalizer]
    assert gone.body["status"] == "Success"


async def test_a_pod_on_a_node_is_given_its_grace(api: ApiServer, client: Client) -> None:
    await _pod(api, nodeName="practice-node-1")
    reply = await client.ask("DELETE", f"{PODS}/p")

    assert reply.body["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:30Z"
    assert reply.body["metadata"]["deletionGracePeriodSeconds"] == 30
    await api.delete("pods", "default", "p", grace=0)
    assert api.get("pods", "default", "p") is None


async def test_a_pod_without_a_node_goes_at_once(api: ApiServer, client: Client) -> None:
    await _pod(api)
    await client.ask("DELETE", f"{PODS}/p")
    assert api.get("pods", "default", "p") is None


async def test_a_shorter_grace_replaces_a_longer_one(api: ApiServer, client: Client) -> None:
    await _pod(api, nodeName="practice-node-1")
    await client.ask("DELETE", f"{PODS}/p")
    shorter = await client.ask("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 5})
    longer = await client.ask("DELETE", f"{PODS}/p", {"gracePeriodSeconds": 500})

    assert shorter.body["metadata"]["deletionGracePeriodSeconds"] == 5
    assert longer.body["metadata"]["deletionGracePeriodSeconds"] == 5


@pytest.mark.parametrize("precondition", [{"uid": "other"}, {"resourceVersion": "1"}])
async def test_a_precondition_that_does_not_hold_is_a_conflict(
    api: ApiServer, client: Client, precondition: JSON
) -> None:
    await _config(api)
    reply = await client.ask("DELETE", f"{CONFIGS}/c", {"preconditions": precondition})

    assert reply.status == 409
    assert "in the precondition" in reply.message
    assert api.get("configmaps", "default", "c") is not None


async def test_the_system_s_namespaces_stay(client: Client) -> None:
    reply = await client.ask("DELETE", "/api/v1/namespaces/kube-system")
    assert reply.status == 403
    assert (
        reply.message == 'namespaces "kube-system" is forbidden: this namespace may not be deleted'
    )


async def test_a_namespace_terminates_until_it_is_finalized(api: ApiServer, client: Client) -> None:
    await api.create("namespaces", {"metadata": {"name": "n"}})
    reply = await client.ask("DELETE", "/api/v1/namespaces/n")
    assert reply.body["status"]["phase"] == "Terminating"

    body = {"metadata": {"name": "n"}, "spec": {"finalizers": []}}
    await client.ask("PUT", "/api/v1/namespaces/n/finalize", body)
    assert api.get("namespaces", None, "n") is None


async def test_a_crd_waits_for_its_instances_to_be_cleaned_up(widgets: ApiServer) -> None:
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    await widgets.delete(crds, None, "widgets.example.org")
    crd = widgets.get(crds, None, "widgets.example.org") or {}

    assert crd["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    assert [one["type"] for one in crd["status"]["conditions"]] == ["Terminating"]
    assert widgets.registry.named("widgets.example.org") is not None

    await widgets.patch(crds, None, "widgets.example.org", {"metadata": {"finalizers": None}})
    assert widgets.registry.named("widgets.example.org") is None


async def test_a_dry_run_deletes_nothing(api: ApiServer, client: Client) -> None:
    await _config(api)
    reply = await client.ask("DELETE", f"{CONFIGS}/c", dryRun="All")
    assert reply.status == 200
    assert api.get("configmaps", "default", "c") is not None


async def test_a_collection_is_deleted_by_its_selector(api: ApiServer, client: Client) -> None:
    await _config(api, "a", labels={"x": "1"})
    await _config(api, "b", labels={"x": "2"})
    reply = await client.ask("DELETE", CONFIGS, labelSelector="x=1")

    assert [item["metadata"]["name"] for item in reply.body["items"]] == ["a"]
    assert [obj["metadata"]["name"] for obj in api.select("configmaps")] == ["b"]


@pytest.mark.parametrize(
    ("options", "refusal"),
    [
        ({"propagationPolicy": "Sideways"}, (422, "Invalid")),
        ({"propagationPolicy": "Orphan", "orphanDependents": True}, (422, "Invalid")),
        ({"gracePeriodSeconds": "soon"}, (400, "BadRequest")),
        ({"dryRun": ["Some"]}, (422, "Invalid")),
        ({"kind": "Pod"}, (400, "BadRequest")),
        ({"preconditions": 3}, (422, "Invalid")),
    ],
)
async def test_options_that_make_no_sense_are_refused(
    api: ApiServer, client: Client, options: JSON, refusal: tuple[int, str]
) -> None:
    await _config(api)
    reply = await client.ask("DELETE", f"{CONFIGS}/c", options)
    assert (reply.status, reply.reason) == refusal


async def test_a_pod_that_ran_nowhere_is_shown_as_it_went(client: Client) -> None:
    spec = {"containers": [{"name": "a", "image": "x"}]}
    await client.ask(
        "POST", "/api/v1/namespaces/default/pods", {"metadata": {"name": "p"}, "spec": spec}
    )
    gone = await client.ask("DELETE", "/api/v1/namespaces/default/pods/p")
    assert (gone.status, gone.body["kind"]) == (200, "Pod")
    assert gone.body["metadata"]["deletionGracePeriodSeconds"] == 0
    assert (await client.ask("GET", "/api/v1/namespaces/default/pods/p")).status == 404
