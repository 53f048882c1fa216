"""`gitops`: whoever would make again what a teardown deletes, and what to suspend.

Argo CD: an Application that syncs by itself and has its destination, or objects that it manages, in the
namespaces. Flux: Kustomizations and HelmReleases that are not suspended and whose labels stand on objects
there. An owner that only a label names and that is not on this cluster may be steered from another one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from runbook.checks.base import CheckContext
from runbook.model.preflight import GitopsQuery
from runbook.run.readings import Reading, fails, holds, unknown
from runbook.target.api import JSON, ApiStatusError, ResourceRef, UnknownResource

NAMESPACES = ResourceRef("", "v1", "namespaces", "Namespace", namespaced=False)
KINDS = (
    "deployments.apps", "statefulsets.apps", "configmaps", "services", "persistentvolumeclaims",
    "resourcequotas", "sealedsecrets.bitnami.com", "models.mlops.seldon.io",
    "servers.mlops.seldon.io", "experiments.mlops.seldon.io", "seldonruntimes.mlops.seldon.io",
    "workflowtemplates.argoproj.io",
)  # fmt: skip
"""What is looked at for the marks of an owner; a GitOps tool marks all that it applies."""
TRACKING = "argocd.argoproj.io/tracking-id"
INSTANCE = "argocd.argoproj.io/instance"
FLUX = {
    "kustomize.toolkit.fluxcd.io": ("kustomizations", "Kustomization"),
    "helm.toolkit.fluxcd.io": ("helmreleases", "HelmRelease"),
}
"""Group, which is also the prefix of the labels, with the plural and the kind of the owner."""


@dataclass(frozen=True, slots=True)
class Mark:
    """An owner as an object names it."""

    kind: str
    namespace: str
    name: str
    on: str


def expects(query: GitopsQuery) -> str:
    return f"nobody brings back what is deleted in {', '.join(query.namespaces)}"


async def look(query: GitopsQuery, context: CheckContext, expected: str) -> Reading:
    marks = {
        (mark.kind, mark.namespace, mark.name): mark
        async for mark in _marks(query.namespaces, context)
    }
    undoing: list[str] = []
    idle: list[str] = []
    found: set[tuple[str, str]] = set()
    for application in await _all(context, "applications", "argoproj.io"):
        name, where = application["metadata"]["name"], application["metadata"]["namespace"]
        found.add(("Application", name))
        named = any(mark.kind == "Application" and mark.name == name for mark in marks.values())
        if not named and not _reaches(application, query.namespaces):
            continue
        told = f"Argo CD Application {where}/{name}"
        if how := _syncs(application):
            undoing.append(f"{told} {how}: {_suspend_application(application)}")
        else:
            idle.append(f"{told} does not sync by itself")
    for group, (plural, kind) in FLUX.items():
        for owner in await _all(context, plural, group):
            name, where = owner["metadata"]["name"], owner["metadata"]["namespace"]
            found.add((kind, f"{where}/{name}"))
            spec = owner.get("spec") or {}
            target = str(spec.get("targetNamespace") or "")
            if (kind, where, name) not in marks and target not in query.namespaces:
                continue
            told = f"Flux {kind} {where}/{name}"
            if spec.get("suspend") is True:
                idle.append(f"{told} is suspended")
            else:
                word = kind.lower()
                undoing.append(f"{told} reconciles: `flux suspend {word} {name} -n {where}`")
    if undoing:
        return fails(expected, "; ".join(undoing))
    elsewhere = [
        f"{mark.kind} {mark.name} ({mark.on})"
        for mark in marks.values()
        if (mark.kind, mark.name if mark.kind == "Application" else f"{mark.namespace}/{mark.name}")
        not in found
    ]
    if elsewhere:
        told = ", ".join(elsewhere)
        return unknown(expected, f"marked by an owner that is not on this cluster: {told}")
    return holds(expected, "; ".join(idle) or "no GitOps owner")


async def _marks(namespaces: list[str], context: CheckContext) -> AsyncIterator[Mark]:
    for namespace in namespaces:
        try:
            one = await context.cluster.get(NAMESPACES.path(None, namespace))
        except ApiStatusError as error:
            if not error.says_absent:
                raise
            continue
        for mark in _marks_of(one, f"Namespace {namespace}"):
            yield mark
    for kind in KINDS:
        try:
            resource = await context.cluster.resolve(kind)
        except UnknownResource:
            continue
        for namespace in namespaces:
            listed = await context.cluster.list(resource, namespace, metadata_only=True)
            for item in listed.items:
                name = f"{resource.kind} {namespace}/{item['metadata']['name']}"
                for mark in _marks_of(item, name):
                    yield mark


def _marks_of(item: JSON, on: str) -> Iterator[Mark]:
    metadata = item["metadata"]
    labels, annotations = metadata.get("labels") or {}, metadata.get("annotations") or {}
    tracked = str(annotations.get(TRACKING) or "").partition(":")[0]
    if application := tracked or labels.get(INSTANCE):
        # With applications in any namespace, Argo CD writes namespace_name.
        namespace, _, name = str(application).rpartition("_")
        yield Mark("Application", namespace, name, on)
    for group, (_, kind) in FLUX.items():
        if owner := labels.get(f"{group}/name"):
            yield Mark(kind, str(labels.get(f"{group}/namespace") or ""), str(owner), on)


async def _all(context: CheckContext, plural: str, group: str) -> tuple[JSON, ...]:
    try:
        resource = await context.cluster.resolve(plural, group)
    except UnknownResource:
        return ()
    return (await context.cluster.list(resource)).items


def _reaches(application: JSON, namespaces: list[str]) -> bool:
    destination = (application.get("spec") or {}).get("destination") or {}
    managed = (application.get("status") or {}).get("resources") or ()
    places = {str(one.get("namespace") or "") for one in managed}
    places |= {str(one.get("name")) for one in managed if one.get("kind") == "Namespace"}
    return not places.isdisjoint(namespaces) or destination.get("namespace") in namespaces


def _syncs(application: JSON) -> str:
    """How an Application acts by itself; empty when it does not."""
    automated = ((application.get("spec") or {}).get("syncPolicy") or {}).get("automated")
    if automated is None or automated.get("enabled") is False:
        return ""
    return "heals itself" if automated.get("selfHeal") else "syncs by itself at each new commit"


def _suspend_application(application: JSON) -> str:
    metadata = application["metadata"]
    for owner in metadata.get("ownerReferences") or ():
        if owner.get("kind") == "ApplicationSet":
            return f"suspend it in its ApplicationSet {owner.get('name')}"
    patch = '{"spec":{"syncPolicy":{"automated":null}}}'
    where = f"{metadata['name']} -n {metadata['namespace']}"
    return f"`kubectl patch application {where} --type=merge -p '{patch}'`"
