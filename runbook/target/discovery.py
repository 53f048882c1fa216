"""Which kinds the cluster serves, and under which path.

Asked once and remembered; a kind that is not known makes it ask again, because a rebuild installs
CRDs while we run. Newer servers tell everything in two answers, older ones in one per group. A server
that has just started answers before it has read its CRDs, so that only one that says it is ready is
believed when it does not know a kind.
"""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from runbook.errors import TargetUnreachable
from runbook.target.api import (
    JSON,
    ApiStatusError,
    ResourceRef,
    UnknownResource,
    split_name,
)

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,"
    "application/json"
)

Fetch = Callable[[str, str], Awaitable[JSON]]
"""(path, Accept header) -> document"""
IsReady = Callable[[], Awaitable[bool]]
"""Whether the server says that it is ready."""


async def _always() -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Served:
    """A resource with every name an operator may call it by, in lower case."""

    resource: ResourceRef
    names: frozenset[str]


class Discovery:
    def __init__(self, fetch: Fetch, is_ready: IsReady = _always) -> None:
        self._fetch = fetch
        self._is_ready = is_ready
        self._served: tuple[Served, ...] = ()
        self._asking = asyncio.Lock()

    async def resolve(self, name: str, group: str | None = None) -> ResourceRef:
        """The resource called `name`: its kind, plural, singular or short name, or `plural.group`."""
        if (known := _find(self._served, name, group)) is not None:
            return known
        async with self._asking:
            # Another caller may have asked while this one waited for its turn.
            if (known := _find(self._served, name, group)) is None:
                ready = await self._is_ready()  # before what it serves: it becomes ready last
                self._served = await self._ask()
                known = _find(self._served, name, group)
                if known is None and not ready:
                    raise TargetUnreachable(f"the API server is starting; no kind {name!r} yet")
        if known is None:
            raise _unknown(self._served, name, group)
        return known

    async def _ask(self) -> tuple[Served, ...]:
        served: list[Served] = []
        for root in ("/api", "/apis"):
            document = await self._fetch(root, AGGREGATED)
            if document.get("kind") == "APIGroupDiscoveryList":
                served += aggregated(document)
            else:
                for path in legacy_paths(root, document):
                    try:
                        served += legacy(await self._fetch(path, "application/json"))
                    except ApiStatusError:
                        # A group whose backend is down must not hide all the others.
                        continue
        return tuple(served)


def aggregated(document: JSON) -> Iterator[Served]:
    """Resources of an APIGroupDiscoveryList; a group's preferred version comes first."""
    for item in document.get("items") or []:
        group = item.get("metadata", {}).get("name", "")
        for version in item.get("versions") or []:
            for entry in version.get("resources") or []:
                kind = (entry.get("responseKind") or {}).get("kind", "")
                yield _served(
                    ResourceRef(
                        group=group,
                        version=version["version"],
                        plural=entry["resource"],
                        kind=kind,
                        namespaced=entry.get("scope") == "Namespaced",
                    ),
                    [entry.get("singularResource", ""), *(entry.get("shortNames") or [])],
                )


def legacy_paths(root: str, document: JSON) -> list[str]:
    """Where the older discovery goes on: versions of the core group, preferred version of others."""
    if "groups" not in document:
        return [f"{root}/{version}" for version in document.get("versions") or []]
    versions = [
        [group.get("preferredVersion") or {}, *(group.get("versions") or [])]
        for group in document["groups"]
    ]
    paths = [f"{root}/{v['groupVersion']}" for group in versions for v in group if v]
    return list(dict.fromkeys(paths))


def legacy(document: JSON) -> Iterator[Served]:
    """Resources of an APIResourceList, without subresources."""
    group, _, version = document.get("groupVersion", "").rpartition("/")
    for entry in document.get("resources") or []:
        if "/" not in entry["name"]:
            yield _served(
                ResourceRef(group, version, entry["name"], entry["kind"], entry["namespaced"]),
                [entry.get("singularName", ""), *(entry.get("shortNames") or [])],
            )


def _served(resource: ResourceRef, others: Iterable[str]) -> Served:
    names = {resource.plural, resource.kind, *others}
    return Served(resource, frozenset(name.lower() for name in names if name))


def _find(served: Iterable[Served], name: str, group: str | None) -> ResourceRef | None:
    wanted, suffix = split_name(name.lower())
    wanted_group = group if group is not None else suffix
    for entry in served:
        # The list is in the server's order, core group first: kubectl prefers in the same order.
        if wanted in entry.names and wanted_group in (None, entry.resource.group):
            return entry.resource
    return None


def _unknown(served: Iterable[Served], name: str, group: str | None) -> UnknownResource:
    where = f" in group {group}" if group else ""
    names = {alias: entry.resource.kind for entry in served for alias in entry.names}
    nearest = difflib.get_close_matches(split_name(name.lower())[0], names, n=1, cutoff=0.75)
    hint = f"did you mean {names[nearest[0]]}?" if nearest else "is its CRD installed?"
    return UnknownResource(f"the cluster serves no kind {name!r}{where}", hint=hint)
