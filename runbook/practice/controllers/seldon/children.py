"""Objects an operator owns: made when missing, put right when they differ from what is wanted.

Rule: only the fields that are wanted count. What the API server defaulted and what others added stays.
"""

from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_of,
    is_controlled_by,
    name_of,
    namespace_of,
    owner_reference,
)


def covers(live: Any, wanted: Any) -> bool:
    """Whether everything wanted is so already. Lists must agree entry by entry."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(
            name in live and covers(live[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(covers(there, here) for there, here in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)


def overlay(live: Any, wanted: Any) -> Any:
    """What is wanted, over what is there; lists are replaced as a whole."""
    if not isinstance(live, dict) or not isinstance(wanted, dict):
        return wanted
    return {
        name: overlay(live[name], wanted[name])
        if name in wanted and name in live
        else wanted.get(name, live.get(name))
        for name in {**live, **wanted}
    }


async def ensure(cluster: Cluster, resource: str, owner: JSON, wanted: JSON) -> JSON:
    """The object as it is now. One that is being deleted is left alone until it is gone."""
    metadata = {
        "namespace": namespace_of(owner),
        **wanted["metadata"],
        "ownerReferences": [owner_reference(owner)],
    }
    wanted = {**wanted, "metadata": metadata}
    live = cluster.get(resource, namespace_of(owner), name_of(wanted))
    if live is None:
        return await cluster.create(resource, wanted)
    if controller_of(live) is not None and not is_controlled_by(live, owner):
        # It stays whose it is: two owners that both take it would do so for ever.
        metadata["ownerReferences"] = live["metadata"]["ownerReferences"]
    if being_deleted(live) or covers(live, wanted):
        return live
    return await cluster.update(resource, overlay(live, wanted))


async def remove_others(cluster: Cluster, resource: str, owner: JSON, keep: set[str]) -> None:
    """Delete what this owner controls of a resource, but for the names to keep."""
    for obj in cluster.select(resource, namespace_of(owner)):
        if name_of(obj) not in keep and is_controlled_by(obj, owner) and not being_deleted(obj):
            await cluster.delete(resource, namespace_of(obj), name_of(obj))


def terminating(cluster: Cluster, namespace: str | None) -> bool:
    """Whether nothing can be created in this namespace any more (or it is not there)."""
    found = cluster.get("namespaces", None, namespace or "")
    return found is None or being_deleted(found)
