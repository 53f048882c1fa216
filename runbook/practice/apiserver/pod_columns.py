"""What `kubectl get pods` prints: one word for the state of a pod out of all its containers' states."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook.practice.apiserver.columns import AGE, NAME, Column, Printer, age_of, at, name_of
from runbook.practice.apiserver.durations import age

JSON = dict[str, Any]

_COLUMNS = (
    NAME,
    Column("Ready"),
    Column("Status"),
    Column("Restarts"),
    AGE,
    Column("IP", priority=1),
    Column("Node", priority=1),
    Column("Nominated Node", priority=1),
    Column("Readiness Gates", priority=1),
)
_FINISHED = {
    "Succeeded": "The pod has completed successfully.",
    "Failed": "The pod failed.",
}


@dataclass(slots=True)
class _Summary:
    """What the walk over the containers gathers."""

    reason: str
    ready: int = 0
    restarts: int = 0
    last_restart: str = ""

    def count(self, status: JSON) -> None:
        self.restarts += status.get("restartCount", 0)
        finished = at(status, "lastState", "terminated", "finishedAt", default="")
        self.last_restart = max(self.last_restart, finished)


def pod_status(pod: JSON) -> str:
    """The word in the STATUS column."""
    return _summary(pod).reason


def _summary(pod: JSON) -> _Summary:
    status = pod.get("status") or {}
    summary = _Summary(status.get("reason") or status.get("phase") or "")
    scheduled = _condition(status, "PodScheduled")
    if scheduled and scheduled.get("reason") == "SchedulingGated":
        summary.reason = "SchedulingGated"
    sidecars = _Summary("")
    initializing = _init_containers(pod, status, summary, sidecars)
    initialized = _condition(status, "Initialized")
    if not initializing or (initialized or {}).get("status") == "True":
        summary.restarts, summary.last_restart = sidecars.restarts, sidecars.last_restart
        _containers(status, summary)
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            summary.reason = "Unknown"
        elif status.get("phase") not in _FINISHED:
            summary.reason = "Terminating"
    return summary


def _init_containers(pod: JSON, status: JSON, summary: _Summary, sidecars: _Summary) -> bool:
    """Whether the pod still initializes; if so the reason says how far it is."""
    declared = at(pod, "spec", "initContainers", default=[])
    restartable = {one["name"] for one in declared if one.get("restartPolicy") == "Always"}
    for index, container in enumerate(status.get("initContainerStatuses") or []):
        summary.count(container)
        sidecar = container.get("name") in restartable
        if sidecar:
            sidecars.count(container)
        terminated = at(container, "state", "terminated")
        waiting = at(container, "state", "waiting", "reason", default="")
        if terminated is not None and terminated.get("exitCode", 0) == 0:
            continue
        if sidecar and container.get("started"):
            summary.ready += bool(container.get("ready"))
            continue
        if terminated is not None:
            summary.reason = "Init:" + _ended(terminated)
        elif waiting and waiting != "PodInitializing":
            summary.reason = "Init:" + waiting
        else:
            summary.reason = f"Init:{index}/{len(declared)}"
        return True
    return False


def _containers(status: JSON, summary: _Summary) -> None:
    running = False
    for container in reversed(status.get("containerStatuses") or []):
        summary.count(container)
        state = container.get("state") or {}
        waiting = at(state, "waiting", "reason")
        if waiting:
            summary.reason = waiting
        elif state.get("terminated") is not None:
            summary.reason = _ended(state["terminated"])
        elif container.get("ready") and state.get("running") is not None:
            running = True
            summary.ready += 1
    if summary.reason == "Completed" and running:
        ready = _condition(status, "Ready") or {}
        summary.reason = "Running" if ready.get("status") == "True" else "NotReady"


def _ended(terminated: JSON) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _condition(status: JSON, kind: str) -> JSON | None:
    return next((one for one in status.get("conditions") or [] if one.get("type") == kind), None)


def _readiness_gates(pod: JSON) -> str:
    gates = at(pod, "spec", "readinessGates", default=[])
    if not gates:
        return "<none>"
    conditions = (_condition(pod.get("status") or {}, gate["conditionType"]) for gate in gates)
    true = sum((one or {}).get("status") == "True" for one in conditions)
    return f"{true}/{len(gates)}"


def _cells(pod: JSON, now: datetime) -> list[Any]:
    summary = _summary(pod)
    containers = len(at(pod, "spec", "containers", default=[])) + sum(
        one.get("restartPolicy") == "Always"
        for one in at(pod, "spec", "initContainers", default=[])
    )
    restarts = str(summary.restarts)
    if summary.restarts and summary.last_restart:
        restarts = f"{restarts} ({age(summary.last_restart, now)} ago)"
    return [
        name_of(pod),
        f"{summary.ready}/{containers}",
        summary.reason,
        restarts,
        age_of(pod, now),
        at(pod, "status", "podIP", default="<none>"),
        at(pod, "spec", "nodeName", default="<none>"),
        at(pod, "status", "nominatedNodeName", default="<none>"),
        _readiness_gates(pod),
    ]


def _conditions(pod: JSON) -> list[JSON]:
    phase = at(pod, "status", "phase", default="")
    if phase not in _FINISHED:
        return []
    message = _FINISHED[phase]
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message}]


POD = Printer(_COLUMNS, _cells, _conditions)
