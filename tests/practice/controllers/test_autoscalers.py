"""The HorizontalPodAutoscaler controller, without anybody who measures."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.autoscaler_metrics import unmeasured
from tests.practice.controllers.lab import Lab

AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
DEPLOYMENTS = "deployments.apps"


async def _autoscaler(
    lab: Lab, name: str = "web", *, target: str = "web", kind: str = "Deployment", **spec: Any
) -> None:
    version = {"Deployment": "apps/v1", "Job": "batch/v1"}.get(kind, "example.org/v1")
    reference = {"apiVersion": version, "kind": kind, "name": target}
    whole = {"scaleTargetRef": reference, "maxReplicas": 3, **spec}
    autoscaler = {"metadata": {"name": name, "namespace": "default"}, "spec": whole}
    await lab.create(AUTOSCALERS, autoscaler)


@pytest.mark.parametrize(
    ("replicas", "least", "wanted", "why"),
    [
        (5, 1, 3, "Current number of replicas above Spec.MaxReplicas"),
        (1, 2, 2, "Current number of replicas below Spec.MinReplicas"),
    ],
)
async def test_a_target_is_kept_between_least_and_most(
    lab: Lab, replicas: int, least: int, wanted: int, why: str
) -> None:
    await lab.create(DEPLOYMENTS, lab.workload("web", replicas=replicas))
    await _autoscaler(lab, minReplicas=least)
    await lab.run(2)
    assert lab.get(DEPLOYMENTS, "web")["spec"]["replicas"] == wanted
    assert lab.get(AUTOSCALERS, "web")["status"]["desiredReplicas"] == wanted
    assert lab.conditions(AUTOSCALERS, "web")["AbleToScale"]["reason"] == "SucceededRescale"
    said = [one["message"] for one in lab.server.select("events", "default")]
    assert f"New size: {wanted}; reason: {why}" in said


async def test_one_at_zero_is_left_alone(lab: Lab) -> None:
    await lab.create(DEPLOYMENTS, lab.workload("web", replicas=0))
    await _autoscaler(lab)
    await lab.run(20)
    assert lab.get(DEPLOYMENTS, "web")["spec"]["replicas"] == 0
    assert lab.conditions(AUTOSCALERS, "web")["ScalingActive"]["reason"] == "ScalingDisabled"


async def test_nothing_is_known_of_what_pods_use(lab: Lab) -> None:
    await lab.create(DEPLOYMENTS, lab.workload("web", replicas=1))
    await _autoscaler(lab)
    await lab.run(40)
    conditions = lab.conditions(AUTOSCALERS, "web")
    assert conditions["AbleToScale"]["status"] == "True"
    assert conditions["ScalingActive"]["reason"] == "FailedGetResourceMetric"
    counts = {
        one["reason"]: one["count"]
        for one in lab.server.select("events", "default")
        if one["involvedObject"]["kind"] == "HorizontalPodAutoscaler"
    }
    assert counts == {"FailedGetResourceMetric": 3, "FailedComputeMetricsReplicas": 3}


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("Deployment", 'deployments.apps "web" not found'),
        ("Job", "the server could not find the requested resource"),
        ("Nope", 'no matches for kind "Nope" in group "example.org"'),
    ],
)
async def test_a_target_that_cannot_be_scaled(lab: Lab, kind: str, why: str) -> None:
    await _autoscaler(lab, kind=kind)
    await lab.run(1)
    condition = lab.conditions(AUTOSCALERS, "web")["AbleToScale"]
    assert (condition["status"], condition["reason"]) == ("False", "FailedGetScale")
    assert condition["message"].endswith(f"current scale: {why}")
    assert lab.get(AUTOSCALERS, "web")["status"]["currentMetrics"] is None


async def test_two_for_the_same_pods_stand_in_each_others_way(lab: Lab) -> None:
    await lab.create(DEPLOYMENTS, lab.workload("web", replicas=1))
    await lab.run(1)
    for name in ("one", "two"):
        await _autoscaler(lab, name)
    await lab.run(20)
    for name, order in {"one": "default/one default/two", "two": "default/two default/one"}.items():
        condition = lab.conditions(AUTOSCALERS, name)["ScalingActive"]
        assert condition["reason"] == "AmbiguousSelector"
        assert f"[{order}]" in condition["message"]


def test_metrics_are_named_in_full() -> None:
    autoscaler = {"metadata": {"name": "a", "namespace": "n"}}
    terms = [{"key": "e", "operator": "In", "values": ["f", "g"]}]
    selector = {"matchLabels": {"b": "c"}, "matchExpressions": terms}
    source = {"metric": {"name": "q", "selector": selector}, "target": {"value": "3"}}
    found = unmeasured(autoscaler, {"type": "External", "external": source})
    assert found.why.startswith(
        "unable to get external metric n/q/&LabelSelector{MatchLabels:map[string]string{b: c,},"
        "MatchExpressions:[]LabelSelectorRequirement{LabelSelectorRequirement{Key:e,Operator:In,"
        "Values:[f g],},},}: "
    )
    assert found.summary.startswith("failed to get q external metric value: failed to get external")
