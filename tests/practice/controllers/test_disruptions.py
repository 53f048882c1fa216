from __future__ import annotations

from typing import Any

import pytest

from tests.practice.controllers.lab import Lab

BUDGETS = "poddisruptionbudgets.policy"


async def _budget(lab: Lab, **spec: Any) -> None:
    budget = {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": "web"}}, **spec},
    }
    await lab.create(BUDGETS, budget)
    await lab.create("deployments.apps", lab.workload("web", replicas=4))
    await lab.run(30)


@pytest.mark.parametrize(
    ("spec", "desired", "allowed"),
    [
        ({"minAvailable": 1}, 1, 3),
        ({"minAvailable": "60%"}, 3, 1),
        ({"minAvailable": 4}, 4, 0),
        ({"maxUnavailable": 1}, 3, 1),
        ({"maxUnavailable": "50%"}, 2, 2),
    ],
)
async def test_a_budget_says_how_many_pods_may_go(
    lab: Lab, spec: dict[str, Any], desired: int, allowed: int
) -> None:
    await _budget(lab, **spec)
    status = lab.get(BUDGETS, "web")["status"]
    assert (status["expectedPods"], status["currentHealthy"]) == (4, 4)
    assert (status["desiredHealthy"], status["disruptionsAllowed"]) == (desired, allowed)
    reason = "SufficientPods" if allowed else "InsufficientPods"
    assert lab.conditions(BUDGETS, "web")["DisruptionAllowed"]["reason"] == reason


async def test_a_pod_that_goes_leaves_less_to_go(lab: Lab) -> None:
    await _budget(lab, maxUnavailable=2)
    await lab.delete("pods", lab.names("pods")[0])
    await lab.run(0.2)
    status = lab.get(BUDGETS, "web")["status"]
    assert (status["currentHealthy"], status["disruptionsAllowed"]) == (3, 1)


async def test_a_budget_without_a_spec_is_counted(lab: Lab) -> None:
    await lab.create(BUDGETS, {"metadata": {"name": "bare", "namespace": "default"}})
    await lab.run(1)
    assert lab.get(BUDGETS, "bare")["status"]["disruptionsAllowed"] == 0
