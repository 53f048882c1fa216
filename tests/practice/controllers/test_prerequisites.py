from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.prerequisites import (
    missing_environment,
    missing_mount,
)
from tests.practice.controllers.lab import Lab


def _variable(**source: JSON) -> JSON:
    return {"name": "main", "env": [{"name": "X", "valueFrom": source}]}


@pytest.fixture
async def stocked(lab: Lab) -> Lab:
    """One Secret and one ConfigMap, each with the key `there`."""
    metadata = {"name": "s", "namespace": "default"}
    await lab.create("secrets", {"metadata": metadata, "data": {"there": "eA=="}})
    await lab.create("configmaps", {"metadata": metadata, "data": {"there": "x"}})
    return lab


@pytest.mark.parametrize(
    ("container", "complaint"),
    [
        (_variable(secretKeyRef={"name": "s", "key": "there"}), None),
        (_variable(configMapKeyRef={"name": "s", "key": "there"}), None),
        (_variable(secretKeyRef={"name": "t", "key": "there"}), 'secret "t" not found'),
        (_variable(secretKeyRef={"name": "t", "key": "k", "optional": True}), None),
        (
            _variable(secretKeyRef={"name": "s", "key": "gone"}),
            "couldn't find key gone in Secret default/s",
        ),
        (
            {"name": "main", "envFrom": [{"configMapRef": {"name": "t"}}]},
            'configmap "t" not found',
        ),
    ],
)
async def test_the_environment_is_checked_in_the_kubelets_words(
    stocked: Lab, container: JSON, complaint: str | None
) -> None:
    assert missing_environment(stocked.server, stocked.pod("p"), container) == complaint


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ({"secret": {"secretName": "s"}}, None),
        ({"secret": {"secretName": "t"}}, ("v", 'secret "t" not found')),
        ({"secret": {"secretName": "t", "optional": True}}, None),
        (
            {"configMap": {"name": "s", "items": [{"key": "gone", "path": "x"}]}},
            ("v", "references non-existent configmap key: gone"),
        ),
        (
            {"projected": {"sources": [{"secret": {"name": "t"}}]}},
            ("v", 'secret "t" not found'),
        ),
        ({"emptyDir": {}}, None),
    ],
)
async def test_volumes_are_checked_before_the_pod_is_set_up(
    stocked: Lab, source: JSON, complaint: tuple[str, str] | None
) -> None:
    pod = stocked.pod("p", volumes=[{"name": "v", **source}])
    assert missing_mount(stocked.server, pod) == complaint
