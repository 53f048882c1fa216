"""Penalties that several faults share: something was deleted that should have been repaired."""

from __future__ import annotations

from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Penalty, Seen
from runbook.practice.faults.judging import replaced
from runbook.practice.faults.places import INFERENCE, SERVER, SERVERS


def was_deleted(resource: str, namespace: str | None, *names: str) -> Seen:
    """Whether any of these, remembered at the injection, is gone or another."""

    async def seen(case: Case) -> bool:
        return any([await replaced(case, resource, namespace, name) for name in names])

    return seen


SERVER_DELETED = Penalty(
    name="server-deleted",
    why="the Server was deleted: every model of it was out of service, and it was not at fault",
    seen=was_deleted(SERVERS, INFERENCE, SERVER),
    shortcut=(f"kubectl delete server {SERVER} -n {INFERENCE}",),
)
