"""Argo CD's application controller, as a teardown meets it: what git has comes back.

    an Application with automated selfHeal      what is missing of its destination is made again
    one that is not automated                   it says OutOfSync, and nothing happens
    no Application, or no controller pod        nothing

Git is what the cluster was seeded with. Only what is missing is made again: edits are left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    has_condition,
    key_of,
    name_of,
)

APPLICATIONS = "applications.argoproj.io"
NAMESPACE = "argocd"
CONTROLLER_POD = "argocd-application-controller-0"
TRACKING = "argocd.argoproj.io/tracking-id"
SYNC_PERIOD = 180.0  # seconds between two looks at git
HEAL_AFTER = 8.0  # seconds from a change to the sync it causes
SOURCE = "argocd-application-controller"
_GROUP = "mlops.seldon.io"

Manifests = Callable[[], Sequence[JSON]]


class ArgoCd:
    """Watches Applications, and what they manage for what is taken away."""

    def __init__(self, cluster: Cluster, events: EventRecorder, manifests: Manifests) -> None:
        self._cluster = cluster
        self._events = events
        self._manifests = manifests
        self._missed: dict[str, float] = {}  # Application -> since when something is missing

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {APPLICATIONS: lambda application: [key_of(APPLICATIONS, application)]}

    def observe(self, change: Change) -> Iterable[Key]:
        gone = change.type == "DELETED" and change.resource.endswith(f".{_GROUP}")
        pod = change.resource == "pods" and name_of(change.new) == CONTROLLER_POD
        if not gone and not pod:
            return []
        return [key_of(APPLICATIONS, one) for one in self._cluster.select(APPLICATIONS, NAMESPACE)]

    async def reconcile(self, key: Key) -> float | None:
        application = self._cluster.get(*key)
        if application is None or being_deleted(application) or not self._runs():
            self._missed.pop(key[2], None)
            return None
        missing = [one for one in self._managed(application) if not self._is_there(one)]
        if not missing:
            self._missed.pop(key[2], None)
            await self._report(application, "Synced", "Healthy")
            return SYNC_PERIOD
        await self._report(application, "OutOfSync", "Missing")
        if not dig(application, "spec", "syncPolicy", "automated", "selfHeal"):
            self._missed.pop(key[2], None)
            return SYNC_PERIOD
        now = self._cluster.timeline.elapsed()
        since = self._missed.setdefault(key[2], now)
        if now - since < HEAL_AFTER:
            return HEAL_AFTER - (now - since)
        await self._sync(application, missing)
        return HEAL_AFTER

    def _runs(self) -> bool:
        pod = self._cluster.get("pods", NAMESPACE, CONTROLLER_POD)
        return pod is not None and has_condition(pod, "Ready") and not being_deleted(pod)

    def _managed(self, application: JSON) -> list[JSON]:
        """Seldon's objects in the Application's destination, as git has them."""
        namespace = dig(application, "spec", "destination", "namespace")
        return [
            one
            for one in self._manifests()
            if one["apiVersion"].startswith(f"{_GROUP}/")
            and one["metadata"].get("namespace") == namespace
        ]

    def _is_there(self, manifest: JSON) -> bool:
        place = manifest["metadata"]["namespace"], name_of(manifest)
        return self._cluster.get(_resource(manifest), *place) is not None

    async def _sync(self, application: JSON, missing: Sequence[JSON]) -> None:
        text = "Initiated automated sync to 'HEAD'"
        await self._events.record(application, "OperationStarted", text, source=SOURCE)
        for manifest in missing:
            try:
                await self._cluster.create(_resource(manifest), tracked(manifest, application))
            except ApiError:
                continue  # its definition or namespace is going; the next look tries again
        text = "Partial sync operation to HEAD succeeded"
        await self._events.record(application, "OperationCompleted", text, source=SOURCE)

    async def _report(self, application: JSON, sync: str, health: str) -> None:
        status = {"sync": {"status": sync, "revision": "HEAD"}, "health": {"status": health}}
        if application.get("status") != status:
            await self._cluster.update(APPLICATIONS, {**application, "status": status})


def tracked(manifest: JSON, application: JSON) -> JSON:
    """A manifest as Argo CD applies it: marked as its own."""
    metadata = manifest["metadata"]
    kind, place = manifest["kind"], f"{metadata['namespace']}/{metadata['name']}"
    mark = {TRACKING: f"{name_of(application)}:{_GROUP}/{kind}:{place}"}
    annotations = {**(metadata.get("annotations") or {}), **mark}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def _resource(manifest: JSON) -> str:
    return f"{manifest['kind'].lower()}s.{_GROUP}"
