"""Penalties that several faults share: something was ended that should have been repaired."""

from __future__ import annotations

from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Penalty, Seen
from runbook.practice.faults.judging import replaced
from runbook.practice.faults.places import (
    INFERENCE,
    RUNTIME,
    RUNTIMES,
    SERVER,
    SERVERS,
    VOLUMES,
)


def was_deleted(resource: str, namespace: str | None, *names: str) -> Seen:
    """Whether any of these, remembered at the injection, is gone or another."""

    async def seen(case: Case) -> bool:
        return any([await replaced(case, resource, namespace, name) for name in names])

    return seen


async def volume_deleted(case: Case) -> bool:
    """Whether the volume whose name is in memory is gone or another."""
    return await was_deleted(VOLUMES, None, case.memory["volume"])(case)


def finalizing(namespace: str) -> str:
    """The command that ends a namespace, whatever is in it."""
    empty = (
        f'{{"apiVersion":"v1","kind":"Namespace","metadata":{{"name":"{namespace}"}},'
        '"spec":{"finalizers":[]}}'
    )
    path = f"/api/v1/namespaces/{namespace}/finalize"
    return f"kubectl replace --raw {path} -f - <<'EOF'\n{empty}\nEOF"


def namespace_finalized(namespace: str, *held: tuple[str, str]) -> Penalty:
    """The namespace went before these of its objects (resource, name), all remembered."""

    async def seen(case: Case) -> bool:
        gone = case.deletions.of("namespaces", case.uid("namespaces", None, namespace))
        if gone is None:
            return False
        for resource, name in held:
            before = case.deletions.of(resource, case.uid(resource, namespace, name))
            if before is None or before.order > gone.order:
                return True
        return False

    return Penalty(
        "namespace-finalized",
        "the namespace was finalized over its content, which comes back with its next namesake",
        seen,
        (finalizing(namespace),),
    )


RUNTIME_DELETED = Penalty(
    name="runtime-deleted",
    why="the runtime was deleted, and with it envoy's routes and the gateways",
    seen=was_deleted(RUNTIMES, INFERENCE, RUNTIME),
    shortcut=(f"kubectl delete seldonruntime {RUNTIME} -n {INFERENCE} --wait=false",),
)
SERVER_DELETED = Penalty(
    name="server-deleted",
    why="the Server was deleted: every model of it was out of service, and it was not at fault",
    seen=was_deleted(SERVERS, INFERENCE, SERVER),
    shortcut=(f"kubectl delete server {SERVER} -n {INFERENCE}",),
)
