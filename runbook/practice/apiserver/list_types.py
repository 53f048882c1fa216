"""Which lists of the built-in kinds merge item by item, by which key; and what is owned as one piece.

Two questions with different answers upstream: strategic merge patch has one key per list, server-side
apply identifies an item by several. A list is found by the field that holds its owner and its own name
(`spec`, `containers`), because a pod spec sits at many depths. Lists not named here are atomic.
Custom resources are described by their schema, not here.
"""

from __future__ import annotations

from dataclasses import dataclass

CONTAINER_LISTS = ("containers", "initContainers", "ephemeralContainers")

# Kinds whose conditions a strategic merge patch replaces as a whole.
_UNKEYED_CONDITIONS = {
    "CustomResourceDefinition",
    "CertificateSigningRequest",
    "ValidatingAdmissionPolicy",
}


@dataclass(frozen=True, slots=True)
class ListType:
    """How one list merges. `patch_key` is "" for a list of primitives, None where a patch replaces it."""

    patch_key: str | None
    apply_keys: tuple[str, ...] = ()
    is_set: bool = False
    retain_keys: bool = False


ATOMIC = ListType(None)
_SET = ListType("", is_set=True)


def _keyed(key: str, *more: str, retain_keys: bool = False) -> ListType:
    return ListType(key, (key, *more), retain_keys=retain_keys)


_BY_NAME = _keyed("name")
_BY_TYPE = _keyed("type")

# (field that holds the owner, field of the list)
_LISTS: dict[tuple[str, str], ListType] = {
    ("metadata", "ownerReferences"): _keyed("uid"),
    ("metadata", "finalizers"): _SET,
    ("spec", "containers"): _BY_NAME,
    ("spec", "initContainers"): _BY_NAME,
    ("spec", "ephemeralContainers"): _BY_NAME,
    ("spec", "volumes"): _keyed("name", retain_keys=True),
    ("spec", "imagePullSecrets"): _BY_NAME,
    ("spec", "hostAliases"): _keyed("ip"),
    ("spec", "topologySpreadConstraints"): _keyed("topologyKey", "whenUnsatisfiable"),
    ("spec", "schedulingGates"): _BY_NAME,
    ("spec", "resourceClaims"): _keyed("name", retain_keys=True),
    ("resources", "claims"): ListType(None, ("name",)),
    ("status", "conditions"): _BY_TYPE,
    ("webhooks", "matchConditions"): _BY_NAME,
}
_OF_CONTAINERS: dict[str, ListType] = {
    "env": _BY_NAME,
    "ports": _keyed("containerPort", "protocol"),
    "volumeMounts": _keyed("mountPath"),
    "volumeDevices": _keyed("devicePath"),
}
# (kind, field that holds the owner, field of the list); "" is the root of the object
_LISTS_OF_KIND: dict[tuple[str, str, str], ListType] = {
    ("Service", "spec", "ports"): _keyed("port", "protocol"),
    ("Node", "spec", "podCIDRs"): _SET,
    ("Node", "status", "addresses"): _BY_TYPE,
    ("Pod", "status", "podIPs"): _keyed("ip"),
    ("Pod", "status", "hostIPs"): ListType("ip"),
    ("Pod", "status", "resourceClaimStatuses"): _keyed("name", retain_keys=True),
    ("Job", "status", "conditions"): ListType("type"),
    ("ServiceAccount", "", "secrets"): _BY_NAME,
    ("MutatingWebhookConfiguration", "", "webhooks"): _BY_NAME,
    ("ValidatingWebhookConfiguration", "", "webhooks"): _BY_NAME,
    ("ValidatingAdmissionPolicy", "spec", "matchConditions"): _BY_NAME,
    ("ValidatingAdmissionPolicy", "spec", "variables"): _BY_NAME,
    ("CSINode", "spec", "drivers"): _BY_NAME,
    ("EndpointSlice", "endpoints", "addresses"): ListType(None, is_set=True),
}

# Fields whose objects are owned and replaced as one piece by server-side apply.
_ATOMIC_MAPS = frozenset(
    {
        "configMapKeyRef",
        "fieldRef",
        "involvedObject",
        "labelSelector",
        "localObjectReference",
        "namespaceSelector",
        "nodeSelector",
        "objectSelector",
        "podSelector",
        "regarding",
        "related",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "resourceFieldRef",
        "roleRef",
        "scopeSelector",
        "secretKeyRef",
        "selector",
    }
)
_ATOMIC_OF_KIND = {
    ("ControllerRevision", "data"),
    ("HorizontalPodAutoscaler/v1", "scaleTargetRef"),
}


def list_type(kind: str, parent: str | None, field: str) -> ListType:
    """How the list `field`, whose owner sits in field `parent` (None: the object itself), merges."""
    of_kind = _LISTS_OF_KIND.get((kind, parent or "", field))
    if of_kind is not None:
        return of_kind
    if parent in CONTAINER_LISTS:
        return _OF_CONTAINERS.get(field, ATOMIC)
    if field == "conditions" and kind in _UNKEYED_CONDITIONS:
        return ListType(None, ("type",))
    return _LISTS.get((parent or "", field), ATOMIC)


def merge_key(kind: str, parent: str | None, field: str) -> str | None:
    """The key by which a strategic merge patch merges this list: "" for primitives, None if it does not."""
    return list_type(kind, parent, field).patch_key


def replaces_map(kind: str, parent: str | None, field: str) -> bool:
    """Whether a strategic merge patch replaces this object as a whole."""
    return kind == "PodDisruptionBudget" and parent == "spec" and field == "selector"


def has_atomic_items(kind: str, field: str | None) -> bool:
    """Whether an item of this keyed list is owned as one piece: a reference to something."""
    return field in {"ownerReferences", "imagePullSecrets"} or (
        (kind, field) == ("ServiceAccount", "secrets")
    )


def is_atomic_map(kind: str, field: str) -> bool:
    """Whether server-side apply owns the object in this field as one piece."""
    return field in _ATOMIC_MAPS or (kind, field) in _ATOMIC_OF_KIND
