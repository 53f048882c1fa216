"""What the screen shows of an object: plain values picked out of raw JSON.

Pure. A row says what the object says of itself, and `stale` when it says so of an older generation of
itself; whether that is good is for a check to judge.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from runbook.target.api import JSON
from runbook.target.finalizers import Decision

State = Literal["ready", "not_ready", "unknown", "terminating"]


@dataclass(frozen=True, slots=True)
class RowKey:
    """Which object a row is of. `resource` is as in `ResourceRef.name`."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class PodRow:
    namespace: str
    name: str
    ready: int
    total: int
    status: str
    """As kubectl prints it: Running, CrashLoopBackOff, Init:0/1, Terminating, …"""
    restarts: int
    created: datetime | None
    deleting_since: datetime | None


@dataclass(frozen=True, slots=True)
class ObjectRow:
    kind: str
    namespace: str
    name: str
    state: State
    detail: str
    created: datetime | None
    deleting_since: datetime | None
    finalizers: tuple[str, ...]
    stale: bool


Row = PodRow | ObjectRow
Decisions = dict[RowKey, dict[str, Decision]]
"""Of objects that hang: what is to be done about each of their finalizers."""


def without_secrets(row: Row | None, mask: Callable[[str], str]) -> Row | None:
    """The row with what somebody wrote freely in it masked."""
    if not isinstance(row, ObjectRow) or not row.detail:
        return row
    return replace(row, detail=mask(row.detail))


def masked_decisions(found: Decisions | None, mask: Callable[[str], str]) -> Decisions | None:
    """The decisions with what a server wrote in them masked."""
    if found is None:
        return None
    return {
        key: {name: decision.masked(mask) for name, decision in decided.items()}
        for key, decided in found.items()
    }


@dataclass(frozen=True, slots=True)
class FeedState:
    """Whether what is shown of a resource is live, and since when it is or is not."""

    connected: bool
    since: datetime
    retry_at: datetime | None
    message: str


def timestamp(text: object) -> datetime | None:
    """A time as the API writes it; None when absent or unreadable."""
    try:
        return datetime.fromisoformat(str(text)) if text else None
    except ValueError:
        return None


def conditions(item: JSON) -> dict[str, JSON]:
    """The conditions of an object by type."""
    entries = (item.get("status") or {}).get("conditions") or ()
    return {str(c.get("type")): c for c in entries if isinstance(c, dict)}


def condition_text(condition: JSON) -> str:
    """Message and reason of a condition. Seldon keeps the state in `message` and the sentence in
    `reason`, others the other way round, so both are shown.
    """
    parts = [str(condition.get(key) or "") for key in ("message", "reason")]
    return ": ".join(dict.fromkeys(part for part in parts if part))


def is_stale(item: JSON) -> bool:
    """The status was written for an older generation than the object's."""
    observed = (item.get("status") or {}).get("observedGeneration")
    generation = (item.get("metadata") or {}).get("generation")
    return bool(observed) and generation is not None and observed != generation


def make_row(kind: str, item: JSON) -> Row:
    return pod_row(item) if kind == "Pod" else object_row(kind, item)


def by_our_clock(row: Row, ahead: float) -> Row:
    """The row with its moments as our own clock would have told them, so that ages are right."""
    if not ahead:
        return row
    created = row.created and row.created - timedelta(seconds=ahead)
    deleting = row.deleting_since and row.deleting_since - timedelta(seconds=ahead)
    return replace(row, created=created, deleting_since=deleting)


def pod_row(item: JSON) -> PodRow:
    metadata, spec, status = (item.get(key) or {} for key in ("metadata", "spec", "status"))
    containers = status.get("containerStatuses") or ()
    return PodRow(
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        ready=sum(1 for c in containers if c.get("ready")),
        total=len(spec.get("containers") or ()),
        status=pod_status(metadata, spec, status),
        restarts=sum(int(c.get("restartCount") or 0) for c in containers),
        created=timestamp(metadata.get("creationTimestamp")),
        deleting_since=timestamp(metadata.get("deletionTimestamp")),
    )


def pod_status(metadata: JSON, spec: JSON, status: JSON) -> str:
    """The STATUS column of `kubectl get pods`."""
    if metadata.get("deletionTimestamp"):
        return "Unknown" if status.get("reason") == "NodeLost" else "Terminating"
    initialising = _initialising(spec, status)
    if initialising:
        return initialising
    words = [
        _container_word(container)
        for container in status.get("containerStatuses") or ()
        if not (container.get("state") or {}).get("running")
    ]
    word = next((word for word in words if word), "")
    running = any(
        (c.get("state") or {}).get("running") and c.get("ready")
        for c in status.get("containerStatuses") or ()
    )
    if word == "Completed" and running:
        return "Running"
    return word or str(status.get("reason") or status.get("phase") or "Unknown")


def _initialising(spec: JSON, status: JSON) -> str:
    total = len(spec.get("initContainers") or ())
    for done, container in enumerate(status.get("initContainerStatuses") or ()):
        state = container.get("state") or {}
        if (state.get("terminated") or {}).get("exitCode") == 0 or container.get("started"):
            continue
        word = _container_word(container)
        return f"Init:{word}" if word not in ("", "PodInitializing") else f"Init:{done}/{total}"
    return ""


def _container_word(container: JSON) -> str:
    state = container.get("state") or {}
    if waiting := state.get("waiting"):
        return str(waiting.get("reason") or "")
    if ended := state.get("terminated"):
        signal = ended.get("signal")
        end = f"Signal:{signal}" if signal else f"ExitCode:{ended.get('exitCode', 0)}"
        return str(ended.get("reason") or end)
    return ""


def object_row(kind: str, item: JSON) -> ObjectRow:
    metadata = item.get("metadata") or {}
    deleting_since = timestamp(metadata.get("deletionTimestamp"))
    state, detail = _judge(kind, item)
    if deleting_since is not None:
        state, detail = "terminating", _terminating_detail(kind, item) or detail
    return ObjectRow(
        kind=kind,
        namespace=metadata.get("namespace", ""),
        name=metadata.get("name", ""),
        state=state,
        detail=detail,
        created=timestamp(metadata.get("creationTimestamp")),
        deleting_since=deleting_since,
        finalizers=_finalizers(kind, item),
        stale=is_stale(item),
    )


def _finalizers(kind: str, item: JSON) -> tuple[str, ...]:
    # A namespace's own finalizer is kept in its spec and says only that content is being removed.
    owner = (item.get("spec") if kind == "Namespace" else item.get("metadata")) or {}
    return tuple(str(name) for name in owner.get("finalizers") or ())


def _terminating_detail(kind: str, item: JSON) -> str:
    if kind != "Namespace":
        return ""
    bad = [c for c in conditions(item).values() if c.get("status") == "True"]
    return "; ".join(str(c.get("message") or c.get("reason") or "") for c in bad)


def _judge(kind: str, item: JSON) -> tuple[State, str]:
    if kind in _BY_KIND:
        return _BY_KIND[kind](item)
    known = conditions(item)
    for name in (f"{kind}Ready", "Ready", "Available", "Established", "Complete"):
        if name in known:
            return _by_condition(known[name])
    return "unknown", ""


def _by_condition(condition: JSON) -> tuple[State, str]:
    states: dict[str, State] = {"True": "ready", "False": "not_ready"}
    return states.get(str(condition.get("status")), "unknown"), condition_text(condition)


def _by_phase(good: Iterable[str]) -> Callable[[JSON], tuple[State, str]]:
    wanted = frozenset(good)

    def judge(item: JSON) -> tuple[State, str]:
        status = item.get("status") or {}
        phase = str(status.get("phase") or "")
        progress = str(status.get("progress") or "")
        message = str(status.get("message") or "")
        detail = ": ".join(
            part for part in (" ".join(filter(None, (phase, progress))), message) if part
        )
        return ("ready" if phase in wanted else "not_ready" if phase else "unknown"), detail

    return judge


def _replicas(item: JSON) -> tuple[State, str]:
    """Deployments and stateful sets: ready replicas against those wanted."""
    wanted = (item.get("spec") or {}).get("replicas", 1)
    ready = (item.get("status") or {}).get("readyReplicas") or 0
    return ("ready" if ready >= wanted else "not_ready"), f"{ready}/{wanted} ready"


def _sealed_secret(item: JSON) -> tuple[State, str]:
    synced = conditions(item).get("Synced")
    return _by_condition(synced) if synced else ("unknown", "")


_BY_KIND: dict[str, Callable[[JSON], tuple[State, str]]] = {
    "Namespace": _by_phase(["Active"]),
    "Workflow": _by_phase(["Succeeded"]),
    "PersistentVolumeClaim": _by_phase(["Bound"]),
    "PersistentVolume": _by_phase(["Bound", "Available"]),
    "Deployment": _replicas,
    "StatefulSet": _replicas,
    "ReplicaSet": _replicas,
    "SealedSecret": _sealed_secret,
}
