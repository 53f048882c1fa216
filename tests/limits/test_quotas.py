"""What a pod wants, as the API server adds it up."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from runbook.limits.quotas import in_scope, resources_limited, unspecified, usage_of

JSON = dict[str, Any]


def one(cpu: str | None = None, **more: Any) -> JSON:
    return {"name": "c", "resources": {"requests": {"cpu": cpu}} if cpu else {}, **more}


ALWAYS = {"restartPolicy": "Always"}


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        ({"containers": [one("1"), one("2")]}, "3"),
        ({"containers": [one("1")], "initContainers": [one("5")]}, "5"),
        ({"containers": [one("1")], "initContainers": [one("2", **ALWAYS)]}, "3"),
        ({"containers": [one("1")], "initContainers": [one("2", **ALWAYS), one("4")]}, "6"),
        ({"containers": [one("1")], "initContainers": [one("4"), one("2", **ALWAYS)]}, "4"),
        ({"containers": [one("1")], "overhead": {"cpu": "250m"}}, "1.25"),
        ({"containers": [one("1")], "resources": {"requests": {"cpu": "7"}}}, "7"),
        ({"containers": [one()], "resources": {"limits": {"cpu": "7"}}}, "7"),
    ],
)
def test_what_a_pod_requests(spec: JSON, cpu: str) -> None:
    assert usage_of("pods", {"spec": spec})["requests.cpu"] == Decimal(cpu)


def test_what_cannot_be_shared_is_limited_by_its_requests_alone() -> None:
    resources = {"limits": {"nvidia.com/gpu": "2", "hugepages-2Mi": "4Mi"}}
    used = usage_of("pods", {"spec": {"containers": [{"name": "c", "resources": resources}]}})
    assert used == {
        "count/pods": 1,
        "pods": 1,
        "requests.nvidia.com/gpu": 2,
        "requests.hugepages-2Mi": 4 * 2**20,
        "hugepages-2Mi": 4 * 2**20,
    }


def test_only_of_cpu_and_memory_each_container_must_say_how_much() -> None:
    hard = {"limits.cpu": "1", "requests.ephemeral-storage": "1Gi", "requests.memory": "1Gi"}
    pod: JSON = {"spec": {"containers": [one("1")]}}
    assert unspecified(pod, hard) == {"limits.cpu": ["c"], "requests.memory": ["c"]}
    pod["spec"]["resources"] = {"requests": {"memory": "1Gi"}}
    assert unspecified(pod, hard) == {}


@pytest.mark.parametrize(
    ("spec", "nodeports"),
    [
        ({"type": "NodePort", "ports": [{}, {}]}, 2),
        ({"type": "LoadBalancer", "ports": [{}]}, 1),
        ({"type": "LoadBalancer", "allocateLoadBalancerNodePorts": False, "ports": [{}]}, 0),
        ({"ports": [{}]}, None),
    ],
)
def test_ports_of_nodes(spec: JSON, nodeports: int | None) -> None:
    assert usage_of("services", {"spec": spec}).get("services.nodeports") == nodeports


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_of_a_pod_that_has_ended_only_its_object_counts(phase: str) -> None:
    ended = {"spec": {"containers": [one("1")]}, "status": {"phase": phase}}
    assert usage_of("pods", ended) == {"count/pods": 1}


def test_a_claim_counts_for_its_class_too() -> None:
    spec = {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}}
    prefix = "fast.storageclass.storage.k8s.io"
    assert usage_of("persistentvolumeclaims", {"spec": spec}) == {
        "count/persistentvolumeclaims": 1,
        "persistentvolumeclaims": 1,
        "requests.storage": 2**30,
        f"{prefix}/requests.storage": 2**30,
        f"{prefix}/persistentvolumeclaims": 1,
    }


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("count/models.mlops.seldon.io", "models.mlops.seldon.io"),
        ("secrets", "secrets"),
        ("services.nodeports", "services"),
        ("requests.storage", "persistentvolumeclaims"),
        ("fast.storageclass.storage.k8s.io/requests.storage", "persistentvolumeclaims"),
        ("fast.storageclass.storage.k8s.io/persistentvolumeclaims", "persistentvolumeclaims"),
        ("requests.nvidia.com/gpu", "pods"),
        ("pods", "pods"),
    ],
)
def test_a_limit_tells_which_objects_to_look_at(name: str, resource: str) -> None:
    assert resources_limited({name: "1"}) == {resource}


BATCH: JSON = {"containers": [one("1")], "activeDeadlineSeconds": 60, "priorityClassName": "low"}
IDLE: JSON = {"containers": [one()]}


@pytest.mark.parametrize(
    ("spec", "batch", "idle"),
    [
        ({}, True, True),
        ({"scopes": ["Terminating"]}, True, False),
        ({"scopes": ["NotTerminating"]}, False, True),
        ({"scopes": ["BestEffort"]}, False, True),
        ({"scopes": ["NotBestEffort"]}, True, False),
        ({"scopes": ["PriorityClass"]}, True, False),
        ({"scopes": ["Terminating", "BestEffort"]}, False, False),
        ({"scopes": ["CrossNamespacePodAffinity"]}, False, False),
        ({"operator": "In", "values": ["low"]}, True, False),
        ({"operator": "NotIn", "values": ["low"]}, False, True),
        ({"operator": "Exists"}, True, False),
        ({"operator": "DoesNotExist"}, False, True),
    ],
)
def test_a_quota_with_scopes_is_about_the_pods_in_them(spec: JSON, batch: bool, idle: bool) -> None:
    if "operator" in spec:
        term = {"scopeName": "PriorityClass", **spec}
        spec = {"scopeSelector": {"matchExpressions": [term]}}
    assert in_scope({"spec": spec}, {"spec": BATCH}) is batch
    assert in_scope({"spec": spec}, {"spec": IDLE}) is idle
