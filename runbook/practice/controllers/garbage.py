"""The garbage collector: dependents go when all their owners are gone.

    when                                            then
    every owner (by uid) is gone                    the dependent is deleted
    some owners are gone                            their references go
    an owner waits with `foregroundDeletion`        its blocking dependents are deleted first
    an owner waits with `orphan`                    its dependents are set free

It goes by uid alone: an owner that came back under its old name is another owner.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    finalizers_of,
    key_of,
    name_of,
    namespace_of,
    owner_references_of,
    uid_of,
)
from runbook.practice.controllers.writing import drop_finalizer

FOREGROUND = "foregroundDeletion"
ORPHAN = "orphan"


class GarbageCollector:
    """Observes every change: who is gone, who depended on it, who waits for it."""

    watches: Mapping[str, KeysOf] = {}

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._waiting: dict[str, Key] = {}  # uid of an owner that waits -> where it is

    def observe(self, change: Change) -> Iterable[Key]:
        obj = change.new
        if change.type == "DELETED":
            uid = uid_of(obj)
            self._waiting.pop(uid, None)
            dependents = self._cluster.owned_by(uid)
            yield from (key_of(resource, dependent) for resource, dependent in dependents)
        elif owner_references_of(obj) or (being_deleted(obj) and _holds(obj)):
            yield key_of(change.resource, obj)
        for reference in owner_references_of(obj):
            if owner := self._waiting.get(reference["uid"]):
                yield owner

    async def reconcile(self, key: Key) -> None:
        obj = self._cluster.get(*key)
        if obj is None:
            return
        if being_deleted(obj):
            held = _holds(obj)
            if ORPHAN in held:
                await self._set_free(key[0], obj)
            elif FOREGROUND in held:
                await self._delete_dependents(key, obj)
            return
        references = owner_references_of(obj)
        living = [ref for ref in references if self._cluster.exists(ref["uid"])]
        if references and not living:
            namespace, name = namespace_of(obj), name_of(obj)
            await self._cluster.delete(key[0], namespace, name, uid=uid_of(obj))
        elif len(living) < len(references):
            await self._refer(key[0], obj, living)

    async def _set_free(self, resource: str, owner: JSON) -> None:
        for dependents, dependent in self._cluster.owned_by(uid_of(owner)):
            others = [r for r in owner_references_of(dependent) if r["uid"] != uid_of(owner)]
            await self._refer(dependents, dependent, others)
        live = self._cluster.get(resource, namespace_of(owner), name_of(owner))
        if live is not None:
            await drop_finalizer(self._cluster, resource, live, ORPHAN)

    async def _delete_dependents(self, key: Key, owner: JSON) -> None:
        uid = uid_of(owner)
        self._waiting[uid] = key
        for resource, dependent in self._cluster.owned_by(uid):
            if not being_deleted(dependent):
                await self._cluster.delete(
                    resource,
                    namespace_of(dependent),
                    name_of(dependent),
                    uid=uid_of(dependent),
                    propagation="Foreground",
                )
        if not any(_blocks(dependent, uid) for _, dependent in self._cluster.owned_by(uid)):
            live = self._cluster.get(*key)
            if live is not None and uid_of(live) == uid:
                await drop_finalizer(self._cluster, key[0], live, FOREGROUND)

    async def _refer(self, resource: str, obj: JSON, references: list[JSON]) -> None:
        patch = {"metadata": {"ownerReferences": references or None}}
        await self._cluster.patch(resource, namespace_of(obj), name_of(obj), patch)


def _holds(obj: JSON) -> set[str]:
    return {FOREGROUND, ORPHAN} & set(finalizers_of(obj))


def _blocks(dependent: JSON, uid: str) -> bool:
    references = owner_references_of(dependent)
    return any(ref["uid"] == uid and ref.get("blockOwnerDeletion") for ref in references)
