"""Which cluster this is: pinned when a run starts, and checked again before anything is destroyed.

The UID of namespace kube-system is made once in a cluster's life, so it tells two clusters apart even
when context, address and certificate authority are alike, as they are after a rebuild.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

from runbook.errors import TargetRefused
from runbook.target.api import ApiStatusError
from runbook.target.client import ClusterClient

WHO = "/api/v1/namespaces/kube-system"
"""Where a cluster says who it is. The answer comes from its storage, not from a server's memory."""

CLUSTER_UID = "RUNBOOK_CLUSTER_UID"
"""Variable of every command of a run: the UID of namespace kube-system where the run is pinned to."""


@dataclass(frozen=True, slots=True)
class Identity:
    context: str
    server: str
    cluster_uid: str
    ca_sha256: str


_WORDS = {
    "context": "context",
    "server": "API server",
    "cluster_uid": "UID of namespace kube-system",
    "ca_sha256": "certificate authority",
}


async def identify(client: ClusterClient, context: str) -> Identity:
    """The cluster a client talks to now. Raises `TargetRefused` when it will not say who it is."""
    try:
        namespace = await client.get(WHO)
    except ApiStatusError as error:
        raise TargetRefused(
            f"cannot identify the cluster of context {context!r}: {error.message}",
            hint="reading namespace kube-system must be allowed; its UID is what tells clusters apart",
        ) from error
    uid = str((namespace.get("metadata") or {}).get("uid") or "")
    if not uid:
        raise TargetRefused(f"{client.server} gave namespace kube-system no UID")
    return Identity(context, client.server, uid, client.ca_sha256)


async def verify(client: ClusterClient, pinned: Identity) -> None:
    """Raises `TargetRefused` unless the client still talks to the pinned cluster."""
    now = await identify(client, pinned.context)
    differing = [
        f"{_WORDS[field.name]} was {getattr(pinned, field.name)!r}, is {getattr(now, field.name)!r}"
        for field in fields(Identity)
        if getattr(pinned, field.name) != getattr(now, field.name)
    ]
    if differing:
        raise TargetRefused(
            f"this is not the cluster the run was pinned to: {'; '.join(differing)}",
            hint="nothing was changed; a new run pins the cluster that is there now",
        )
