"""What objects count against a ResourceQuota. Pure: objects in, exact numbers out.

Names of what can be limited are the API's: `pods`, `requests.cpu`, `limits.memory`, `requests.nvidia.com/gpu`,
`requests.storage`, `<class>.storageclass.storage.k8s.io/requests.storage`, `services.nodeports`,
`count/<plural>[.<group>]` and so on. Compute resources count only for pods that have not ended.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from runbook.quantities import parse_quantity, write_quantity

JSON = dict[str, Any]
Usage = dict[str, Decimal]
PLAINLY_COUNTED = frozenset(
    {
        "configmaps",
        "persistentvolumeclaims",
        "replicationcontrollers",
        "resourcequotas",
        "secrets",
        "services",
    }
)
STATED = frozenset(
    {"cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory"}
)
"""Under a limit of one of these, every container of a pod must say how much it wants."""

_OF_CLASS = "storageclass.storage.k8s.io"
_POD_LEVEL = ("cpu", "memory")
"""Of these a pod may say as a whole what it wants."""

_SHARED = ("cpu", "memory", "ephemeral-storage")
"""Of these more may be used than is requested; of others only requests can be limited."""

_PAGES = "hugepages-"


def usage_of(resource: str, obj: JSON) -> Usage:
    """Everything that one object uses, by the name it can be limited under."""
    used: Usage = {f"count/{resource}": Decimal(1)}
    if resource in PLAINLY_COUNTED:
        used[resource] = Decimal(1)
    ended = (obj.get("status") or {}).get("phase") in {"Succeeded", "Failed"}
    if resource == "pods" and not ended:
        used |= _pod(_spec(obj))
    elif resource == "persistentvolumeclaims":
        used |= _claim(_spec(obj))
    elif resource == "services":
        used |= _service(_spec(obj))
    return used


def add(usages: Iterable[Usage]) -> Usage:
    sums: Usage = {}
    for usage in usages:
        for name, value in usage.items():
            sums[name] = sums.get(name, Decimal(0)) + value
    return sums


def written(name: str, value: Decimal) -> str:
    """An amount of what can be limited, as the API writes it."""
    return write_quantity(value, binary=name.endswith(("memory", "storage")))


def hard_of(quota: JSON) -> JSON:
    """Its limits, as they are written."""
    return _spec(quota).get("hard") or {}


def of_class(name: str) -> bool:
    """Whether a limit is about the claims of one storage class."""
    return f"{_OF_CLASS}/" in name


def resources_limited(hard: JSON) -> set[str]:
    """The resources whose objects have to be looked at for these limits."""
    resources: set[str] = set()
    for name in hard:
        if name.startswith("count/"):
            resources.add(name.removeprefix("count/"))
        elif name in PLAINLY_COUNTED:
            resources.add(name)
        elif name.startswith("services."):
            resources.add("services")
        elif name.endswith("requests.storage") or of_class(name):
            resources.add("persistentvolumeclaims")
        else:
            resources.add("pods")
    return resources


def in_scope(quota: JSON, pod: JSON) -> bool:
    """Whether a quota with scopes is about this pod."""
    spec = _spec(quota)
    terms = (spec.get("scopeSelector") or {}).get("matchExpressions") or ()
    scopes = [(scope, {"operator": "Exists"}) for scope in spec.get("scopes") or ()]
    scopes += [(term["scopeName"], term) for term in terms]
    return all(_has_scope(_spec(pod), scope, term) for scope, term in scopes)


def _has_scope(spec: JSON, scope: str, term: Mapping[str, Any]) -> bool:
    match scope:
        case "Terminating":
            return spec.get("activeDeadlineSeconds") is not None
        case "NotTerminating":
            return spec.get("activeDeadlineSeconds") is None
        case "BestEffort":
            return _best_effort(spec)
        case "NotBestEffort":
            return not _best_effort(spec)
        case "PriorityClass":
            return _of_priority(spec.get("priorityClassName"), term)
        case _:
            return False


def _best_effort(spec: JSON) -> bool:
    """Nothing of it says what it wants of CPU or memory."""
    return not any(
        asked(one, kind, resource)
        for one in (spec, *all_containers(spec))
        for kind in ("requests", "limits")
        for resource in _POD_LEVEL
    )


def _of_priority(name: str | None, term: Mapping[str, Any]) -> bool:
    values = term.get("values") or ()
    match term["operator"]:
        case "In":
            return name in values
        case "NotIn":
            return name not in values
        case "Exists":
            return bool(name)
        case _:
            return not name


def all_containers(spec: JSON) -> Iterator[JSON]:
    """Of a pod's spec: those that stay, then those that come before them."""
    yield from spec.get("containers") or ()
    yield from spec.get("initContainers") or ()


def effective(spec: JSON, kind: str, resource: str) -> Decimal:
    """What a pod wants of a resource: `kind` is `requests` or `limits`.

    What the pod says as a whole; else containers together with init containers that stay beside them,
    or, if that is more, an init container that ends together with those that stay from before it.
    """
    if resource in _POD_LEVEL and resource in _said(spec, kind):
        return asked(spec, kind, resource)
    staying = most = Decimal(0)
    for one in spec.get("initContainers") or ():
        wanted = asked(one, kind, resource)
        most = max(most, staying + wanted)
        if one.get("restartPolicy") == "Always":
            staying += wanted
    together = (asked(one, kind, resource) for one in spec.get("containers") or ())
    return max(most, sum(together, staying))


def asked(one: JSON, kind: str, resource: str) -> Decimal:
    """What one container says, or a pod of itself; a limit alone is also the request."""
    return parse_quantity(_said(one, kind).get(resource))


def _said(one: JSON, kind: str) -> JSON:
    resources = one.get("resources") or {}
    limits = resources.get("limits") or {}
    return limits if kind == "limits" else {**limits, **(resources.get("requests") or {})}


def resources_of(spec: JSON, kind: str) -> set[str]:
    """The resources of which a pod says something."""
    found = {name for one in all_containers(spec) for name in _said(one, kind)}
    return found | {name for name in _said(spec, kind) if name in _POD_LEVEL}


def unspecified(pod: JSON, hard: JSON) -> dict[str, list[str]]:
    """Compute resources under a limit -> the containers that do not say how much they want."""
    spec = _spec(pod)
    if any(resource in _said(spec, "requests") for resource in _POD_LEVEL):
        return {}  # the pod says it for them
    missing: dict[str, list[str]] = {}
    for name in sorted(STATED & set(hard)):
        kind, _, resource = name.rpartition(".")
        for container in all_containers(spec):
            if resource not in _said(container, kind or "requests"):
                missing.setdefault(name, []).append(str(container["name"]))
    return {name: sorted(containers) for name, containers in missing.items()}


def _pod(spec: JSON) -> Usage:
    used: Usage = {"pods": Decimal(1)}
    overhead = spec.get("overhead") or {}
    for kind in ("requests", "limits"):
        for resource in resources_of(spec, kind):
            value = effective(spec, kind, resource) + parse_quantity(overhead.get(resource))
            by_itself = resource in _SHARED or resource.startswith(_PAGES)
            if kind == "requests" or resource in _SHARED:
                used[f"{kind}.{resource}"] = value
            if kind == "requests" and by_itself:
                used[resource] = value
    return used


def _claim(spec: JSON) -> Usage:
    requests = (spec.get("resources") or {}).get("requests") or {}
    size = parse_quantity(requests.get("storage"))
    used: Usage = {"requests.storage": size}
    if storage_class := spec.get("storageClassName"):
        prefix = f"{storage_class}.{_OF_CLASS}"
        used[f"{prefix}/requests.storage"] = size
        used[f"{prefix}/persistentvolumeclaims"] = Decimal(1)
    return used


def _service(spec: JSON) -> Usage:
    kind = spec.get("type") or "ClusterIP"
    used: Usage = {}
    if kind == "LoadBalancer":
        used["services.loadbalancers"] = Decimal(1)
    if kind in {"NodePort", "LoadBalancer"}:
        ports = spec.get("ports") or ()
        without = kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False
        chosen = sum(1 for port in ports if port.get("nodePort"))
        used["services.nodeports"] = Decimal(chosen if without else len(ports))
    return used


def _spec(obj: JSON) -> JSON:
    return obj.get("spec") or {}
