"""The status of a pod, derived from its containers: phase, conditions, container statuses. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from runbook.practice.cluster import JSON
from runbook.practice.controllers.containers import Container, Phase
from runbook.practice.controllers.objects import dig, with_condition

FINISHED = frozenset({"Succeeded", "Failed"})


def will_restart(policy: str, container: Container) -> bool:
    """Whether the pod's restart policy starts this container again after it ended."""
    if container.sidecar:
        return True
    if policy == "Never" or (container.init and container.exit_code == 0):
        return False
    return policy == "Always" or container.exit_code != 0


def phase_of(containers: Sequence[Container]) -> str:
    mains = [container for container in containers if not container.init]
    if any(c.init and c.phase is Phase.ENDED and c.exit_code != 0 for c in containers):
        return "Failed"
    if mains and all(container.phase is Phase.ENDED for container in mains):
        return "Succeeded" if all(container.done for container in mains) else "Failed"
    if any(container.started or container.this_end for container in mains):
        return "Running"
    return "Pending"


def initialized(containers: Sequence[Container]) -> bool:
    """Whether every init container is through (or, as a sidecar, started)."""
    return all(c.passed for c in containers if c.init)


def pod_status(
    pod: JSON, containers: Sequence[Container], *, pod_ip: str, host_ip: str, now: str
) -> JSON:
    """The whole status; what the kubelet does not own (a message, a nomination) is kept."""
    earlier: JSON = pod.get("status") or {}
    phase = phase_of(containers)
    status: JSON = {
        **earlier,
        "phase": phase,
        "startTime": earlier.get("startTime", now),
        "hostIP": host_ip,
        "hostIPs": [{"ip": host_ip}],
        "qosClass": quality_of_service(pod),
        "conditions": _conditions(earlier, containers, phase, has_sandbox=bool(pod_ip), now=now),
        "containerStatuses": [c.status() for c in _mains_by_name(containers)],
    }
    if any(container.init for container in containers):
        status["initContainerStatuses"] = [c.status() for c in containers if c.init]
    if pod_ip:
        status |= {"podIP": pod_ip, "podIPs": [{"ip": pod_ip}]}
    return status


def _mains_by_name(containers: Sequence[Container]) -> list[Container]:
    mains = (container for container in containers if not container.init)
    return sorted(mains, key=lambda container: container.name)


def _conditions(
    earlier: JSON, containers: Sequence[Container], phase: str, *, has_sandbox: bool, now: str
) -> list[JSON]:
    mains = [container for container in containers if not container.init]
    unready = [c.name for c in mains if not (c.started and c.ready)]
    incomplete = [c.name for c in containers if c.init and not c.passed]
    conditions: list[JSON] = list(earlier.get("conditions") or [])

    def put(type_: str, holds: bool, reason: str = "", message: str = "") -> None:
        nonlocal conditions
        conditions = with_condition(
            conditions,
            type_,
            holds,
            now=now,
            reason=reason or None,
            message=message or None,
        )

    put("PodReadyToStartContainers", has_sandbox and phase not in FINISHED)
    if incomplete:
        listed = " ".join(incomplete)
        message = f"containers with incomplete status: [{listed}]"
        put("Initialized", False, "ContainersNotInitialized", message)
    else:
        put("Initialized", True, "PodCompleted" if phase == "Succeeded" else "")
    for type_ in ("Ready", "ContainersReady"):
        if phase == "Succeeded":
            put(type_, False, "PodCompleted")
        elif phase == "Failed":
            put(type_, False, "PodFailed")
        elif unready:
            message = f"containers with unready status: [{' '.join(unready)}]"
            put(type_, False, "ContainersNotReady", message)
        else:
            put(type_, True)
    put("PodScheduled", True)
    return conditions


def quality_of_service(pod: JSON) -> str:
    """Guaranteed, Burstable or BestEffort, by requests and limits of all containers."""
    containers = [
        *dig(pod, "spec", "initContainers", default=[]),
        *dig(pod, "spec", "containers", default=[]),
    ]
    resources = [container.get("resources") or {} for container in containers]
    if not any(r.get("requests") or r.get("limits") for r in resources):
        return "BestEffort"
    guaranteed = all(
        {"cpu", "memory"} <= set(r.get("limits") or {})
        and (not r.get("requests") or r["requests"] == r["limits"])
        for r in resources
    )
    return "Guaranteed" if guaranteed else "Burstable"
