"""Rules of the kinds that run nothing themselves: services, storage, data, access, networking.

In the words of the real server; objects have their types and defaults, anything else may be missing.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.metadata import (
    data_key_problem,
    label_causes,
    label_name_problem,
    subdomain_problem,
)
from runbook.practice.apiserver.quantities import amount

JSON = dict[str, Any]

_PORT = "must be between 1 and 65535, inclusive"
_NOT_NEGATIVE = "must be greater than or equal to 0"
_POSITIVE = "must be greater than zero"
_PERCENT_SAYS = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or "
    "'93%', regex used for validation is '[0-9]+%')"
)
_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
_PROTOCOLS = ("SCTP", "TCP", "UDP")
_SERVICE_RANGE = ipaddress.ip_network("10.96.0.0/16")


def _shown(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _duplicate(field: str, value: object) -> Cause:
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def config_map(obj: JSON) -> Iterator[Cause]:
    binary = obj.get("binaryData") or {}
    for key in obj.get("data") or {}:
        yield from _data_key("data", key)
        if key in binary:
            why = "duplicate of key present in binaryData"
            yield Cause.invalid(f"data[{key}]", _shown(key), why)
    for key in binary:
        yield from _data_key("binaryData", key)


def _data_key(field: str, key: str) -> Iterator[Cause]:
    problem = data_key_problem(key)
    if problem:
        yield Cause.invalid(f"{field}[{key}]", _shown(key), problem)


_SECRET_KEYS = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/dockercfg": (".dockercfg",),
}


def secret(obj: JSON) -> Iterator[Cause]:
    data, kind = obj.get("data") or {}, obj.get("type", "")
    for key in data:
        yield from _data_key("data", key)
    for key in _SECRET_KEYS.get(kind, ()):
        if key not in data:
            yield Cause.required(f"data[{key}]")
        elif key.startswith(".docker"):
            yield from _docker_config(key, data[key])
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & data.keys():
        yield Cause.required("data[username]")
        yield Cause.required("data[password]")
    if kind == "kubernetes.io/service-account-token":
        name = "kubernetes.io/service-account.name"
        if not (obj["metadata"].get("annotations") or {}).get(name):
            yield Cause.required(f"metadata.annotations[{name}]")


def _docker_config(key: str, encoded: str) -> Iterator[Cause]:
    text = base64.b64decode(encoded).decode("utf-8", "replace")
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        why = f"invalid character '{text[:1]}' looking for beginning of value"
        if not text:
            why = "unexpected end of JSON input"
        yield Cause.invalid(f"data[{key}]", '"<secret contents redacted>"', why)


def service(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    ports, kind = spec.get("ports") or [], spec.get("type")
    kinds = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
    if not ports and kind != "ExternalName" and spec.get("clusterIP") != "None":
        yield Cause.required("spec.ports")
    if kind == "ExternalName":
        name = spec.get("externalName") or ""
        if not name:
            yield Cause.required("spec.externalName")
        elif problem := subdomain_problem(name.removesuffix(".")):
            yield Cause.invalid("spec.externalName", _shown(name), problem)
    yield from _service_ports(ports)
    yield from label_causes(spec.get("selector") or {}, "spec.selector")
    affinity = spec.get("sessionAffinity")
    if affinity not in {"ClientIP", "None"}:
        supported = ("ClientIP", "None")
        yield Cause.unsupported("spec.sessionAffinity", _shown(affinity), supported)
    if kind not in kinds:
        yield Cause.unsupported("spec.type", _shown(kind), kinds)
    for index, port in enumerate(ports):
        if kind == "ClusterIP" and port.get("nodePort"):
            why = "may not be used when `type` is 'ClusterIP'"
            yield Cause.forbidden(f"spec.ports[{index}].nodePort", why)
    yield from _cluster_ip(spec)
    if kind in {"NodePort", "LoadBalancer"}:
        yield from _node_ports(ports)


def _node_ports(ports: Iterable[JSON]) -> Iterator[Cause]:
    for index, port in enumerate(ports):
        number = port.get("nodePort")
        if number and not 30_000 <= number <= 32_767:
            why = "provided port is not in the valid range. The range of valid ports is 30000-32767"
            yield Cause.invalid(f"spec.ports[{index}].nodePort", str(number), why)


def _service_ports(ports: list[JSON]) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        place, name = f"spec.ports[{index}]", port.get("name") or ""
        if not name and len(ports) > 1:
            yield Cause.required(f"{place}.name")
        elif name and (problem := label_name_problem(name)):
            yield Cause.invalid(f"{place}.name", _shown(name), problem)
        elif name and name in names:
            yield _duplicate(f"{place}.name", name)
        names.add(name)
        number = port.get("port") or 0
        if not 1 <= number <= 65535:
            yield Cause.invalid(f"{place}.port", str(number), _PORT)
        if port.get("protocol") not in _PROTOCOLS:
            shown = _shown(port.get("protocol"))
            yield Cause.unsupported(f"{place}.protocol", shown, _PROTOCOLS)
        target = port.get("targetPort")
        if isinstance(target, int) and not 1 <= target <= 65535:
            yield Cause.invalid(f"{place}.targetPort", str(target), _PORT)
    seen = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            fields = {"Name": "", "Protocol": key[0], "AppProtocol": None, "Port": key[1]}
            yield _duplicate(f"spec.ports[{index}]", {**fields, "TargetPort": 0, "NodePort": 0})
        seen.add(key)


def _cluster_ip(spec: JSON) -> Iterator[Cause]:
    address = spec.get("clusterIP")
    if not address or address == "None":
        return
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        yield Cause.invalid("spec.clusterIPs[0]", _shown(address), why)
        return
    if parsed not in _SERVICE_RANGE:
        mismatch = "the provided network does not match the current range"
        why = f"failed to allocate IP {address}: {mismatch}"
        yield Cause.invalid("spec.clusterIPs", _shown([address]), why)


def claim(obj: JSON) -> Iterator[Cause]:
    yield from claim_spec(obj["spec"], "spec")


def claim_spec(spec: JSON, path: str) -> Iterator[Cause]:
    modes = spec.get("accessModes") or []
    if not modes:
        yield Cause.required(f"{path}.accessModes", "at least 1 access mode is required")
    yield from _access_modes(modes, f"{path}.accessModes")
    storage = ((spec.get("resources") or {}).get("requests") or {}).get("storage")
    if storage is None:
        yield Cause.required(f"{path}.resources[storage]")
    elif amount(storage) <= 0:
        yield Cause.invalid(f"{path}.resources[storage]", _shown(str(storage)), _POSITIVE)
    name = spec.get("storageClassName")
    if name and (problem := subdomain_problem(name)):
        yield Cause.invalid(f"{path}.storageClassName", _shown(name), problem)
    mode = spec.get("volumeMode")
    if mode not in {"Block", "Filesystem", None}:
        yield Cause.unsupported(f"{path}.volumeMode", _shown(mode), ("Block", "Filesystem"))


def _access_modes(modes: list[str], path: str) -> Iterator[Cause]:
    for mode in modes:
        if mode not in _MODES:
            yield Cause.unsupported(path, _shown(mode), _MODES)
    if "ReadWriteOncePod" in modes and len(modes) > 1:
        yield Cause.forbidden(path, "may not use ReadWriteOncePod with other access modes")


_NO_SOURCES = frozenset(
    {
        *("accessModes", "capacity", "claimRef", "mountOptions", "nodeAffinity"),
        *("persistentVolumeReclaimPolicy", "storageClassName", "volumeMode"),
        "volumeAttributesClassName",
    }
)


def volume(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    if not spec.get("accessModes"):
        yield Cause.required("spec.accessModes")
    yield from _access_modes(spec.get("accessModes") or [], "spec.accessModes")
    capacity = spec.get("capacity")
    if not capacity:
        yield Cause.required("spec.capacity")
    if not capacity or capacity.keys() != {"storage"}:
        yield Cause.unsupported(
            "spec.capacity", _shown(capacity and dict(sorted(capacity.items()))), ("storage",)
        )
    storage = (capacity or {}).get("storage")
    if storage is not None and amount(storage) <= 0:
        yield Cause.invalid("spec.capacity[storage]", _shown(str(storage)), _POSITIVE)
    policies = ("Delete", "Recycle", "Retain")
    policy = spec.get("persistentVolumeReclaimPolicy")
    if policy not in policies:
        yield Cause.unsupported("spec.persistentVolumeReclaimPolicy", _shown(policy), policies)
    sources = [key for key in spec if key not in _NO_SOURCES]
    for index, source in enumerate(sorted(sources)):
        if index:
            yield Cause.forbidden(f"spec.{source}", "may not specify more than 1 volume type")
        elif source == "hostPath" and not spec[source].get("path"):
            yield Cause.required("spec.hostPath.path")
    if not sources:
        yield Cause.required("spec", "must specify a volume type")


def ingress(obj: JSON) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    if not spec.get("rules") and "defaultBackend" not in spec:
        why = "either `defaultBackend` or `rules` must be specified"
        yield Cause.invalid("spec", "null", why)
    for index, entry in enumerate(spec.get("tls") or ()):
        yield from _hosts(entry.get("hosts") or (), f"spec.tls[{index}].hosts")
    for index, rule in enumerate(spec.get("rules") or ()):
        place = f"spec.rules[{index}]"
        if rule.get("host"):
            yield from _host(rule["host"], f"{place}.host")
        for number, path in enumerate((rule.get("http") or {}).get("paths") or ()):
            yield from _path(path, f"{place}.http.paths[{number}]")
    name = spec.get("ingressClassName")
    if name and (problem := subdomain_problem(name)):
        yield Cause.invalid("spec.ingressClassName", _shown(name), problem)


def _hosts(hosts: Iterable[str], path: str) -> Iterator[Cause]:
    for index, host in enumerate(hosts):
        yield from _host(host, f"{path}[{index}]")


def _host(host: str, path: str) -> Iterator[Cause]:
    problem = subdomain_problem(host.removeprefix("*."))
    if problem:
        yield Cause.invalid(path, _shown(host), problem)


def _path(path: JSON, place: str) -> Iterator[Cause]:
    kind, kinds = path.get("pathType"), ("Exact", "ImplementationSpecific", "Prefix")
    if kind is None:
        yield Cause.required(f"{place}.pathType", "pathType must be specified")
    elif kind not in kinds:
        yield Cause.unsupported(f"{place}.pathType", _shown(kind), kinds)
    where = path.get("path", "")
    if kind in {"Exact", "Prefix"} and not where.startswith("/"):
        yield Cause.invalid(f"{place}.path", _shown(where), "must be an absolute path")
    yield from _backend(path.get("backend") or {}, f"{place}.backend")


def _backend(backend: JSON, path: str) -> Iterator[Cause]:
    target = backend.get("service")
    if target is None and "resource" not in backend:
        yield Cause.invalid(path, '""', "resource or service backend is required")
    if target is None:
        return
    if not target.get("name"):
        yield Cause.required(f"{path}.service.name")
    port = target.get("port") or {}
    if port.get("name") and port.get("number"):
        yield Cause.invalid(path, '""', "cannot set both port name & port number")
    elif not port.get("name") and not port.get("number"):
        yield Cause.required(path, "port name or number is required")


def storage_class(obj: JSON) -> Iterator[Cause]:
    provisioner = obj.get("provisioner") or ""
    if not provisioner:
        yield Cause.required("provisioner")
    else:
        yield from label_causes({provisioner.lower(): ""}, "provisioner")
    policy = obj.get("reclaimPolicy")
    if policy not in {"Delete", "Retain"}:
        yield Cause.unsupported("reclaimPolicy", _shown(policy), ("Delete", "Retain"))
    mode, modes = obj.get("volumeBindingMode"), ("Immediate", "WaitForFirstConsumer")
    if mode not in modes:
        yield Cause.unsupported("volumeBindingMode", _shown(mode), modes)


def priority_class(obj: JSON) -> Iterator[Cause]:
    name, policy = obj["metadata"]["name"], obj.get("preemptionPolicy")
    if name.startswith("system-"):
        if name not in {"system-cluster-critical", "system-node-critical"}:
            why = (
                "priority class names with 'system-' prefix are reserved for system use only. "
                f"error: {name} is not a known system priority class"
            )
            yield Cause.forbidden("metadata.name", why)
    elif obj.get("value", 0) > 1_000_000_000:
        why = "maximum allowed value of a user defined priority is 1000000000"
        yield Cause.forbidden("value", why)
    policies = ("PreemptLowerPriority", "Never")
    if policy not in policies:
        yield Cause.unsupported("preemptionPolicy", _shown(policy), policies)


def budget(obj: JSON) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if least is not None and most is not None:
        both = {"MinAvailable": least, "Selector": spec.get("selector"), "MaxUnavailable": most}
        shown = _shown({**both, "UnhealthyPodEvictionPolicy": None})
        yield Cause.invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set")
    for field, value in (("minAvailable", least), ("maxUnavailable", most)):
        yield from share(value or 0, f"spec.{field}")
        yield from more_than_all(value, f"spec.{field}")


def share(value: int | str, path: str) -> Iterator[Cause]:
    """A number of pods or a percentage of them."""
    if isinstance(value, int):
        if value < 0:
            yield Cause.invalid(path, str(value), _NOT_NEGATIVE)
    elif not re.fullmatch(r"[0-9]+%", value):
        yield Cause.invalid(path, _shown(value), _PERCENT_SAYS)


def more_than_all(value: int | str | None, path: str) -> Iterator[Cause]:
    """A percentage of which no more than 100 makes sense."""
    percent = re.fullmatch(r"0*([0-9]+)%", value) if isinstance(value, str) else None
    if percent and (len(percent[1]) > 3 or int(percent[1]) > 100):
        yield Cause.invalid(path, _shown(value), "must not be greater than 100%")


def lease(obj: JSON) -> Iterator[Cause]:
    spec = obj.get("spec") or {}
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        yield Cause.invalid("spec.leaseDurationSeconds", str(seconds), "must be greater than 0")
    if transitions is not None and transitions < 0:
        yield Cause.invalid("spec.leaseTransitions", str(transitions), _NOT_NEGATIVE)
