"""Why something that was deleted is still there: which finalizer, whose it is, and who is missing.

Pure; reads rows, and the decisions of `runbook.target.finalizers` where there are any. States what is
seen, who would act, and whether releasing it by hand is safe now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType

from runbook.target.finalizers import ORDER, REMOVERS, Decision, Verdict
from runbook.target.rows import ObjectRow, PodRow, Row

Decided = Mapping[str, Decision]
"""By finalizer."""
NOTHING: Decided = MappingProxyType({})


def why_terminating(
    row: ObjectRow, rows: Iterable[Row], now: datetime, decided: Decided = NOTHING
) -> str:
    """One sentence or two on a row in state `terminating`; empty for any other."""
    if row.deleting_since is None:
        return ""
    others = list(rows)
    waited = f"deleted {_ago(row.deleting_since, now)}"
    if row.kind == "Namespace":
        return _why_namespace(row, others, waited)
    if not row.finalizers:
        return f"{waited}; nothing holds it, its own shutdown is running"
    reasons = [
        f"held by {name}; {decided[name]}"
        if name in decided and name in ORDER
        else _why_finalizer(name, row, others)
        for name in row.finalizers
    ]
    return "; ".join([waited, *reasons])


def worst_of(row: ObjectRow, decided: Decided) -> Decision | None:
    """The decision that speaks most against releasing; None when nothing was decided."""
    order = list(Verdict)
    found = [decided[name] for name in row.finalizers if name in decided]
    return min(found, key=lambda decision: order.index(decision.verdict), default=None)


def _why_namespace(row: ObjectRow, others: list[Row], waited: str) -> str:
    inside = [
        other
        for other in others
        if other.namespace == row.name and isinstance(other, ObjectRow) and other.finalizers
    ]
    held = [f"{other.kind} {other.name} ({', '.join(other.finalizers)})" for other in inside]
    reason = row.detail or "its content is being removed"
    return f"{waited}; {reason}" + (f"; held by {', '.join(held)}" if held else "")


def _why_finalizer(finalizer: str, row: ObjectRow, others: list[Row]) -> str:
    remover = REMOVERS.get(finalizer)
    if remover is None:
        return f"{finalizer} is taken off by the controller that put it there"
    text = f"{finalizer} is taken off by {remover.who}"
    if row.kind == "SeldonRuntime":
        servers = [o.name for o in others if _is_server(o) and o.namespace == row.namespace]
        return text + (f"; Servers left: {', '.join(servers)}" if servers else "")
    if not remover.needs_pod:
        return text
    return f"{text}; {_presence(remover.needs_pod, row.namespace, others)}"


def _presence(prefix: str, namespace: str, others: list[Row]) -> str:
    pods = [
        other
        for other in others
        if isinstance(other, PodRow)
        and other.namespace == namespace
        and other.name.startswith(f"{prefix}-")
    ]
    if not pods:
        return f"there is no {prefix} pod in {namespace}, so nobody will answer"
    ready = [pod for pod in pods if pod.total and pod.ready == pod.total and not pod.deleting_since]
    if ready:
        return f"{ready[0].name} is running, so this should end by itself"
    return f"{pods[0].name} is {pods[0].status}, so nobody answers now"


def _is_server(row: Row) -> bool:
    return isinstance(row, ObjectRow) and row.kind == "Server"


def _ago(since: datetime, now: datetime) -> str:
    seconds = max(0, int((now - since).total_seconds()))
    minutes, rest = divmod(seconds, 60)
    return f"{minutes}m{rest:02d}s ago" if minutes else f"{rest}s ago"
