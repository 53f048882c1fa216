"""The status of a Deployment: counts over its ReplicaSets, and the conditions drawn from them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import condition_of, dig, name_of, with_condition


def deployment_status(
    deployment: JSON, current: JSON | None, sets: Sequence[JSON], *, now: str, overdue: bool
) -> tuple[JSON, bool]:
    """(status, whether the rollout is complete)."""
    wanted = int(dig(deployment, "spec", "replicas", default=1))
    total = _sum(sets, "replicas")
    updated = _sum([current] if current else [], "replicas")
    available = _sum(sets, "availableReplicas")
    complete = current is not None and updated == wanted and total == wanted and available >= wanted
    counts = {
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": _sum(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, max(total, wanted) - available),
    }
    conditions = _available(deployment, available, wanted, now)
    conditions = _progressing(
        deployment, conditions, current, complete=complete, overdue=overdue, now=now
    )
    status: JSON = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{field: count for field, count in counts.items() if count},
        "conditions": conditions,
    }
    return status, complete


def _sum(sets: Sequence[JSON], field: str) -> int:
    return sum(int(dig(one, "status", field, default=0)) for one in sets)


def _available(deployment: JSON, available: int, wanted: int, now: str) -> list[JSON]:
    unavailable = dig(
        deployment, "spec", "strategy", "rollingUpdate", "maxUnavailable", default="25%"
    )
    if dig(deployment, "spec", "strategy", "type") == "Recreate":
        unavailable = 0
    if isinstance(unavailable, str):
        unavailable = math.floor(int(unavailable.rstrip("%")) * wanted / 100)
    enough = available >= wanted - unavailable
    which = "has" if enough else "does not have"
    reason = "MinimumReplicasAvailable" if enough else "MinimumReplicasUnavailable"
    message = f"Deployment {which} minimum availability."
    earlier = dig(deployment, "status", "conditions", default=[])
    text = ("True" if enough else "False", reason, message)
    return _put(deployment, earlier, "Available", text, now)


def _progressing(
    deployment: JSON,
    conditions: list[JSON],
    current: JSON | None,
    *,
    complete: bool,
    overdue: bool,
    now: str,
) -> list[JSON]:
    if deployment["spec"].get("paused"):
        text = ("Unknown", "DeploymentPaused", "Deployment is paused")
    elif current is None:
        return conditions
    else:
        subject = f'ReplicaSet "{name_of(current)}"'
        if complete:
            text = ("True", "NewReplicaSetAvailable", f"{subject} has successfully progressed.")
        elif overdue:
            text = ("False", "ProgressDeadlineExceeded", f"{subject} has timed out progressing.")
        else:
            text = ("True", "ReplicaSetUpdated", f"{subject} is progressing.")
    return _put(deployment, conditions, "Progressing", text, now)


def _put(
    deployment: JSON, conditions: list[JSON], type_: str, text: tuple[str, str, str], now: str
) -> list[JSON]:
    """As any condition, with `lastUpdateTime`, which moves when the reason does."""
    status, reason, message = text
    earlier = condition_of(deployment, type_)
    same = earlier is not None and (earlier["reason"], earlier["message"]) == (reason, message)
    updated = earlier.get("lastUpdateTime", now) if earlier is not None and same else now
    return with_condition(
        conditions, type_, status, now=now, reason=reason, message=message, lastUpdateTime=updated
    )
