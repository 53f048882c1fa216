"""What a pod gets for a name."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.dns import CLUSTER_DNS, WILDCARDS, Unreachable, look_up
from runbook.practice.controllers.network import POLICIES
from tests.practice.controllers.seldon.stage import Stage

WILDCARD, PUBLIC = next(iter(WILDCARDS.items()))
CORPORATE = {"nameservers": [CLUSTER_DNS], "options": [{"name": "ndots", "value": "5"}]}


@pytest.fixture
async def stage() -> Stage:
    made = Stage()
    await made.furnish()
    return made


@pytest.fixture
async def cluster(stage: Stage) -> Any:
    spec = {"type": "ExternalName", "externalName": "minio.minio.svc.cluster.local"}
    metadata = {"name": "store", "namespace": "default"}
    await stage.server.create("services", {"metadata": metadata, "spec": spec})
    return stage.server


def pod(**spec: Any) -> JSON:
    metadata = {"name": "client", "namespace": "default", "labels": {}}
    return {"metadata": metadata, "spec": spec, "status": {"podIP": "10.42.0.9"}}


def meaning(cluster: Any, host: str, **spec: Any) -> str:
    """The namespace/name of a Service, an address outside, or the last words of the failure."""
    try:
        found = look_up(cluster, pod(**spec), host)
    except Unreachable as error:
        return str(error).rpartition(": ")[2]
    if found.service is None:
        return found.address
    metadata = found.service["metadata"]
    return f"{metadata['namespace']}/{metadata['name']}"


@pytest.mark.parametrize(
    ("host", "means"),
    [
        ("minio.minio", "minio/minio"),
        ("minio.minio.svc", "minio/minio"),
        ("minio.minio.svc.cluster.local", "minio/minio"),
        ("minio.minio.svc.cluster.local.", "minio/minio"),
        ("minio.minio.", "no such host"),
        ("minio", "no such host"),
        ("store", "minio/minio"),
        ("minio.elsewhere", "no such host"),
        ("minio.example.org", "no such host"),
        (f"anything.{WILDCARD}", PUBLIC),
        (PUBLIC, PUBLIC),
        (CLUSTER_DNS, "kube-system/kube-dns"),
    ],
)
async def test_a_pod_with_the_usual_settings(cluster: Any, host: str, means: str) -> None:
    assert meaning(cluster, host) == means


@pytest.mark.parametrize(
    ("spec", "means"),
    [
        ({"dnsPolicy": "Default"}, "no such host"),
        ({"hostNetwork": True}, "no such host"),
        ({"hostNetwork": True, "dnsPolicy": "ClusterFirstWithHostNet"}, "minio/minio"),
        ({"dnsPolicy": "None"}, "no such host"),
        (
            {
                "dnsPolicy": "None",
                "dnsConfig": {**CORPORATE, "searches": [WILDCARD, "svc.cluster.local"]},
            },
            PUBLIC,
        ),
        (
            {
                "dnsPolicy": "None",
                "dnsConfig": {**CORPORATE, "searches": ["svc.cluster.local", WILDCARD]},
            },
            "minio/minio",
        ),
        ({"dnsConfig": {"searches": [WILDCARD]}}, "minio/minio"),
        ({"hostAliases": [{"ip": PUBLIC, "hostnames": ["minio.minio"]}]}, PUBLIC),
    ],
)
async def test_settings_decide_who_answers_first(
    cluster: Any, spec: dict[str, Any], means: str
) -> None:
    assert meaning(cluster, "minio.minio", **spec) == means


@pytest.mark.parametrize(("ndots", "means"), [("5", PUBLIC), ("4", "minio/minio")])
async def test_ndots_decides_whether_a_name_is_tried_as_it_stands_first(
    cluster: Any, ndots: str, means: str
) -> None:
    config = {**CORPORATE, "searches": [WILDCARD], "options": [{"name": "ndots", "value": ndots}]}
    host = "minio.minio.svc.cluster.local"
    assert meaning(cluster, host, dnsPolicy="None", dnsConfig=config) == means


async def test_a_policy_without_port_53_silences_every_name(cluster: Any) -> None:
    rule = {"ports": [{"port": 9000}]}
    spec = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]}
    metadata = {"name": "tight", "namespace": "default"}
    await cluster.create(POLICIES, {"metadata": metadata, "spec": spec})
    assert meaning(cluster, "minio.minio") == "i/o timeout"


async def test_without_a_ready_pod_behind_it_the_clusters_dns_does_not_answer(
    stage: Stage,
) -> None:
    await stage.scale("deployments.apps", "coredns", 0, "kube-system")
    await stage.run(30)
    assert meaning(stage.server, "minio.minio") == "i/o timeout"
