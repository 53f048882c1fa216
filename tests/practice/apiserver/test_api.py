from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import Change, Cluster
from runbook.practice.timeline import Timeline

JSON = dict[str, Any]
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def _config(name: str, **more: Any) -> JSON:
    return {"metadata": {"name": name, "namespace": "default"}, **more}


async def test_it_is_the_controllers_cluster(api: ApiServer) -> None:
    cluster: Cluster = api
    made = await cluster.create("configmaps", _config("c", data={"a": "b"}))
    assert cluster.get("configmaps", "default", "c") is made
    assert cluster.exists(made["metadata"]["uid"])

    changed = await cluster.patch("configmaps", "default", "c", {"data": {"a": None, "x": "y"}})
    assert changed["data"] == {"x": "y"}
    await cluster.delete("configmaps", "default", "c", uid=made["metadata"]["uid"])
    assert cluster.get("configmaps", "default", "c") is None


async def test_what_a_controller_hands_over_stays_its_own(api: ApiServer) -> None:
    mine = _config("c", data={"a": "b"})
    await api.create("configmaps", mine)
    mine["data"]["a"] = "changed"
    assert (api.get("configmaps", "default", "c") or {})["data"] == {"a": "b"}


async def test_selecting_by_namespace_and_labels(api: ApiServer) -> None:
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"})):
        meta = {"name": name, "namespace": "default", "labels": labels}
        await api.create("configmaps", {"metadata": meta})
    chosen = api.select("configmaps", "default", {"x": "2"})
    assert [obj["metadata"]["name"] for obj in chosen] == ["b"]
    assert api.select("nothing.example.org") == []


async def test_resources_follow_the_crds(widgets: ApiServer) -> None:
    assert ("widgets.example.org", True) in widgets.resources()
    assert ("namespaces", False) in widgets.resources()
    await widgets.delete(CRDS, None, "widgets.example.org")
    await widgets.patch(CRDS, None, "widgets.example.org", {"metadata": {"finalizers": []}})
    assert ("widgets.example.org", True) not in widgets.resources()
    with pytest.raises(ApiError, match="is its CRD applied"):
        await widgets.create("widgets.example.org", _config("w", spec={"size": 1}))


async def test_a_status_needs_its_subresource(api: ApiServer) -> None:
    await api.create("configmaps", _config("c"))
    with pytest.raises(ApiError, match="has no status subresource"):
        await api.update_status("configmaps", _config("c", status={}))


async def test_subscribers_hear_of_commits_in_order(api: ApiServer) -> None:
    heard: list[Change] = []
    api.subscribe(heard.append)
    await api.create("configmaps", _config("c"))
    await api.update("configmaps", _config("c", data={"a": "b"}))
    await api.update("configmaps", _config("c", data={"a": "b"}))
    await api.delete("configmaps", "default", "c")
    assert [change.type for change in heard] == ["ADDED", "MODIFIED", "DELETED"]


async def test_two_clusters_of_one_seed_are_the_same() -> None:
    uids = []
    for _ in range(2):
        api = ApiServer(Timeline(), seed=7)
        made = await api.create("namespaces", {"metadata": {"generateName": "n-"}})
        uids.append((made["metadata"]["name"], made["metadata"]["uid"]))
    assert uids[0] == uids[1]


async def test_a_namespace_is_let_go_by_finalizing(api: ApiServer) -> None:
    await api.create("namespaces", {"metadata": {"name": "n"}})
    await api.delete("namespaces", None, "n")
    assert (api.get("namespaces", None, "n") or {})["status"]["phase"] == "Terminating"
    await api.finalize("n", [])
    assert api.get("namespaces", None, "n") is None
