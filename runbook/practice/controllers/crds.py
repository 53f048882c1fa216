"""CustomResourceDefinitions: accepted and established when they come, emptied before they go.

    when                              then
    it comes, or is changed           NamesAccepted, Established; in a group of the community
                                      whether it was approved; what versions were ever stored
    it is being deleted               Terminating; every instance, cluster-wide, is deleted
    no instance is left               its finalizer goes, and the kind with it

Instances with finalizers hold their definition up for as long as nobody takes those off.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from runbook.practice.apiserver.crd_approval import approval
from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    finalizers_of,
    key_of,
    name_of,
    with_condition,
)
from runbook.practice.controllers.writing import delete_if_there, drop_finalizer, write_status

CRDS = "customresourcedefinitions.apiextensions.k8s.io"
CLEANUP = "customresourcecleanup.apiextensions.k8s.io"


class CustomResourceDefinitions:
    """Watches definitions, and the instances of those that are going."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._going: set[str] = set()
        self.watches: Mapping[str, KeysOf] = {CRDS: lambda crd: [key_of(CRDS, crd)]}

    def observe(self, change: Change) -> Iterable[Key]:
        if change.type == "DELETED" and change.resource in self._going:
            yield CRDS, None, change.resource  # a definition is named like its resource

    async def reconcile(self, key: Key) -> None:
        crd = self._cluster.get(*key)
        if crd is None:
            self._going.discard(key[2])
        elif being_deleted(crd):
            await self._empty(crd)
        else:
            await self._accept(crd)

    async def _accept(self, crd: JSON) -> None:
        now = self._cluster.timeline.stamp()
        conditions = _with_approval(crd, now)
        conditions = with_condition(
            conditions,
            "NamesAccepted",
            status=True,
            now=now,
            reason="NoConflicts",
            message="no conflicts found",
        )
        conditions = with_condition(
            conditions,
            "Established",
            status=True,
            now=now,
            reason="InitialNamesAccepted",
            message="the initial names have been accepted",
        )
        stored = dig(crd, "status", "storedVersions") or []
        storage = [version["name"] for version in crd["spec"]["versions"] if version.get("storage")]
        status = {
            **(crd.get("status") or {}),
            "conditions": conditions,
            "acceptedNames": crd["spec"]["names"],
            "storedVersions": [*stored, *(one for one in storage if one not in stored)],
        }
        if status != crd.get("status"):
            await write_status(self._cluster, CRDS, crd, status)

    async def _empty(self, crd: JSON) -> None:
        resource = name_of(crd)
        self._going.add(resource)
        if CLEANUP not in finalizers_of(crd):
            return
        for instance in self._cluster.select(resource):
            if not being_deleted(instance):
                await delete_if_there(self._cluster, resource, instance)
        left = self._cluster.select(resource)
        crd = await self._report(resource, remaining=bool(left)) or crd
        if not left:
            await drop_finalizer(self._cluster, CRDS, crd, CLEANUP)

    async def _report(self, name: str, *, remaining: bool) -> JSON | None:
        crd = self._cluster.get(CRDS, None, name)
        if crd is None:
            return None
        conditions = with_condition(
            dig(crd, "status", "conditions", default=[]),
            "Terminating",
            remaining,
            now=self._cluster.timeline.stamp(),
            reason="InstanceDeletionInProgress" if remaining else "InstanceDeletionCompleted",
            message="CustomResource deletion is in progress"
            if remaining
            else "removed all instances",
        )
        status = {**(crd.get("status") or {}), "conditions": conditions}
        return await write_status(self._cluster, CRDS, crd, status)


def _with_approval(crd: JSON, now: str) -> list[JSON]:
    conditions: list[JSON] = dig(crd, "status", "conditions", default=[])
    found = approval(crd)
    if found is None:
        return conditions
    state, why = found
    return with_condition(
        conditions,
        "KubernetesAPIApprovalPolicyConformant",
        state == "Approved",
        now=now,
        reason=f"{state}Annotation",
        message=why,
    )
