"""`quotas`: what the steps apply, with what operators make of it, fits the quotas and limit ranges there.

A quota that was tightened lets running pods be and refuses their successors, so what runs now may not come
back. Counted is what will be there: the manifests that steps apply, and of what is there now whatever they
do not name, since operators made it and will again. What runs to its end, as Workflows do, leaves room.
Quotas are those of the manifests, and those that are there now unless the steps delete them or their namespace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from runbook.checks import planned
from runbook.checks.base import CheckContext
from runbook.checks.kubectl import Ask, asked_by
from runbook.checks.manifest_files import UnusableFile
from runbook.checks.planned import Manifests
from runbook.checks.volumes import CLAIMS, CLASSES, PODS, is_default
from runbook.limits.fitting import Contents, Workload, fit
from runbook.limits.quotas import hard_of, of_class, resources_limited
from runbook.model.preflight import QuotasQuery
from runbook.run.readings import Reading, fails, holds
from runbook.target.api import JSON, ApiStatusError, ResourceRef, UnknownResource
from runbook.target.client import ClusterClient

QUOTAS = ResourceRef("", "v1", "resourcequotas", "ResourceQuota", namespaced=True)
LIMIT_RANGES = ResourceRef("", "v1", "limitranges", "LimitRange", namespaced=True)
WORKLOADS = {
    kind: ResourceRef("apps", "v1", f"{kind.lower()}s", kind, namespaced=True)
    for kind in ("Deployment", "StatefulSet", "DaemonSet", "ReplicaSet")
}
NAMESPACES = frozenset({"namespace", "namespaces", "ns"})
AUTOSCALERS = "horizontalpodautoscalers.autoscaling"
TO_THE_END = frozenset({"Job", "CronJob", "Workflow", "CronWorkflow"})
"""Kinds whose pods end by themselves."""

ENDING = frozenset({"jobs.batch", "workflows.argoproj.io"})
"""What is counted of these was run, and is not applied again."""

IN_WHOLE = frozenset({"persistentvolumeclaims", "services"})
"""Of these more is counted than how many there are."""


@dataclass(frozen=True, slots=True)
class _Named:
    """An object of a manifest, or of a command, which tells no group."""

    kind: str
    group: str | None
    namespace: str
    name: str

    @classmethod
    def of(cls, one: JSON, namespace: str) -> _Named:
        metadata = one.get("metadata") or {}
        group = str(one.get("apiVersion", "")).rpartition("/")[0]
        where = str(metadata.get("namespace") or namespace)
        return cls(str(one.get("kind")), group, where, str(metadata.get("name") or ""))


@dataclass
class _Namespace:
    """What manifests say of one namespace, and what the cluster has there; manifests win."""

    objects: dict[tuple[str, str], JSON] = field(default_factory=dict)
    """By resource and name."""
    deleted: set[tuple[str, str]] = field(default_factory=set)
    """What the steps delete and do not apply again."""
    made_anew: bool = False
    """The steps delete it first, with all that limits it now."""

    def apply(self, resource: str, one: JSON) -> None:
        """What is applied last counts."""
        key = (resource, str(one["metadata"]["name"]))
        self.objects[key] = one
        self.deleted.discard(key)

    def delete(self, resource: str, name: str) -> None:
        self.objects.pop((resource, name), None)
        self.deleted.add((resource, name))

    def put(self, resource: str, there: JSON) -> None:
        """What is there now; where it is applied over, what manifests do not say stays."""
        key = (resource, str(there["metadata"]["name"]))
        if key in self.deleted:
            return
        given = self.objects.get(key)
        if given is None:
            self.objects[key] = there
        elif resource == QUOTAS.name:
            spec = {**there["spec"], "hard": {**hard_of(there), **hard_of(given)}}
            self.objects[key] = {**there, "spec": spec}
        elif resource in {one.name for one in WORKLOADS.values()}:
            kept = {} if self.made_anew else {"replicas": (there.get("spec") or {}).get("replicas")}
            spec = {**kept, **(given.get("spec") or {})}
            self.objects[key] = {**given, "spec": spec, "status": there.get("status")}

    def all(self, resource: str) -> list[JSON]:
        return [one for (of, _), one in self.objects.items() if of == resource]


def expects(query: QuotasQuery) -> str:
    return f"what is applied and made fits the quotas and limit ranges of {', '.join(query.namespaces)}"


async def look(query: QuotasQuery, context: CheckContext, expected: str) -> Reading:
    spaces = {name: _Namespace() for name in query.namespaces}
    try:
        absent, untold = await _from_manifests(spaces, context)
    except UnusableFile as fault:
        return fails(expected, str(fault))
    faults: list[str] = []
    told: list[str] = []
    for name, space in spaces.items():
        if not await _exists(context.cluster, name):
            told.append(f"namespace {name} is not there, so only what is applied was counted")
        await _from_cluster(name, space, context.cluster)
        try:
            found = fit(_contents(space, await _default_class(space, context.cluster)))
        except ValueError as fault:
            return fails(expected, f"{name}: {fault}")
        faults += [f"{name}: {fault}" for fault in found.faults]
        told += [f"{name}: {room}" for room in found.room]
    if faults:
        return fails(expected, "; ".join(faults))
    told += [f"not counted, as the cluster has no such kind: {', '.join(absent)}"] if absent else []
    told += [f"not all told of {', '.join(untold)}"] if untold else []
    return holds(expected, "; ".join(told) or "no quota there")


async def _from_manifests(
    spaces: dict[str, _Namespace], context: CheckContext
) -> tuple[list[str], list[str]]:
    """What steps apply and delete, in their order; what undoes them is for another end of the run.

    Returns kinds that the cluster does not know, and steps whose commands do not tell all of it. Raises
    UnusableFile.
    """
    unknown: dict[str, None] = {}
    untold: dict[str, None] = {}
    home, manifests = context.cluster.credentials.namespace, Manifests(context)
    for step in context.plan.steps if context.plan else ():
        script = planned.script_of(step, context.directory)
        if script is None:
            continue
        asked = asked_by(script.text)
        if not asked.whole:
            untold[script.step] = None
        for ask in asked.asks:
            if ask.tried:
                continue
            if isinstance(ask, Ask):
                if ask.verb == "delete":
                    of = _Named(ask.resource, None, ask.namespace or home, ask.name)
                    await _delete(of, spaces, context)
                continue
            for one in await manifests.objects_of(ask, script.directory):
                of = _Named.of(one, ask.namespace or home)
                if "delete" in ask.verbs:
                    await _delete(of, spaces, context)
                elif "create" in ask.verbs and not await _apply(of, one, spaces, context):
                    unknown[of.kind] = None
    return list(unknown), list(untold)


async def _delete(of: _Named, spaces: dict[str, _Namespace], context: CheckContext) -> None:
    if of.kind.lower() in NAMESPACES and of.name in spaces:
        spaces[of.name].made_anew = True
    elif of.namespace in spaces and of.name:
        with suppress(UnknownResource):
            resource = await context.cluster.resolve(of.kind, of.group)
            spaces[of.namespace].delete(resource.name, of.name)


async def _apply(
    of: _Named, one: JSON, spaces: dict[str, _Namespace], context: CheckContext
) -> bool:
    """Whether the cluster knows such a kind; what is for other namespaces is passed over."""
    space = spaces.get(of.namespace)
    if space is None or not of.name:
        return True
    try:
        resource = await context.cluster.resolve(of.kind, of.group)
    except UnknownResource:
        return False
    space.apply(resource.name, one)
    if resource.name == "sealedsecrets.bitnami.com":
        space.apply("secrets", one)  # opened, it becomes one of the same name
    return True


async def _exists(cluster: ClusterClient, namespace: str) -> bool:
    try:
        await cluster.get(f"/api/v1/namespaces/{namespace}")
    except ApiStatusError as fault:
        if fault.says_absent:
            return False
        raise
    return True


async def _from_cluster(name: str, space: _Namespace, cluster: ClusterClient) -> None:
    """What is there now, as far as quotas and limit ranges are about it."""
    if not space.made_anew:
        for one in (await cluster.list(QUOTAS, name)).items:
            space.put(QUOTAS.name, one)
        for one in (await cluster.list(LIMIT_RANGES, name)).items:
            space.put(LIMIT_RANGES.name, one)
    ranges = space.all(LIMIT_RANGES.name)
    counted = {
        what for quota in space.all(QUOTAS.name) for what in resources_limited(hard_of(quota))
    }
    if ranges:
        counted |= {"pods", CLAIMS.plural}
    if "pods" in counted:
        for resource in (*WORKLOADS.values(), PODS):
            for one in (await cluster.list(resource, name)).items:
                space.put(resource.name, one)
    for what in sorted(counted - ENDING - {"pods", QUOTAS.plural}):
        plural, _, group = what.partition(".")
        try:
            resource = await cluster.resolve(plural, group)
        except UnknownResource:
            continue  # a quota may count what is not there yet
        listed = await cluster.list(resource, name, metadata_only=what not in IN_WHOLE)
        for one in listed.items:
            space.put(resource.name, one)


async def _default_class(space: _Namespace, cluster: ClusterClient) -> str | None:
    """What claims get that name no class, where a quota is about classes."""
    if not any(of_class(name) for quota in space.all(QUOTAS.name) for name in hard_of(quota)):
        return None
    marked = [one["metadata"] for one in (await cluster.list(CLASSES)).items if is_default(one)]
    newest = max(marked, key=lambda one: str(one.get("creationTimestamp")), default=None)
    return None if newest is None else str(newest["name"])


def _contents(space: _Namespace, default_class: str | None) -> Contents:
    others: dict[str, list[JSON]] = {}
    for (resource, _), one in space.objects.items():
        others.setdefault(resource, []).append(one)
    there = {name for resource, name in space.objects if resource == CLAIMS.plural}
    for stateful in space.all(WORKLOADS["StatefulSet"].name):
        made = [one for one in _claims_of(stateful) if one["metadata"]["name"] not in there]
        others.setdefault(CLAIMS.plural, []).extend(made)
    if default_class is not None and CLAIMS.plural in others:
        others[CLAIMS.plural] = [_classed(one, default_class) for one in others[CLAIMS.plural]]
    return Contents(
        quotas=space.all(QUOTAS.name),
        limit_ranges=space.all(LIMIT_RANGES.name),
        workloads=list(_workloads(space)),
        others={name: found for name, found in others.items() if name not in ENDING | {"pods"}},
    )


def _workloads(space: _Namespace) -> Iterator[Workload]:
    least = dict(_least(one) for one in space.all(AUTOSCALERS))
    for kind, resource in WORKLOADS.items():
        for one in space.all(resource.name):
            if _owner(one) not in WORKLOADS:
                spec = one.get("spec") or {}
                template = (spec.get("template") or {}).get("spec") or {}
                name, pods = one["metadata"]["name"], _pods_of(kind, one)
                if pods:  # nobody looks at the pods of one that makes none
                    pods = max(pods, least.get((kind, name), 0))
                    yield Workload(f"{kind} {name}", pods, template)
    for pod in space.all(PODS.name):
        ended = (pod.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        if not ended and _owner(pod) not in {*WORKLOADS, *TO_THE_END}:
            yield Workload(f"Pod {pod['metadata']['name']}", 1, pod.get("spec") or {})


def _least(autoscaler: JSON) -> tuple[tuple[str, str], int]:
    """What it keeps, and how many pods of that at least."""
    spec = autoscaler.get("spec") or {}
    target = spec.get("scaleTargetRef") or {}
    return (str(target.get("kind")), str(target.get("name"))), int(spec.get("minReplicas") or 1)


def _pods_of(kind: str, one: JSON) -> int:
    if kind == "DaemonSet":
        return int((one.get("status") or {}).get("desiredNumberScheduled") or 1)
    replicas = (one.get("spec") or {}).get("replicas")
    return 1 if replicas is None else int(replicas)


def _claims_of(stateful: JSON) -> Iterator[JSON]:
    name, spec = stateful["metadata"]["name"], stateful.get("spec") or {}
    for template in spec.get("volumeClaimTemplates") or ():
        of = template["metadata"]["name"]
        for number in range(_pods_of("StatefulSet", stateful)):
            yield {
                "metadata": {"name": f"{of}-{name}-{number}"},
                "spec": template.get("spec") or {},
            }


def _classed(claim: JSON, default: str) -> JSON:
    spec = claim.get("spec") or {}
    named = spec.get("storageClassName") is not None
    return claim if named else {**claim, "spec": {**spec, "storageClassName": default}}


def _owner(one: JSON) -> str:
    """The kind of its controller."""
    owners = (one.get("metadata") or {}).get("ownerReferences") or ()
    return next((str(owner.get("kind")) for owner in owners if owner.get("controller")), "")
