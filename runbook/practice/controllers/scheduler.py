"""kube-scheduler: gives a pod its node, or says why there is none.

When a pod has no node, after a moment, the first fitting node is written into its spec. It looks at
readiness, cordons, selectors, taints and unbound claims; it does not add up requests, because the
practice node is as large as it needs to be.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    condition_of,
    dig,
    has_condition,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    with_condition,
)
from runbook.practice.controllers.prerequisites import claims_of, missing_claim
from runbook.practice.controllers.writing import write_status

MOMENT = 0.2  # seconds a pod waits in the scheduling queue
NAME = "default-scheduler"
NOT_HELPFUL = (
    "preemption: 0/{count} nodes are available: {count} Preemption is not helpful for scheduling."
)


class Scheduler:
    """Watches pods without a node, and what may let them have one."""

    def __init__(self, cluster: Cluster, events: EventRecorder) -> None:
        self._cluster = cluster
        self._events = events
        self._since: dict[Key, float] = {}
        self.watches: Mapping[str, KeysOf] = {
            "pods": self._unplaced,
            "persistentvolumeclaims": self._pods_of_claim,
            "nodes": self._every_unplaced,
        }

    def _unplaced(self, pod: JSON) -> list[Key]:
        return [key_of("pods", pod)]

    def _pods_of_claim(self, claim: JSON) -> list[Key]:
        pods = self._cluster.select("pods", namespace_of(claim))
        return [
            key_of("pods", pod)
            for pod in pods
            if not dig(pod, "spec", "nodeName") and name_of(claim) in claims_of(pod)
        ]

    def _every_unplaced(self, _node: JSON) -> list[Key]:
        pods = self._cluster.select("pods")
        return [key_of("pods", pod) for pod in pods if _to_be_placed(pod)]

    async def reconcile(self, key: Key) -> float | None:
        pod = self._cluster.get(*key)
        if pod is None or not _to_be_placed(pod) or being_deleted(pod):
            self._since.pop(key, None)
            return None
        now = self._cluster.timeline.elapsed()
        due = self._since.setdefault(key, now) + MOMENT
        if due > now:
            return due - now
        fitting, complaint = self._choose(pod)
        if fitting is None:
            await self._unschedulable(pod, complaint)
            return None
        namespace, name = namespace_of(pod), name_of(pod)
        bound = await self._cluster.patch("pods", namespace, name, {"spec": {"nodeName": fitting}})
        self._since.pop(key, None)
        await self._events.record(
            bound,
            "Scheduled",
            f"Successfully assigned {namespace}/{name} to {fitting}",
            source=NAME,
        )
        return None

    def _choose(self, pod: JSON) -> tuple[str | None, str]:
        """(node, "") or (None, why no node is available)."""
        nodes = self._cluster.select("nodes")
        count = len(nodes)
        if not nodes:
            return None, "no nodes available to schedule pods"
        preemption = NOT_HELPFUL.format(count=count)
        complaint = missing_claim(self._cluster, pod)
        if complaint:
            return None, f"0/{count} nodes are available: {complaint}. {preemption}"
        refusals = Counter[str]()
        for node in nodes:
            refusal = unfit(node, pod)
            if refusal is None:
                return name_of(node), ""
            refusals[refusal] += 1
        reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(refusals.items()))
        return None, f"0/{count} nodes are available: {reasons}. {preemption}"

    async def _unschedulable(self, pod: JSON, message: str) -> None:
        earlier = condition_of(pod, "PodScheduled")
        if earlier is not None and earlier.get("message") == message:
            return
        source = "default-scheduler"
        await self._events.record(pod, "FailedScheduling", message, "Warning", source)
        conditions = with_condition(
            dig(pod, "status", "conditions", default=[]),
            "PodScheduled",
            status=False,
            now=self._cluster.timeline.stamp(),
            reason="Unschedulable",
            message=message,
            observedGeneration=pod["metadata"].get("generation", 1),
        )
        status = {**(pod.get("status") or {}), "phase": "Pending", "conditions": conditions}
        await write_status(self._cluster, "pods", pod, status)


def unfit(node: JSON, pod: JSON) -> str | None:
    """Why this node cannot take this pod, in the scheduler's words; None when it can."""
    if dig(node, "spec", "unschedulable"):
        return "node(s) were unschedulable"
    if not has_condition(node, "Ready"):
        return "node(s) had untolerated taint {node.kubernetes.io/not-ready: }"
    selector = dig(pod, "spec", "nodeSelector", default={})
    labels = labels_of(node)
    if any(labels.get(name) != value for name, value in selector.items()):
        return "node(s) didn't match Pod's node affinity/selector"
    tolerations = dig(pod, "spec", "tolerations", default=[])
    for taint in dig(node, "spec", "taints", default=[]):
        if taint["effect"] in {"NoSchedule", "NoExecute"} and not _tolerated(taint, tolerations):
            return f"node(s) had untolerated taint {{{taint['key']}: {taint.get('value', '')}}}"
    return None


def _tolerated(taint: JSON, tolerations: list[JSON]) -> bool:
    return any(
        toleration.get("effect") in (None, "", taint["effect"])
        and (
            (
                toleration.get("operator") == "Exists"
                and toleration.get("key") in (None, taint["key"])
            )
            or (
                toleration.get("key") == taint["key"]
                and toleration.get("operator") != "Exists"
                and toleration.get("value", "") == taint.get("value", "")
            )
        )
        for toleration in tolerations
    )


def _to_be_placed(pod: JSON) -> bool:
    """Whether a pod has no node yet, and wants one from this scheduler and no other."""
    return not dig(pod, "spec", "nodeName") and dig(pod, "spec", "schedulerName") in {None, NAME}
