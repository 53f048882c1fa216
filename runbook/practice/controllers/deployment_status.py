"""The status of a Deployment: counts over its ReplicaSets, and the conditions drawn from them. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import condition_of, dig, name_of, with_condition


def deployment_status(
    deployment: JSON,
    current: JSON | None,
    sets: Sequence[JSON],
    *,
    now: str,
    overdue: bool,
    created: bool = False,
) -> tuple[JSON, bool]:
    """(status, whether the rollout is complete). `created`: the current ReplicaSet was made just now."""
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
    terminating = _sum(sets, "terminatingReplicas")
    earlier: JSON = deployment.get("status") or {}
    conditions: list[JSON] = earlier.get("conditions") or []
    text = _paused(deployment) or _progress(
        current,
        earlier,
        created=created,
        complete=complete,
        overdue=overdue,
        moved=_moved(earlier, counts),
        settled=_settled(earlier, counts),
    )
    # A new ReplicaSet is a fact before anything is counted, the rest follows from the counts.
    if created and text:
        conditions = _put(deployment, conditions, "Progressing", text, now)
    conditions = _available(deployment, conditions, available, wanted, now)
    if not created and text:
        conditions = _put(deployment, conditions, "Progressing", text, now)
    conditions = _failure(conditions, current, sets)
    status: JSON = {
        "observedGeneration": deployment["metadata"].get("generation", 1),
        **{field: count for field, count in counts.items() if count},
        "terminatingReplicas": terminating,
        "conditions": conditions,
    }
    return status, complete


def _sum(sets: Sequence[JSON], field: str) -> int:
    return sum(int(dig(one, "status", field, default=0)) for one in sets)


def _available(
    deployment: JSON, conditions: list[JSON], available: int, wanted: int, now: str
) -> list[JSON]:
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
    text = ("True" if enough else "False", reason, message)
    return _put(deployment, conditions, "Available", text, now)


def _moved(earlier: JSON, counts: JSON) -> bool:
    """Whether more pods are new, ready or available than before, or fewer are old."""
    old_left = counts["replicas"] - counts["updatedReplicas"]
    old_before = earlier.get("replicas", 0) - earlier.get("updatedReplicas", 0)
    more = ("updatedReplicas", "readyReplicas", "availableReplicas")
    return old_left < old_before or any(counts[one] > earlier.get(one, 0) for one in more)


def _settled(earlier: JSON, counts: JSON) -> bool:
    """A rollout that was complete stays so, whatever becomes of its pods."""
    was = condition_of({"status": earlier}, "Progressing")
    return (
        was is not None
        and was["reason"] == "NewReplicaSetAvailable"
        and bool(counts["replicas"] == counts["updatedReplicas"])
    )


def _paused(deployment: JSON) -> tuple[str, str, str] | None:
    if not deployment["spec"].get("paused"):
        return None
    return ("Unknown", "DeploymentPaused", "Deployment is paused")


def _progress(
    current: JSON | None,
    earlier: JSON,
    *,
    created: bool,
    complete: bool,
    overdue: bool,
    moved: bool,
    settled: bool,
) -> tuple[str, str, str] | None:
    """Status, reason and message of the rollout; None where they stay what they are."""
    if current is None or (settled and not created):
        return None
    name = name_of(current)
    if complete:
        message = f'ReplicaSet "{name}" has successfully progressed.'
        return ("True", "NewReplicaSetAvailable", message)
    if created:
        return ("True", "NewReplicaSetCreated", f'Created new replica set "{name}"')
    if overdue:
        return (
            "False",
            "ProgressDeadlineExceeded",
            f'ReplicaSet "{name}" has timed out progressing.',
        )
    if moved:
        return ("True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.')
    if all(one["type"] != "Progressing" for one in earlier.get("conditions") or ()):
        return ("True", "FoundNewReplicaSet", f'Found new replica set "{name}"')
    return None


def _failure(conditions: list[JSON], current: JSON | None, sets: Sequence[JSON]) -> list[JSON]:
    """Why no pod can be created, as the current ReplicaSet says it, or else another."""
    ordered = [*([current] if current is not None else []), *sets]
    found = next(filter(None, (condition_of(one, "ReplicaFailure") for one in ordered)), None)
    others = [one for one in conditions if one["type"] != "ReplicaFailure"]
    if found is None:
        return others
    return [*others, {**found, "lastUpdateTime": found["lastTransitionTime"]}]


def _put(
    deployment: JSON, conditions: list[JSON], type_: str, text: tuple[str, str, str], now: str
) -> list[JSON]:
    """As any condition, with `lastUpdateTime`; the one that changed last stands last."""
    status, reason, message = text
    earlier = condition_of(deployment, type_)
    if earlier is not None and (earlier["reason"], earlier["message"]) == (reason, message):
        return conditions
    changed = with_condition(
        conditions, type_, status, now=now, reason=reason, message=message, lastUpdateTime=now
    )
    return sorted(changed, key=lambda one: bool(one["type"] == type_))
