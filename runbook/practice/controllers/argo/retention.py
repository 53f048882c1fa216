"""What is cleared away after the fact: pods by `podGC`, whole workflows by `ttlStrategy`.

Memory of when something ended is kept in simulated seconds, because a delay of theirs is scaled and
a timestamp is not.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import BAD, NODE_ID, SUCCEEDED
from runbook.practice.controllers.argo.nodes import is_fulfilled
from runbook.practice.controllers.objects import annotations_of, uid_of

POD_GC_DELAY = 5.0


class Retention:
    """Ages of what has ended; asked at every look at a workflow."""

    def __init__(self) -> None:
        self._ended: dict[str, float] = {}  # uid of a pod or workflow -> simulated second

    def due_pods(
        self,
        spec: JSON,
        nodes: Mapping[str, JSON],
        pods: Mapping[str, JSON],
        *,
        phase: str,
        now: float,
    ) -> tuple[list[JSON], float | None]:
        """Pods to delete now, and the seconds until the next is due."""
        policy = spec.get("podGC") or {}
        strategy = policy.get("strategy", "")
        delay = _delay(policy)
        due: list[JSON] = []
        waits: list[float] = []
        for pod in pods.values():
            node = nodes.get(annotations_of(pod).get(NODE_ID, ""))
            if node is None or not is_fulfilled(node):
                continue
            if not _collected(strategy, node["phase"], phase):
                continue
            left = self._ended.setdefault(uid_of(pod), now) + delay - now
            if left <= 0:
                self._ended.pop(uid_of(pod), None)
                due.append(pod)
            else:
                waits.append(left)
        return due, min(waits, default=None)

    def workflow_left(self, workflow: JSON, spec: JSON, now: float) -> float | None:
        """Seconds a completed workflow has left (0 or less: delete it); None without a limit."""
        strategy = spec.get("ttlStrategy") or {}
        phase = (workflow.get("status") or {}).get("phase", "")
        specific = "secondsAfterSuccess" if phase == SUCCEEDED else "secondsAfterFailure"
        seconds = strategy.get(specific, strategy.get("secondsAfterCompletion"))
        if seconds is None:
            return None
        return self._ended.setdefault(uid_of(workflow), now) + float(seconds) - now

    def forget(self, uid: str) -> None:
        self._ended.pop(uid, None)


def _collected(strategy: str, node_phase: str, workflow_phase: str) -> bool:
    match strategy:
        case "OnPodCompletion":
            return True
        case "OnPodSuccess":
            return node_phase == SUCCEEDED
        case "OnWorkflowCompletion":
            return workflow_phase == SUCCEEDED or workflow_phase in BAD
        case "OnWorkflowSuccess":
            return workflow_phase == SUCCEEDED
    return False


def gc_strategy(policy: JSON) -> str:
    """As a pod's annotation says how it is collected: `OnPodSuccess/5s`."""
    return f"{policy.get('strategy', '')}/{policy.get('deleteDelayDuration') or '5s'}"


def _delay(policy: JSON) -> float:
    text = str(policy.get("deleteDelayDuration") or "")
    return float(text.rstrip("s")) if text.rstrip("s").isdigit() else POD_GC_DELAY
