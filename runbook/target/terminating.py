"""Why something that was deleted is still there: which finalizer, whose it is, and who is missing.

Pure; reads rows only. States what is seen and who would act. Whether releasing a finalizer by hand is
safe is a decision that the runbook and its operator make.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from runbook.target.finalizers import REMOVERS
from runbook.target.rows import ObjectRow, PodRow, Row


def why_terminating(row: ObjectRow, rows: Iterable[Row], now: datetime) -> str:
    """One sentence or two on a row in state `terminating`; empty for any other."""
    if row.deleting_since is None:
        return ""
    others = list(rows)
    waited = f"deleted {_ago(row.deleting_since, now)}"
    if row.kind == "Namespace":
        return _why_namespace(row, others, waited)
    if not row.finalizers:
        return f"{waited}; nothing holds it, its own shutdown is running"
    return "; ".join([waited, *(_why_finalizer(name, row, others) for name in row.finalizers)])


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
