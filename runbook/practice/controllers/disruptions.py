"""The disruption controller: how many pods of each PodDisruptionBudget may be evicted now.

Evictions themselves are answered by the API server, from what is written here.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    controller_of,
    dig,
    key_of,
    labels_of,
    matches,
    name_of,
    namespace_of,
    with_condition,
)
from runbook.practice.controllers.templates import is_active, is_ready
from runbook.practice.controllers.writing import write_status

BUDGETS = "poddisruptionbudgets.policy"
_OWNERS = {"ReplicaSet": "replicasets.apps", "StatefulSet": "statefulsets.apps"}


class Disruptions:
    """Watches budgets, and the pods that they select."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.watches: Mapping[str, KeysOf] = {
            BUDGETS: lambda budget: [key_of(BUDGETS, budget)],
            "pods": self._of_pod,
        }

    def _of_pod(self, pod: JSON) -> Iterable[Key]:
        return [
            key_of(BUDGETS, budget)
            for budget in self._cluster.select(BUDGETS, namespace_of(pod))
            if matches(dig(budget, "spec", "selector"), labels_of(pod))
        ]

    async def reconcile(self, key: Key) -> None:
        budget = self._cluster.get(*key)
        if budget is None:
            return
        selector = dig(budget, "spec", "selector")
        selected = self._cluster.select("pods", namespace_of(budget))
        pods = [one for one in selected if matches(selector, labels_of(one)) and is_active(one)]
        expected, desired = self._wanted(budget.get("spec") or {}, pods)
        healthy = sum(map(is_ready, pods))
        allowed = max(0, healthy - desired) if expected else 0
        reason = "SufficientPods" if allowed else "InsufficientPods"
        status: JSON = {
            "conditions": with_condition(
                dig(budget, "status", "conditions", default=[]),
                "DisruptionAllowed",
                bool(allowed),
                now=self._cluster.timeline.stamp(),
                reason=reason,
                message="",
                observedGeneration=budget["metadata"].get("generation", 1),
            ),
            "currentHealthy": healthy,
            "desiredHealthy": desired,
            "disruptionsAllowed": allowed,
            "expectedPods": expected,
            "observedGeneration": budget["metadata"].get("generation", 1),
        }
        await write_status(self._cluster, BUDGETS, budget, status)

    def _wanted(self, spec: JSON, pods: list[JSON]) -> tuple[int, int]:
        """(pods that there should be, pods that must stay healthy)."""
        least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
        if most is not None:
            expected = self._planned(pods)
            return expected, max(0, expected - _share(most, expected))
        if isinstance(least, str):
            expected = self._planned(pods)
            return expected, _share(least, expected)
        return len(pods), int(least if least is not None else 1)

    def _planned(self, pods: list[JSON]) -> int:
        """The replicas that the pods' controllers want, however many there are."""
        owners: dict[str, int] = {}
        for pod in pods:
            reference = controller_of(pod)
            resource = _OWNERS.get(reference["kind"]) if reference else None
            if reference is None or resource is None:
                owners[name_of(pod)] = 1
                continue
            owner = self._cluster.get(resource, namespace_of(pod), reference["name"])
            owners[reference["uid"]] = int(dig(owner, "spec", "replicas", default=1))
        return sum(owners.values())


def _share(value: int | str, of: int) -> int:
    if isinstance(value, str) and value.endswith("%"):
        return math.ceil(int(value[:-1]) * of / 100)
    return int(value)
