"""What the server says of an object that it takes all the same: the warnings that kubectl prints.

In the server's words, for the kinds that have any. Objects have their types and defaults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from runbook.practice.apiserver import pod_cautions
from runbook.practice.apiserver.crd_cautions import unknown_formats
from runbook.practice.apiserver.key_pairs import mismatch

JSON = dict[str, Any]
Caution = Callable[[JSON, JSON | None], Iterator[str]]
"""Of an object and of the one before it, None for a new one."""

_OLD_STORAGE_CLASS = "volume.beta.kubernetes.io/storage-class"
_OLD_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
_TOPOLOGY_HINTS = "service.kubernetes.io/topology-aware-hints"
_TOPOLOGY_MODE = "service.kubernetes.io/topology-mode"


def of(resource: str, obj: JSON, before: JSON | None) -> list[str]:
    """Each warning once, in the server's order."""
    caution = _CAUTIONS.get(resource)
    return list(dict.fromkeys(caution(obj, before))) if caution is not None else []


def _changed(obj: JSON, before: JSON | None) -> bool:
    return before is None or obj["metadata"].get("generation") != before["metadata"].get(
        "generation"
    )


def _name(obj: JSON, before: JSON | None, used: str = "Pod names and hostnames") -> Iterator[str]:
    """A name that passes as a DNS subdomain and would not as a label."""
    if before is not None:
        return
    name = obj["metadata"]["name"]
    problems = [
        *(["must be no more than 63 characters"] if len(name) > 63 else []),
        *(["must not contain dots"] if "." in name else []),
    ]
    if problems:
        why = "which can result in surprising behavior; a DNS label is recommended"
        yield f"metadata.name: this is used in {used}, {why}: [{' '.join(problems)}]"


def _pod(obj: JSON, before: JSON | None) -> Iterator[str]:
    if before is None:
        yield from _name(obj, before, "the Pod's hostname")
        yield from pod_cautions.pod(obj, "", bare=True)


def _named_workload(obj: JSON, before: JSON | None) -> Iterator[str]:
    yield from _name(obj, before)
    yield from _workload(obj, before)


def _workload(obj: JSON, before: JSON | None) -> Iterator[str]:
    if _changed(obj, before):
        yield from pod_cautions.pod(obj["spec"]["template"], "spec.template.")


def _stateful_set(obj: JSON, before: JSON | None) -> Iterator[str]:
    yield from _workload(obj, before)
    inside = "" if before is None else ".Spec"
    for index, claim in enumerate(obj["spec"].get("volumeClaimTemplates") or ()):
        yield from _storage(claim["spec"], f"spec.volumeClaimTemplates[{index}]{inside}")
    if (obj["spec"].get("revisionHistoryLimit") or 0) < 0:
        why = "a negative value retains all historical revisions; a value >= 0 is recommended"
        yield f"spec.revisionHistoryLimit: {why}"


def _cron_job(obj: JSON, before: JSON | None) -> Iterator[str]:
    yield from _name(obj, before)
    if _changed(obj, before):
        template = obj["spec"]["jobTemplate"]["spec"]["template"]
        yield from pod_cautions.pod(template, "spec.jobTemplate.spec.template.")


def _pod_template(obj: JSON, before: JSON | None) -> Iterator[str]:
    if _changed(obj, before):
        yield from pod_cautions.pod(obj["template"], "template.")


def _storage(spec: JSON, place: str) -> Iterator[str]:
    for kind in ("requests", "limits"):
        amounts = (spec.get("resources") or {}).get(kind)
        yield from pod_cautions.fractions(amounts, f"{place}.resources.{kind}", ("storage",))


def _claim(obj: JSON, _before: JSON | None) -> Iterator[str]:
    if _OLD_STORAGE_CLASS in (obj["metadata"].get("annotations") or {}):
        why = 'deprecated since v1.8; use "storageClassName" attribute instead'
        yield f"metadata.annotations[{_OLD_STORAGE_CLASS}]: {why}"
    yield from _storage(obj["spec"], "spec")


def _volume(obj: JSON, _before: JSON | None) -> Iterator[str]:
    annotations, spec = obj["metadata"].get("annotations") or {}, obj["spec"]
    for key, since, field in (
        (_OLD_STORAGE_CLASS, "v1.8", "storageClassName"),
        (_OLD_MOUNT_OPTIONS, "v1.31", "mountOptions"),
    ):
        if key in annotations:
            why = f'deprecated since {since}; use "{field}" attribute instead'
            yield f"metadata.annotations[{key}]: {why}"
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        yield (
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning."
        )
    terms = ((spec.get("nodeAffinity") or {}).get("required") or {}).get("nodeSelectorTerms")
    yield from pod_cautions.node_terms(terms, "spec.nodeAffinity.required.nodeSelectorTerms")
    yield from pod_cautions.old_volume(spec, "spec")


def _service(obj: JSON, _before: JSON | None) -> Iterator[str]:
    spec, kind = obj["spec"], obj["spec"].get("type")
    if _TOPOLOGY_HINTS in (obj["metadata"].get("annotations") or {}):
        yield f"annotation {_TOPOLOGY_HINTS} is deprecated, please use {_TOPOLOGY_MODE} instead"
    headless = kind == "ClusterIP" and spec.get("clusterIP") == "None"
    outside = spec.get("externalIPs")
    if headless:
        for field in ("loadBalancerIP", "externalIPs"):
            if spec.get(field):
                yield f"spec.{field} is ignored for headless services"
        if spec.get("sessionAffinity") != "None":
            yield "spec.SessionAffinity is ignored for headless services"
    elif outside and kind != "ExternalName":
        yield "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
    if kind == "ExternalName" and outside:
        yield 'spec.externalIPs is ignored when spec.type is "ExternalName"'
    if kind != "ExternalName" and spec.get("externalName"):
        yield 'spec.externalName is ignored when spec.type is not "ExternalName"'
    if spec.get("trafficDistribution") == "PreferClose":
        yield 'spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"'


def _ingress(obj: JSON, before: JSON | None) -> Iterator[str]:
    annotations = obj["metadata"].get("annotations") or {}
    if before is None and _INGRESS_CLASS in annotations and not obj["spec"].get("ingressClassName"):
        use = "please use 'spec.ingressClassName' instead"
        yield f'annotation "{_INGRESS_CLASS}" is deprecated, {use}'


def _secret(obj: JSON, _before: JSON | None) -> Iterator[str]:
    if obj.get("type") == "kubernetes.io/tls" and (why := mismatch(obj.get("data") or {})):
        yield why


def _account(obj: JSON, before: JSON | None) -> Iterator[str]:
    had = before is not None and _MOUNTABLE in (before["metadata"].get("annotations") or {})
    if not had and _MOUNTABLE in (obj["metadata"].get("annotations") or {}):
        why = "prefer separate namespaces to isolate access to mounted secrets"
        yield f"metadata.annotations[{_MOUNTABLE}]: deprecated in v1.32+; {why}"


def _storage_class(obj: JSON, _before: JSON | None) -> Iterator[str]:
    for index, topology in enumerate(obj.get("allowedTopologies") or ()):
        for number, one in enumerate(topology.get("matchLabelExpressions") or ()):
            if why := pod_cautions.node_label(one.get("key", "")):
                place = f"allowedTopologies[{index}].matchLabelExpressions[{number}].key"
                yield f"{place}: {why}"


def _driver(obj: JSON, before: JSON | None) -> Iterator[str]:
    spec = obj["spec"]
    same = before is not None and before["spec"].get("tokenRequests") == spec.get("tokenRequests")
    if spec.get("tokenRequests") and not same and spec.get("serviceAccountTokenInSecrets") is None:
        yield (
            "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to "
            "true to prevent possible logging of tokens in volume attributes"
        )


def _runtime_class(obj: JSON, _before: JSON | None) -> Iterator[str]:
    for key in (obj.get("scheduling") or {}).get("nodeSelector") or ():
        if why := pod_cautions.node_label(key):
            yield f"scheduling.nodeSelector: {why}"


_CAUTIONS: Mapping[str, Caution] = {
    "pods": _pod,
    "podtemplates": _pod_template,
    "replicationcontrollers": _named_workload,
    "deployments.apps": _named_workload,
    "replicasets.apps": _named_workload,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _workload,
    "jobs.batch": _named_workload,
    "cronjobs.batch": _cron_job,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "services": _service,
    "secrets": _secret,
    "serviceaccounts": _account,
    "ingresses.networking.k8s.io": _ingress,
    "storageclasses.storage.k8s.io": _storage_class,
    "csidrivers.storage.k8s.io": _driver,
    "runtimeclasses.node.k8s.io": _runtime_class,
    "customresourcedefinitions.apiextensions.k8s.io": unknown_formats,
}
