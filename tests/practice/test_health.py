from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.practice import health
from runbook.practice.cluster import Cluster
from runbook.practice.timeline import Timeline


class Holding:
    """A cluster that holds one object."""

    def __init__(self, resource: str, **fields: Any) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        self._resource = resource
        self._obj = {"metadata": {"name": "it", "namespace": "here"}, **fields}

    def select(self, resource: str) -> list[dict[str, Any]]:
        return [self._obj] if resource == self._resource else []


def unhealthy(resource: str, **fields: Any) -> list[str]:
    cluster: Cluster = Holding(resource, **fields)  # type: ignore[assignment]  # only `select` is asked
    return health.unhealthy(cluster)


def ready(condition: str, status: str) -> dict[str, Any]:
    return {"conditions": [{"type": condition, "status": status}]}


def test_a_workload_is_healthy_when_all_its_replicas_are_ready() -> None:
    spec = {"replicas": 2}
    short = unhealthy("deployments.apps", spec=spec, status={"readyReplicas": 1})
    assert short == ["deployments.apps here/it: 1 of 2 ready"]
    assert unhealthy("statefulsets.apps", spec=spec, status={"readyReplicas": 2}) == []
    assert unhealthy("deployments.apps", spec={"replicas": 0}) == []
    assert unhealthy("deployments.apps", spec={}) == ["deployments.apps here/it: 0 of 1 ready"]


def test_a_claim_is_healthy_when_it_is_bound() -> None:
    claims = "persistentvolumeclaims"
    assert unhealthy(claims, status={"phase": "Bound"}) == []
    assert unhealthy(claims, status={"phase": "Pending"}) == [f"{claims} here/it: Pending"]
    assert unhealthy(claims) == [f"{claims} here/it: without a phase"]


@pytest.mark.parametrize(
    ("resource", "condition"),
    [
        ("models.mlops.seldon.io", "ModelReady"),
        ("experiments.mlops.seldon.io", "ExperimentReady"),
        ("servers.mlops.seldon.io", "Ready"),
        ("seldonruntimes.mlops.seldon.io", "Ready"),
        ("sealedsecrets.bitnami.com", "Synced"),
    ],
)
def test_a_custom_resource_is_healthy_by_its_own_condition(resource: str, condition: str) -> None:
    said = [f"{resource} here/it: not {condition}"]
    assert unhealthy(resource, status=ready(condition, "True")) == []
    assert unhealthy(resource, status=ready(condition, "False")) == said
    assert unhealthy(resource) == said
