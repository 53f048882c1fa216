"""What a controller may do to a cluster: what any client may do, and nothing else.

Reads are answered from what the controller has already seen (an informer's cache); writes go
through the API server's own rules, so a controller cannot break them. The in-process API server
implements this protocol directly; an adapter over HTTP could point the same controllers at a real one.

Resources are named `plural` or `plural.group`: `pods`, `deployments.apps`, `models.mlops.seldon.io`.
Objects are plain JSON dicts and are never mutated in place: copy, change, write back.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from runbook.practice.timeline import Timeline

JSON = dict[str, Any]
Propagation = Literal["Background", "Foreground", "Orphan"]


@dataclass(frozen=True, slots=True)
class Change:
    """One committed write. `old` is None for ADDED; for DELETED `new` is the last state."""

    type: Literal["ADDED", "MODIFIED", "DELETED"]
    resource: str
    new: JSON
    old: JSON | None


class Cluster(Protocol):
    timeline: Timeline

    def get(self, resource: str, namespace: str | None, name: str) -> JSON | None: ...

    def select(
        self, resource: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[JSON]:
        """Objects of one resource, everywhere or in one namespace; [] when the resource is unknown."""
        ...

    def resources(self) -> list[tuple[str, bool]]:
        """Every served resource with whether it is namespaced, each stored resource once."""
        ...

    def owned_by(self, uid: str) -> list[tuple[str, JSON]]:
        """(resource, object) of everything that names this uid as an owner."""
        ...

    def exists(self, uid: str) -> bool:
        """Whether any object with this uid is still stored."""
        ...

    async def create(self, resource: str, obj: JSON) -> JSON:
        """Create in `obj.metadata.namespace`. Raises ApiError, as every write here does."""
        ...

    async def update(self, resource: str, obj: JSON) -> JSON:
        """Replace; a `resourceVersion` in the object is a precondition."""
        ...

    async def update_status(self, resource: str, obj: JSON) -> JSON:
        """Replace only `.status` (of a kind with that subresource)."""
        ...

    async def patch(self, resource: str, namespace: str | None, name: str, patch: JSON) -> JSON:
        """RFC 7386 merge patch of the main resource."""
        ...

    async def finalize(self, name: str, finalizers: list[str]) -> JSON:
        """Replace a Namespace's `spec.finalizers` through its subresource."""
        ...

    async def delete(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace: int | None = None,
        propagation: Propagation = "Background",
    ) -> None: ...

    def subscribe(self, on_change: Callable[[Change], None]) -> None:
        """Call back after every committed write, in order, synchronously: note it, do not act."""
        ...
