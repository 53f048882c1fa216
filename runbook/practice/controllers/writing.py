"""Writes that several controllers make in the same way: only what differs, on the state just read.

The object that was read carries its resourceVersion, so a write that comes second is a Conflict and
the work queue brings the key back.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import (
    name_of,
    namespace_of,
    uid_of,
    with_finalizer,
    with_status,
    without_finalizer,
)


async def write_status(cluster: Cluster, resource: str, obj: JSON, status: JSON) -> JSON:
    """Make the status this, unless it is already; returns the object as it is now."""
    if obj.get("status") == status:
        return obj
    return await cluster.update_status(resource, with_status(obj, status))


async def add_finalizer(cluster: Cluster, resource: str, obj: JSON, finalizer: str) -> JSON:
    return await cluster.update(resource, with_finalizer(obj, finalizer))


async def drop_finalizer(cluster: Cluster, resource: str, obj: JSON, finalizer: str) -> JSON:
    return await cluster.update(resource, without_finalizer(obj, finalizer))


async def annotate(
    cluster: Cluster, resource: str, obj: JSON, annotations: Mapping[str, str | None]
) -> JSON:
    """Set annotations; a value of None removes one."""
    patch = {"metadata": {"annotations": dict(annotations)}}
    return await cluster.patch(resource, namespace_of(obj), name_of(obj), patch)


async def delete_if_there(
    cluster: Cluster, resource: str, obj: JSON, *, grace: int | None = None
) -> None:
    """Delete exactly this object (by uid); that it is gone already is fine."""
    try:
        await cluster.delete(
            resource, namespace_of(obj), name_of(obj), uid=uid_of(obj), grace=grace
        )
    except ApiError as refusal:
        if refusal.reason not in {"NotFound", "Conflict"}:
            raise
