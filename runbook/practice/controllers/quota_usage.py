"""What objects count against a ResourceQuota. Pure: objects in, exact numbers out.

Names of what can be limited are the API's: `pods`, `requests.cpu`, `limits.memory`,
`requests.storage`, `<class>.storageclass.storage.k8s.io/requests.storage`, `services.nodeports`,
`count/<plural>[.<group>]` and so on. Compute resources count only for pods that have not ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig, matches
from runbook.quantities import parse_quantity

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
COMPUTE = ("cpu", "memory", "ephemeral-storage")


def usage_of(resource: str, obj: JSON) -> Usage:
    """Everything that one object uses, by the name it can be limited under."""
    used: Usage = {f"count/{resource}": Decimal(1)}
    if resource in PLAINLY_COUNTED:
        used[resource] = Decimal(1)
    if resource == "pods" and dig(obj, "status", "phase") not in {"Succeeded", "Failed"}:
        used |= _pod(obj)
    elif resource == "persistentvolumeclaims":
        used |= _claim(obj)
    elif resource == "services":
        used |= _service(obj)
    return used


def add(usages: Iterable[Usage]) -> Usage:
    sums: Usage = {}
    for usage in usages:
        for name, value in usage.items():
            sums[name] = sums.get(name, Decimal(0)) + value
    return sums


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
        elif name.endswith("requests.storage") or "storageclass.storage.k8s.io/" in name:
            resources.add("persistentvolumeclaims")
        else:
            resources.add("pods")
    return resources


def in_scope(quota: JSON, pod: JSON) -> bool:
    """Whether a quota with scopes is about this pod."""
    terms: list[JSON] = dig(quota, "spec", "scopeSelector", "matchExpressions", default=[])
    scopes: list[tuple[str, JSON | None]] = [
        (scope, None) for scope in dig(quota, "spec", "scopes", default=[])
    ]
    scopes += [(term["scopeName"], term) for term in terms]
    return all(_has_scope(pod, scope, term) for scope, term in scopes)


def _has_scope(pod: JSON, scope: str, term: JSON | None) -> bool:
    bounded = dig(pod, "spec", "activeDeadlineSeconds") is not None
    best_effort = not any(
        dig(container, "resources", field)
        for container in dig(pod, "spec", "containers", default=[])
        for field in ("requests", "limits")
    )
    match scope:
        case "Terminating":
            return bounded
        case "NotTerminating":
            return not bounded
        case "BestEffort":
            return best_effort
        case "NotBestEffort":
            return not best_effort
        case "PriorityClass":
            name = dig(pod, "spec", "priorityClassName")
            labels = {"priority": name} if name else {}
            expression = {**(term or {"operator": "Exists"}), "key": "priority"}
            return matches({"matchExpressions": [expression]}, labels)
        case _:
            return False


def _pod(pod: JSON) -> Usage:
    used: Usage = {"pods": Decimal(1)}
    for kind in ("requests", "limits"):
        for resource in COMPUTE:
            value = _effective(pod, kind, resource)
            used[f"{kind}.{resource}"] = value
            if kind == "requests":
                used[resource] = value
    return used


def _effective(pod: JSON, kind: str, resource: str) -> Decimal:
    """Containers together, or the largest init container if that is more."""
    together = sum((_asks(c, kind, resource) for c in containers_of(pod, "containers")), Decimal(0))
    first = (_asks(c, kind, resource) for c in containers_of(pod, "initContainers"))
    return max(together, *first, Decimal(0))


def _asks(container: JSON, kind: str, resource: str) -> Decimal:
    value = dig(container, "resources", kind, resource)
    if value is None and kind == "requests":
        value = dig(container, "resources", "limits", resource)  # a limit alone is also the request
    return parse_quantity(value)


def containers_of(pod: JSON, field: str) -> list[JSON]:
    return list(dig(pod, "spec", field, default=[]))


def unspecified(pod: JSON, hard: JSON) -> dict[str, list[str]]:
    """Compute resources under a limit -> the containers that do not say how much they want."""
    missing: dict[str, list[str]] = {}
    for name in sorted(hard):
        kind, _, resource = name.rpartition(".")
        if resource not in COMPUTE or kind not in {"requests", "limits", ""}:
            continue
        for container in [
            *containers_of(pod, "containers"),
            *containers_of(pod, "initContainers"),
        ]:
            resources = container.get("resources") or {}
            asked = {**(resources.get("requests") or {})} if kind != "limits" else {}
            asked |= resources.get("limits") or {}
            if resource not in asked:
                missing.setdefault(name, []).append(str(container["name"]))
    return {name: sorted(containers) for name, containers in missing.items()}


def _claim(claim: JSON) -> Usage:
    size = parse_quantity(dig(claim, "spec", "resources", "requests", "storage"))
    used: Usage = {"requests.storage": size}
    if storage_class := dig(claim, "spec", "storageClassName"):
        prefix = f"{storage_class}.storageclass.storage.k8s.io"
        used[f"{prefix}/requests.storage"] = size
        used[f"{prefix}/persistentvolumeclaims"] = Decimal(1)
    return used


def _service(service: JSON) -> Usage:
    kind = dig(service, "spec", "type", default="ClusterIP")
    used: Usage = {}
    if kind == "LoadBalancer":
        used["services.loadbalancers"] = Decimal(1)
    if kind in {"NodePort", "LoadBalancer"}:
        ports = dig(service, "spec", "ports", default=[])
        used["services.nodeports"] = Decimal(len(ports))
    return used
