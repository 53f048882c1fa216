from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from tests.practice.controllers.lab import Lab

QUOTAS = "resourcequotas"


async def _quota(lab: Lab, hard: JSON, **spec: Any) -> None:
    metadata = {"name": "limits", "namespace": "default"}
    await lab.create(QUOTAS, {"metadata": metadata, "spec": {"hard": hard, **spec}})
    await lab.run(1)


def _used(lab: Lab) -> JSON:
    used: JSON = lab.get(QUOTAS, "limits")["status"]["used"]
    return used


def _container(**resources: Any) -> JSON:
    return {"name": "main", "image": "app:1", "resources": resources}


async def test_what_is_there_is_counted(lab: Lab) -> None:
    hard = {"count/configmaps": "5", "pods": "10", "requests.cpu": "4", "limits.memory": "8Gi"}
    await _quota(lab, hard)
    asks = _container(requests={"cpu": "250m"}, limits={"cpu": "1", "memory": "512Mi"})
    for name in ("a", "b"):
        await lab.create("pods", lab.pod(name, asks))
    await lab.run(1)
    assert _used(lab) == {
        "count/configmaps": "1",
        "pods": "2",
        "requests.cpu": "500m",
        "limits.memory": "1Gi",
    }
    assert lab.get(QUOTAS, "limits")["status"]["hard"] == hard


async def test_what_is_gone_counts_no_more(lab: Lab) -> None:
    await _quota(lab, {"pods": "10"})
    await lab.create("pods", lab.pod("a"))
    await lab.run(1)
    await lab.delete("pods", "a", grace=0)
    await lab.run(1)
    assert _used(lab) == {"pods": "0"}


async def test_exceeding_a_count_is_refused_in_the_servers_words(lab: Lab) -> None:
    await _quota(lab, {"count/configmaps": "1"})
    refusal = await lab.refused("configmaps", {"metadata": {"name": "c", "namespace": "default"}})
    assert refusal == (
        'configmaps "c" is forbidden: exceeded quota: limits, requested: count/configmaps=1, '
        "used: count/configmaps=1, limited: count/configmaps=1"
    )


async def test_a_pod_must_say_what_it_wants_of_a_limited_resource(lab: Lab) -> None:
    await _quota(lab, {"limits.memory": "8Gi", "requests.cpu": "4"})
    silent = {"name": "wait", "image": "app:1"}
    spoken = _container(requests={"cpu": "1"}, limits={"memory": "1Gi"})
    refusal = await lab.refused("pods", lab.pod("p", spoken, initContainers=[silent]))
    assert refusal == (
        'pods "p" is forbidden: failed quota: limits: must specify limits.memory for: wait; '
        "requests.cpu for: wait"
    )


async def test_storage_is_limited_by_what_claims_request(lab: Lab) -> None:
    await _quota(lab, {"requests.storage": "1Ti"})
    spec = {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "600Gi"}},
        "storageClassName": "nfs-shared",
    }
    await lab.create(
        "persistentvolumeclaims",
        {"metadata": {"name": "a", "namespace": "default"}, "spec": spec},
    )
    refusal = await lab.refused(
        "persistentvolumeclaims",
        {"metadata": {"name": "b", "namespace": "default"}, "spec": spec},
    )
    assert "requested: requests.storage=600Gi, used: requests.storage=600Gi" in refusal


async def test_a_scoped_quota_is_about_its_pods_only(lab: Lab) -> None:
    await _quota(lab, {"pods": "0"}, scopes=["BestEffort"])
    await lab.create("pods", lab.pod("asks", _container(requests={"cpu": "1"})))
    assert "exceeded quota" in await lab.refused("pods", lab.pod("silent"))


async def test_an_update_that_adds_nothing_is_never_refused(lab: Lab) -> None:
    await _quota(lab, {"pods": "1"})
    await lab.create("pods", lab.pod("a"))
    await lab.patch(QUOTAS, "limits", {"spec": {"hard": {"pods": "0"}}})
    await lab.patch("pods", "a", {"metadata": {"labels": {"touched": "yes"}}})
    assert lab.get("pods", "a")["metadata"]["labels"]["touched"] == "yes"
