"""Printer columns of the built-in kinds: nodes, networking, storage, configuration, access, events.

The names, their order and the words in the cells are the real server's.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runbook.practice.apiserver.cluster_columns import CLUSTER_PRINTERS
from runbook.practice.apiserver.columns import (
    AGE,
    NAME,
    Cells,
    Column,
    Printer,
    age_of,
    at,
    label_selector,
    labels_text,
    name_of,
)
from runbook.practice.apiserver.crd_columns import API_SERVICE_PRINTER, CRD_PRINTER
from runbook.practice.apiserver.durations import UNKNOWN, age
from runbook.practice.apiserver.workload_columns import WORKLOAD_PRINTERS

JSON = dict[str, Any]

_ROLE_LABEL = "node-role.kubernetes.io/"
_ACCESS_MODES = {
    "ReadWriteOnce": "RWO",
    "ReadOnlyMany": "ROX",
    "ReadWriteMany": "RWX",
    "ReadWriteOncePod": "RWOP",
}


def _node(obj: JSON, now: datetime) -> list[Any]:
    conditions = at(obj, "status", "conditions", default=[])
    ready = next((one["status"] for one in conditions if one["type"] == "Ready"), None)
    status = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    if at(obj, "spec", "unschedulable"):
        status += ",SchedulingDisabled"
    labels = obj["metadata"].get("labels") or {}
    roles = {key.removeprefix(_ROLE_LABEL) for key in labels if key.startswith(_ROLE_LABEL)}
    roles.add(labels.get("kubernetes.io/role", ""))
    info = at(obj, "status", "nodeInfo", default={})
    addresses = {one["type"]: one["address"] for one in at(obj, "status", "addresses", default=[])}
    return [
        name_of(obj),
        status,
        ",".join(sorted(roles - {""})) or "<none>",
        age_of(obj, now),
        info.get("kubeletVersion", ""),
        addresses.get("InternalIP", "<none>"),
        addresses.get("ExternalIP", "<none>"),
        info.get("osImage") or UNKNOWN,
        info.get("kernelVersion") or UNKNOWN,
        info.get("containerRuntimeVersion") or UNKNOWN,
    ]


def _event(obj: JSON, now: datetime) -> list[Any]:
    first = age(obj.get("firstTimestamp") or obj.get("eventTime"), now)
    last = age(obj["lastTimestamp"], now) if obj.get("lastTimestamp") else first
    count = obj.get("count") or 1
    series = obj.get("series")
    if series:
        last, count = age(series.get("lastObservedTime"), now), series.get("count", 0)
    about = obj.get("involvedObject") or {}
    kind = about.get("kind", "").lower()
    component = at(obj, "source", "component") or obj.get("reportingComponent", "")
    host = at(obj, "source", "host") or obj.get("reportingInstance", "")
    return [
        last,
        obj.get("type", ""),
        obj.get("reason", ""),
        f"{kind}/{about['name']}" if about.get("name") else kind,
        about.get("fieldPath", ""),
        f"{component}, {host}" if host else component,
        obj.get("message", "").strip(),
        first,
        count,
        name_of(obj),
    ]


def _service(obj: JSON, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    addresses = spec.get("clusterIPs") or [spec.get("clusterIP") or "<none>"]
    return [
        name_of(obj),
        spec.get("type", ""),
        addresses[0],
        _external_address(obj),
        ",".join(_service_port(port) for port in spec.get("ports") or []) or "<none>",
        age_of(obj, now),
        labels_text(spec.get("selector")),
    ]


def _service_port(port: JSON) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol', 'TCP')}"


def _external_address(obj: JSON) -> str:
    spec = obj.get("spec") or {}
    given = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ExternalName":
            return str(spec.get("externalName", ""))
        case "LoadBalancer":
            return ",".join([*_balancer_addresses(obj), *given]) or "<pending>"
        case "ClusterIP" | "NodePort":
            return ",".join(given) or "<none>"
        case _:
            return UNKNOWN


def _balancer_addresses(obj: JSON) -> list[str]:
    ingress = at(obj, "status", "loadBalancer", "ingress", default=[])
    return sorted({one.get("ip") or one.get("hostname") or "" for one in ingress} - {""})


def _ingress(obj: JSON, now: datetime) -> list[Any]:
    rules = at(obj, "spec", "rules", default=[])
    hosts = [rule["host"] for rule in rules if rule.get("host")]
    more = f" + {len(rules) - 3} more..." if hosts and len(rules) > 3 else ""
    return [
        name_of(obj),
        at(obj, "spec", "ingressClassName", default="<none>"),
        (",".join(hosts[:3]) or "*") + more,
        ",".join(_balancer_addresses(obj)),
        "80, 443" if at(obj, "spec", "tls") else "80",
        age_of(obj, now),
    ]


def _endpoints(obj: JSON, now: datetime) -> list[Any]:
    found: list[str] = []
    for subset in obj.get("subsets") or []:
        ports = [f":{port['port']}" for port in subset.get("ports") or []] or [""]
        addresses = [one["ip"] for one in subset.get("addresses") or []]
        found += [address + port for port in ports for address in addresses]
    shown = _at_most_three(found) if obj.get("subsets") else "<none>"
    return [name_of(obj), shown, age_of(obj, now)]


def _endpoint_slice(obj: JSON, now: datetime) -> list[Any]:
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or []]
    endpoints = obj.get("endpoints") or []
    addresses = [one for endpoint in endpoints for one in endpoint.get("addresses") or []]
    return [
        name_of(obj),
        obj.get("addressType", ""),
        _at_most_three(ports) or "<unset>",
        _at_most_three(addresses) or "<unset>",
        age_of(obj, now),
    ]


def _at_most_three(items: Sequence[str]) -> str:
    more = f" + {len(items) - 3} more..." if len(items) > 3 else ""
    return ",".join(items[:3]) + more


def _volume(obj: JSON, now: datetime) -> list[Any]:
    spec = obj.get("spec") or {}
    claim = spec.get("claimRef")
    return [
        name_of(obj),
        at(spec, "capacity", "storage", default="0"),
        _access_modes(spec.get("accessModes")),
        spec.get("persistentVolumeReclaimPolicy", ""),
        _phase(obj),
        f"{claim.get('namespace', '')}/{claim.get('name', '')}" if claim else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        at(obj, "status", "reason", default=""),
        age_of(obj, now),
        spec.get("volumeMode", "<unset>"),
    ]


def _claim(obj: JSON, now: datetime) -> list[Any]:
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    bound = bool(spec.get("volumeName"))
    return [
        name_of(obj),
        _phase(obj),
        spec.get("volumeName", ""),
        at(status, "capacity", "storage", default="0") if bound else "",
        _access_modes(status.get("accessModes")) if bound else "",
        spec.get("storageClassName", ""),
        spec.get("volumeAttributesClassName", "<unset>"),
        age_of(obj, now),
        spec.get("volumeMode", "<unset>"),
    ]


def _phase(obj: JSON) -> str:
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str(at(obj, "status", "phase", default=""))


def _access_modes(modes: list[str] | None) -> str:
    return ",".join(short for mode, short in _ACCESS_MODES.items() if mode in (modes or []))


def _quota(obj: JSON, now: datetime) -> list[Any]:
    used = at(obj, "status", "used", default={})
    cells: dict[bool, list[str]] = {False: [], True: []}
    for resource, hard in sorted(at(obj, "status", "hard", default={}).items()):
        is_limit = resource.startswith("limits.")
        cells[is_limit].append(f"{resource}: {used.get(resource, '0')}/{hard}")
    return [name_of(obj), ", ".join(cells[False]), ", ".join(cells[True]), age_of(obj, now)]


def _binding(obj: JSON, now: datetime) -> list[Any]:
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or []
    return [
        name_of(obj),
        f"{role.get('kind', '')}/{role.get('name', '')}",
        age_of(obj, now),
        ", ".join(one["name"] for one in subjects if one["kind"] == "User"),
        ", ".join(one["name"] for one in subjects if one["kind"] == "Group"),
        ", ".join(
            f"{one.get('namespace', '')}/{one['name']}"
            for one in subjects
            if one["kind"] == "ServiceAccount"
        ),
    ]


def _simple(*columns: tuple[Column, Cells]) -> Printer:
    """Name, some columns each with its own function, age."""

    def cells(obj: JSON, now: datetime) -> list[Any]:
        found = [cell for _, function in columns for cell in function(obj, now)]
        return [name_of(obj), *found, age_of(obj, now)]

    return Printer((NAME, *(column for column, _ in columns), AGE), cells)


def _count(*fields: str) -> Cells:
    return lambda obj, _: [sum(len(obj.get(field) or ()) for field in fields)]


def _field(*path: str, default: Any = "") -> Cells:
    return lambda obj, _: [at(obj, *path, default=default)]


def _named(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def _wide(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, priority=1) for name in names)


_BINDING_COLUMNS = (NAME, Column("Role"), AGE, *_wide("Users", "Groups", "ServiceAccounts"))
_WEBHOOKS = _simple((Column("Webhooks", "integer"), _count("webhooks")))
_RBAC = "rbac.authorization.k8s.io"

BUILTIN_PRINTERS: dict[tuple[str, str], Printer] = {
    **WORKLOAD_PRINTERS,
    **CLUSTER_PRINTERS,
    ("", "Namespace"): _simple((Column("Status"), _field("status", "phase"))),
    ("", "ConfigMap"): _simple((Column("Data"), _count("data", "binaryData"))),
    ("", "Secret"): _simple((Column("Type"), _field("type")), (Column("Data"), _count("data"))),
    ("", "ServiceAccount"): _simple(),
    ("", "Node"): Printer(
        (
            NAME,
            *_named("Status", "Roles"),
            AGE,
            Column("Version"),
            *_wide("Internal-IP", "External-IP", "OS-Image", "Kernel-Version", "Container-Runtime"),
        ),
        _node,
    ),
    ("", "Event"): Printer(
        (
            *_named("Last Seen", "Type", "Reason", "Object"),
            *_wide("Subobject", "Source"),
            Column("Message"),
            *_wide("First Seen", "Count"),
            Column("Name", priority=1, format="name", description=NAME.description),
        ),
        _event,
    ),
    ("", "Service"): Printer(
        (
            NAME,
            *_named("Type", "Cluster-IP", "External-IP", "Port(s)"),
            AGE,
            Column("Selector", priority=1),
        ),
        _service,
    ),
    ("", "Endpoints"): Printer((NAME, Column("Endpoints"), AGE), _endpoints),
    ("", "PersistentVolume"): Printer(
        (
            NAME,
            *_named("Capacity", "Access Modes", "Reclaim Policy", "Status", "Claim"),
            *_named("StorageClass", "VolumeAttributesClass", "Reason"),
            AGE,
            Column("VolumeMode", priority=1),
        ),
        _volume,
    ),
    ("", "PersistentVolumeClaim"): Printer(
        (
            NAME,
            *_named("Status", "Volume", "Capacity", "Access Modes"),
            *_named("StorageClass", "VolumeAttributesClass"),
            AGE,
            Column("VolumeMode", priority=1),
        ),
        _claim,
    ),
    ("", "ResourceQuota"): Printer((NAME, *_named("Request", "Limit"), AGE), _quota),
    ("discovery.k8s.io", "EndpointSlice"): Printer(
        (NAME, *_named("AddressType", "Ports", "Endpoints"), AGE), _endpoint_slice
    ),
    ("networking.k8s.io", "Ingress"): Printer(
        (NAME, *_named("Class", "Hosts", "Address", "Ports"), AGE), _ingress
    ),
    ("networking.k8s.io", "NetworkPolicy"): _simple(
        (
            Column("Pod-Selector"),
            lambda obj, _: [label_selector(at(obj, "spec", "podSelector"))],
        )
    ),
    ("coordination.k8s.io", "Lease"): _simple((Column("Holder"), _field("spec", "holderIdentity"))),
    ("scheduling.k8s.io", "PriorityClass"): Printer(
        (
            NAME,
            Column("Value", "integer"),
            Column("Global-Default", "boolean"),
            AGE,
            Column("PreemptionPolicy"),
        ),
        lambda obj, now: [
            name_of(obj),
            obj.get("value", 0),
            bool(obj.get("globalDefault")),
            age_of(obj, now),
            obj.get("preemptionPolicy", ""),
        ],
    ),
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): _WEBHOOKS,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): _WEBHOOKS,
    ("apiregistration.k8s.io", "APIService"): API_SERVICE_PRINTER,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): CRD_PRINTER,
    (_RBAC, "RoleBinding"): Printer(_BINDING_COLUMNS, _binding),
    (_RBAC, "ClusterRoleBinding"): Printer(_BINDING_COLUMNS, _binding),
}
