from __future__ import annotations

import pytest

from runbook.practice.controllers.seldon.hosts import answers, service_of
from tests.practice.controllers.seldon.stage import Stage


@pytest.mark.parametrize(
    ("host", "found"),
    [
        ("minio.minio", True),
        ("minio.minio.svc", True),
        ("minio.minio.svc.cluster.local", True),
        ("minio", False),
        ("minio.elsewhere", False),
        ("minio.example.org", False),
        ("minio.minio.example.org", False),
    ],
)
async def test_a_name_means_a_service_of_this_or_the_named_namespace(
    stage: Stage, host: str, found: bool
) -> None:
    assert (service_of(stage.server, "default", host) is not None) is found


async def test_an_external_name_is_followed(stage: Stage) -> None:
    spec = {"type": "ExternalName", "externalName": "minio.minio.svc.cluster.local"}
    metadata = {"name": "store", "namespace": "default"}
    await stage.server.create("services", {"metadata": metadata, "spec": spec})
    service = service_of(stage.server, "default", "store")
    assert service is not None
    assert service["metadata"]["namespace"] == "minio"


async def test_a_service_answers_while_a_ready_pod_is_behind_it(stage: Stage) -> None:
    service = service_of(stage.server, "minio", "minio")
    assert service is not None
    assert answers(stage.server, service)
    await stage.scale("deployments.apps", "minio", 0, "minio")
    await stage.run(30)
    assert not answers(stage.server, service)
