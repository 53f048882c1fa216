from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.network import POLICIES
from runbook.practice.controllers.seldon.hosts import dial
from tests.practice.controllers.seldon.stage import Stage

POD: JSON = {
    "metadata": {"name": "client", "namespace": "default", "labels": {"app": "client"}},
    "spec": {},
    "status": {"podIP": "10.42.0.9"},
}


def trouble(stage: Stage, host: str, port: int = 9000) -> str:
    with pytest.raises(Unreachable) as caught:
        dial(stage.server, POD, host, port)
    return str(caught.value)


async def test_a_service_answers_while_a_ready_pod_is_behind_it(stage: Stage) -> None:
    address = stage.get("services", "minio", "minio")["spec"]["clusterIP"]
    for host in ("minio.minio", address):
        [found] = dial(stage.server, POD, host, 9000)
        assert found["metadata"]["namespace"] == "minio"
    await stage.scale("deployments.apps", "minio", 0, "minio")
    await stage.run(30)
    assert trouble(stage, "minio.minio") == f"dial tcp {address}:9000: connect: connection refused"


async def test_what_a_policy_drops_or_is_outside_times_out(stage: Stage) -> None:
    assert trouble(stage, "203.0.113.9") == "dial tcp 203.0.113.9:9000: i/o timeout"
    spec = {"podSelector": {}, "policyTypes": ["Ingress"]}
    metadata = {"name": "closed", "namespace": "minio"}
    await stage.server.create(POLICIES, {"metadata": metadata, "spec": spec})
    assert trouble(stage, "minio.minio").endswith(":9000: i/o timeout")
