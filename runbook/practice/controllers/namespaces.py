"""The namespace controller: what every namespace has, and how one ends.

    when                       after        then
    it is live                 0 s          it has its `default` ServiceAccount and root CA
    it is being deleted        4 s          everything in it is deleted, what remains is reported
    something remains          back-off     the same again
    nothing remains            at once      the `kubernetes` finalizer goes, and the namespace with it

A namespace is not watched for what leaves it: as with the real controller, a waiting namespace
notices at its next look.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    finalizers_of,
    has_condition,
    name_of,
    namespace_of,
    uid_of,
    with_condition,
)
from runbook.practice.controllers.writing import delete_if_there, write_status

BEHIND = 4.0  # seconds the controller is behind whoever deleted the namespace
FIRST_LOOK, LAST_LOOK = 1.0, 15.0  # seconds between looks at what remains, doubled each time
FINALIZER = "kubernetes"
NAMESPACES = "namespaces"
API_SERVICES = "apiservices.apiregistration.k8s.io"


@dataclass(slots=True)
class Ending:
    """One namespace on its way out: when it is looked at next, and how patient the looks are."""

    due: float
    patience: float = FIRST_LOOK


@dataclass(frozen=True, slots=True)
class Remains:
    """What is still in a namespace after a round of deletion."""

    resources: Counter[str] = field(default_factory=Counter)  # "pods." or "models.mlops.seldon.io"
    finalizers: Counter[str] = field(default_factory=Counter)
    refusals: tuple[str, ...] = ()
    undiscovered: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.resources or self.refusals or self.undiscovered)


class Namespaces:
    """Watches namespaces, and the two objects each has to have."""

    def __init__(self, cluster: Cluster, *, root_certificate: str) -> None:
        self._cluster = cluster
        self._root_certificate = root_certificate
        self._endings: dict[str, Ending] = {}
        self.watches: Mapping[str, KeysOf] = {
            NAMESPACES: lambda namespace: [(NAMESPACES, None, name_of(namespace))],
            "serviceaccounts": _its_namespace,
            "configmaps": _its_namespace,
        }

    async def reconcile(self, key: Key) -> float | None:
        namespace = self._cluster.get(*key)
        if namespace is None:
            return None
        if not being_deleted(namespace):
            await self._furnish(key[2])
            return None
        now = self._cluster.timeline.elapsed()
        ending = self._endings.setdefault(uid_of(namespace), Ending(now + BEHIND))
        if ending.due > now:
            return ending.due - now
        remains = await self._empty(key[2])
        await self._report(namespace, remains)
        if remains:
            ending.due = self._cluster.timeline.elapsed() + ending.patience
            ending.patience = min(LAST_LOOK, ending.patience * 2)
            return ending.due - self._cluster.timeline.elapsed()
        del self._endings[uid_of(namespace)]
        kept = [one for one in dig(namespace, "spec", "finalizers", default=[]) if one != FINALIZER]
        await self._cluster.finalize(key[2], kept)
        return None

    async def _furnish(self, namespace: str) -> None:
        """What every namespace has; both come back when they are deleted."""
        account: JSON = {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": namespace},
        }
        trust: JSON = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": "kube-root-ca.crt",
                "namespace": namespace,
                "annotations": {
                    "kubernetes.io/description": "Contains a CA bundle that can be used to verify "
                    "the kube-apiserver when using internal endpoints such as the internal "
                    "service IP or kubernetes.default.svc. No other usage is guaranteed across "
                    "distributions of Kubernetes clusters."
                },
            },
            "data": {"ca.crt": self._root_certificate},
        }
        for resource, obj in (("serviceaccounts", account), ("configmaps", trust)):
            if self._cluster.get(resource, namespace, name_of(obj)) is None:
                await self._cluster.create(resource, obj)

    async def _empty(self, namespace: str) -> Remains:
        """Delete whatever is not yet being deleted; say what is still there."""
        refusals: list[str] = []
        resources = [name for name, namespaced in self._cluster.resources() if namespaced]
        for resource in resources:
            for obj in self._cluster.select(resource, namespace):
                if not being_deleted(obj):
                    try:
                        await delete_if_there(self._cluster, resource, obj)
                    except ApiError as refusal:
                        refusals.append(refusal.message)
        counted, finalizers = Counter[str](), Counter[str]()
        for resource in resources:
            for obj in self._cluster.select(resource, namespace):
                counted[resource if "." in resource else f"{resource}."] += 1
                finalizers.update(finalizers_of(obj))
        return Remains(counted, finalizers, tuple(refusals), self._undiscovered())

    def _undiscovered(self) -> tuple[str, ...]:
        """Group versions whose aggregated server does not answer: their content is unknown."""
        return tuple(
            f"{service['spec']['group']}/{service['spec']['version']}"
            for service in self._cluster.select(API_SERVICES)
            if dig(service, "spec", "service") and has_condition(service, "Available", "False")
        )

    async def _report(self, namespace: JSON, remains: Remains) -> None:
        live = self._cluster.get(NAMESPACES, None, name_of(namespace))
        if live is None:
            return
        conditions = deletion_conditions(
            dig(live, "status", "conditions", default=[]), remains, self._cluster.timeline.stamp()
        )
        status = {**(live.get("status") or {}), "phase": "Terminating", "conditions": conditions}
        await write_status(self._cluster, NAMESPACES, live, status)


def deletion_conditions(earlier: list[JSON], remains: Remains, now: str) -> list[JSON]:
    """The five conditions of a namespace that is being deleted, in the real controller's order."""
    failing = len(remains.undiscovered)
    groups = ", ".join(
        f"{group}: stale GroupVersion discovery: {group}" for group in remains.undiscovered
    )
    kinds = ", ".join(
        f"{kind} has {count} resource instances"
        for kind, count in sorted(remains.resources.items())
    )
    held = ", ".join(
        f"{name} in {count} resource instances"
        for name, count in sorted(remains.finalizers.items())
    )
    table = (
        (
            "NamespaceDeletionDiscoveryFailure",
            f"Discovery failed for some groups, {failing} failing: unable to retrieve the "
            f"complete list of server APIs: {groups}"
            if failing
            else "",
            ("DiscoveryFailed", "ResourcesDiscovered"),
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "",
            ("GroupVersionParsingFailed", "ParsedGroupVersions"),
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            f"Failed to delete all resource types, {len(remains.refusals)} remaining: "
            f"{', '.join(sorted(remains.refusals))}"
            if remains.refusals
            else "",
            ("ContentDeletionFailed", "ContentDeleted"),
            "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining",
            f"Some resources are remaining: {kinds}" if kinds else "",
            ("SomeResourcesRemain", "ContentRemoved"),
            "All content successfully removed",
        ),
        (
            "NamespaceFinalizersRemaining",
            f"Some content in the namespace has finalizers remaining: {held}" if held else "",
            ("SomeFinalizersRemain", "ContentHasNoFinalizers"),
            "All content-preserving finalizers finished",
        ),
    )
    conditions = earlier
    for type_, trouble, (bad, good), all_is_well in table:
        conditions = with_condition(
            conditions,
            type_,
            bool(trouble),
            now=now,
            reason=bad if trouble else good,
            message=trouble or all_is_well,
        )
    return conditions


def _its_namespace(obj: JSON) -> list[Key]:
    if name_of(obj) not in {"default", "kube-root-ca.crt"}:
        return []
    return [(NAMESPACES, None, str(namespace_of(obj)))]
