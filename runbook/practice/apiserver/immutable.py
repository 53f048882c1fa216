"""What may not change in an object that exists, in the words of the real server.

Pure comparisons of the old and the new object; everything found is returned, nothing is raised.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runbook.practice.apiserver.errors import Cause, compact
from runbook.quantities import parse_quantity

JSON = dict[str, Any]
Check = Callable[[JSON, JSON], list[Cause]]

_FIELD_IS_IMMUTABLE = "field is immutable"
_STATEFUL_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFUL_FIXED = [
    f"spec.{one}"
    for one in ("serviceName", "selector", "podManagementPolicy", "volumeClaimTemplates")
]
_STATEFUL_SAYS = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
    "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and "
    "'minReadySeconds' are forbidden"
)
_CLAIM_SAYS = (
    "spec is immutable after creation except resources.requests and volumeAttributesClassName "
    "for bound claims"
)
_POD_SAYS = (
    "pod updates may not change fields other than `spec.containers[*].image`,"
    "`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions "
    "to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it "
    "was previously negative)"
)
# Fields of a PersistentVolume's spec that are not its source.
_VOLUME_MUTABLE = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",  # has a rule of its own
    }
)


def causes(resource: str, old: JSON, new: JSON) -> list[Cause]:
    check = _CHECKS.get(resource)
    return check(old, new) if check is not None else []


def _fixed(*paths: str, why: str = _FIELD_IS_IMMUTABLE) -> Check:
    def check(old: JSON, new: JSON) -> list[Cause]:
        return [
            Cause.invalid(path, compact(_at(new, path)), why)
            for path in paths
            if _at(old, path) != _at(new, path)
        ]

    return check


def _at(obj: JSON, path: str) -> Any:
    found: Any = obj
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return found


def _stateful_set(old: JSON, new: JSON) -> list[Cause]:
    fixed = _fixed(*_STATEFUL_FIXED)(old, new)
    if fixed:
        return fixed
    if _without(old["spec"], _STATEFUL_MUTABLE) == _without(new["spec"], _STATEFUL_MUTABLE):
        return []
    return [Cause.forbidden("spec", _STATEFUL_SAYS)]


def _without(spec: JSON, fields: tuple[str, ...] | frozenset[str]) -> JSON:
    return {key: value for key, value in spec.items() if key not in fields}


def _unshown(path: str) -> Check:
    """A field whose new value upstream does not show."""

    def check(old: JSON, new: JSON) -> list[Cause]:
        same = _at(old, path) == _at(new, path)
        return [] if same else [Cause.invalid(path, "null", _FIELD_IS_IMMUTABLE)]

    return check


def _priority_class(old: JSON, new: JSON) -> list[Cause]:
    found = []
    if old.get("value") != new.get("value"):
        found.append(Cause.forbidden("value", "may not be changed in an update."))
    return [*found, *_fixed("preemptionPolicy")(old, new)]


def _volume_mode(old: JSON, new: JSON) -> list[Cause]:
    """Called by its name alone, wherever it stands."""
    mode = new["spec"].get("volumeMode")
    if old["spec"].get("volumeMode") == mode:
        return []
    return [Cause.invalid("volumeMode", compact(mode), _FIELD_IS_IMMUTABLE)]


def _job(old: JSON, new: JSON) -> list[Cause]:
    fixed = ["spec.completions", "spec.selector", "spec.completionMode"]
    if not old["spec"].get("suspend"):  # a suspended job may still get another template
        fixed.append("spec.template")
    return _fixed(*fixed)(old, new)


def _claim(old: JSON, new: JSON) -> list[Cause]:
    before, after = dict(old["spec"]), dict(new["spec"])
    asked_before = (before.pop("resources", None) or {}).get("requests") or {}
    asked_after = (after.pop("resources", None) or {}).get("requests") or {}
    for spec in (before, after):
        spec.pop("volumeAttributesClassName", None)
    bound = bool(before.get("volumeName"))
    if not bound:  # binding fills these in once
        before.pop("volumeName", None)
        after.pop("volumeName", None)
        if "storageClassName" not in before:
            after.pop("storageClassName", None)
    if before != after or (not bound and asked_before != asked_after):
        return [Cause.forbidden("spec", _CLAIM_SAYS), *_volume_mode(old, new)]
    if _shrinks(old, asked_before.get("storage"), asked_after.get("storage")):
        why = "field can not be less than status.capacity"
        return [Cause.forbidden("spec.resources.requests.storage", why)]
    return []


def _shrinks(old: JSON, before: object, after: object) -> bool:
    """Whether a claim asks for less than before, and for no more than it has."""
    if before is None or after is None:
        return False
    has = _at(old, "status.capacity.storage")
    wanted = parse_quantity(str(after))
    return wanted < parse_quantity(str(before)) and wanted <= parse_quantity(str(has or 0))


def _volume(old: JSON, new: JSON) -> list[Cause]:
    found = []
    if _without(old["spec"], _VOLUME_MUTABLE) != _without(new["spec"], _VOLUME_MUTABLE):
        why = "spec.persistentvolumesource is immutable after creation"
        found.append(Cause.forbidden("spec.persistentvolumesource", why))
    return [*found, *_volume_mode(old, new)]


def _pod(old: JSON, new: JSON) -> list[Cause]:
    before, after = _pod_core(old["spec"]), _pod_core(new["spec"])
    if not before.get("nodeName"):  # scheduling: a pod is bound once
        before.pop("nodeName", None)
        after.pop("nodeName", None)
    kept = [one for one in old["spec"].get("tolerations") or () if one not in _tolerations(new)]
    if before != after or kept:
        return [Cause.forbidden("spec", _POD_SAYS)]
    return []


def _pod_core(spec: JSON) -> JSON:
    core = _without(spec, frozenset({"activeDeadlineSeconds", "tolerations"}))
    for field in ("containers", "initContainers"):
        if field in core:
            core[field] = [_without(one, frozenset({"image"})) for one in core[field]]
    return core


def _tolerations(obj: JSON) -> list[JSON]:
    return obj["spec"].get("tolerations") or []


def _service(old: JSON, new: JSON) -> list[Cause]:
    before, after = old["spec"], new["spec"]
    headed = before.get("type") != "ExternalName" and after.get("type") != "ExternalName"
    if headed and before.get("clusterIP") and before["clusterIP"] != after.get("clusterIP"):
        value = compact([after.get("clusterIP")])
        return [Cause.invalid("spec.clusterIPs[0]", value, "may not change once set")]
    return []


def _locked_data(old: JSON, new: JSON) -> list[Cause]:
    found = []
    if old.get("immutable"):
        why = "field is immutable when `immutable` is set"
        found = [
            Cause.forbidden(field, why)
            for field in ("immutable", "data", "binaryData")
            if old.get(field) != new.get(field)
        ]
    return found


def _secret(old: JSON, new: JSON) -> list[Cause]:
    return [*_fixed("type")(old, new), *_locked_data(old, new)]


def _role_binding(old: JSON, new: JSON) -> list[Cause]:
    if old["roleRef"] == new["roleRef"]:
        return []
    value = {one: new["roleRef"].get(one[0].lower() + one[1:], "") for one in ("Kind", "Name")}
    value["APIGroup"] = new["roleRef"].get("apiGroup", "")
    return [Cause.invalid("roleRef", compact(value), _FIELD_IS_IMMUTABLE)]


def _storage_class(old: JSON, new: JSON) -> list[Cause]:
    return [
        Cause.invalid(field, "null", _FIELD_IS_IMMUTABLE)
        for field in ("provisioner", "parameters", "reclaimPolicy", "volumeBindingMode")
        if old.get(field) != new.get(field)
    ]


def _driver(old: JSON, new: JSON) -> list[Cause]:
    return [
        Cause.invalid(f"spec.{said}", compact(new["spec"].get(field)), _FIELD_IS_IMMUTABLE)
        for field, said in (
            ("attachRequired", "attachedRequired"),
            ("volumeLifecycleModes", "volumeLifecycleModes"),
        )
        if old["spec"].get(field) != new["spec"].get(field)
    ]


_CHECKS: Mapping[str, Check] = {
    "pods": _pod,
    "services": _service,
    "configmaps": _locked_data,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "deployments.apps": _fixed("spec.selector"),
    "replicasets.apps": _fixed("spec.selector"),
    "daemonsets.apps": _fixed("spec.selector"),
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "storageclasses.storage.k8s.io": _storage_class,
    "rolebindings.rbac.authorization.k8s.io": _role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _role_binding,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "runtimeclasses.node.k8s.io": _unshown("handler"),
    "endpointslices.discovery.k8s.io": _unshown("addressType"),
    "controllerrevisions.apps": _fixed("data"),
    "resourcequotas": _fixed("spec.scopes"),
    "ingressclasses.networking.k8s.io": _fixed("spec.controller"),
    "volumeattachments.storage.k8s.io": _fixed("spec"),
    "csidrivers.storage.k8s.io": _driver,
    "customresourcedefinitions.apiextensions.k8s.io": _fixed(
        "spec.group", "spec.scope", "spec.names.plural", "spec.names.kind"
    ),
}
