"""Rules of a pod's spec, in pods and in every template of one, in the words of the real server.

Objects have their types and their defaults; anything else may be missing. The order of what is found is
the server's: volumes, containers, then the pod itself.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.metadata import key_problems, label_causes, label_name_problem
from runbook.practice.apiserver.quantities import amount

JSON = dict[str, Any]

_PORT = "must be between 1 and 65535, inclusive"
_NOT_NEGATIVE = "must be greater than or equal to 0"
_HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc")
_STANDARD = ("cpu", "memory", "ephemeral-storage")
_ENV_NAME = re.compile(r"[ -<>-~]+")
_DNS = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_PROTOCOLS = ("SCTP", "TCP", "UDP")


def duplicate(field: str, shown: str) -> Cause:
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {shown}")


def pod_spec(spec: JSON, path: str, claims: Iterable[JSON] = ()) -> Iterator[Cause]:
    """`claims` are a StatefulSet's claim templates: each is a volume of its pods."""
    names: set[str | None] = set()
    yield from _volumes(spec.get("volumes") or (), f"{path}.volumes", names)
    names |= {(claim.get("metadata") or {}).get("name") for claim in claims}
    host = bool(spec.get("hostNetwork"))
    if not spec.get("containers"):
        yield Cause.required(f"{path}.containers")
    seen: set[str] = set()
    for index, container in enumerate(spec.get("containers") or ()):
        yield from _container(container, f"{path}.containers[{index}]", seen, names, host=host)
    for index, container in enumerate(spec.get("initContainers") or ()):
        yield from _init_container(container, f"{path}.initContainers[{index}]", seen, names)
    if spec.get("restartPolicy") not in {"Always", "OnFailure", "Never"}:
        supported = ("Always", "OnFailure", "Never")
        shown = json.dumps(spec.get("restartPolicy"))
        yield Cause.unsupported(f"{path}.restartPolicy", shown, supported)
    if spec.get("dnsPolicy") not in _DNS:
        yield Cause.unsupported(f"{path}.dnsPolicy", json.dumps(spec.get("dnsPolicy")), _DNS)
    yield from label_causes(spec.get("nodeSelector") or {}, f"{path}.nodeSelector")
    yield from _user(spec.get("securityContext") or {}, f"{path}.securityContext")
    yield from _affinity(spec.get("affinity") or {}, f"{path}.affinity")
    yield from _spread(spec, f"{path}.topologySpreadConstraints")
    yield from _tolerations(spec.get("tolerations") or (), f"{path}.tolerations")
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= 2**31 - 1:
        why = "must be between 1 and 2147483647, inclusive"
        yield Cause.invalid(f"{path}.activeDeadlineSeconds", str(deadline), why)


def _volumes(volumes: Iterable[JSON], path: str, seen: set[str | None]) -> Iterator[Cause]:
    """Those that are right are added to `seen`: only they can be mounted."""
    for index, volume in enumerate(volumes):
        found = list(_volume(volume, f"{path}[{index}]", seen))
        yield from found
        if not found:
            seen.add(volume["name"])


def _volume(volume: JSON, place: str, seen: set[str | None]) -> Iterator[Cause]:
    sources = [key for key in sorted(volume, key=_source_order) if key != "name"]
    for extra in sources[1:]:
        yield Cause.forbidden(f"{place}.{extra}", "may not specify more than 1 volume type")
    if sources:
        yield from _source(volume[sources[0]] or {}, sources[0], f"{place}.{sources[0]}")
    name = volume.get("name", "")
    if not name:
        yield Cause.required(f"{place}.name")
    elif problem := label_name_problem(name):
        yield Cause.invalid(f"{place}.name", json.dumps(name), problem)
    elif name in seen:
        yield duplicate(f"{place}.name", json.dumps(name))


_NAMED = {
    "configMap": "name",
    "secret": "secretName",
    "persistentVolumeClaim": "claimName",
    "hostPath": "path",
}


def _source_order(name: str) -> tuple[int, str]:
    first = ("emptyDir", "hostPath")
    return (first.index(name) if name in first else len(first), name)


def _source(source: JSON, kind: str, path: str) -> Iterator[Cause]:
    if kind in _NAMED and not source.get(_NAMED[kind]):
        yield Cause.required(f"{path}.{_NAMED[kind]}")
    if kind == "nfs":
        if not source.get("server"):
            yield Cause.required(f"{path}.server")
        if not source.get("path"):
            yield Cause.required(f"{path}.path")
        elif not source["path"].startswith("/"):
            shown = json.dumps(source["path"])
            yield Cause.invalid(f"{path}.path", shown, "must be an absolute path")


def _container(
    container: JSON, path: str, seen: set[str], volumes: set[str | None], *, host: bool = False
) -> Iterator[Cause]:
    yield from _name(container, path, seen)
    yield from _body(container, path, volumes, host=host)


def _name(container: JSON, path: str, seen: set[str]) -> Iterator[Cause]:
    name = container.get("name") or ""
    if not name:
        yield Cause.required(f"{path}.name")
    elif problem := label_name_problem(name):
        yield Cause.invalid(f"{path}.name", json.dumps(name), problem)
    elif name in seen:
        yield duplicate(f"{path}.name", json.dumps(name))
    seen.add(name)


def _init_container(
    container: JSON, path: str, seen: set[str], volumes: set[str | None]
) -> Iterator[Cause]:
    yield from _body(container, path, volumes)
    yield from _name(container, path, seen)


def _body(
    container: JSON, path: str, volumes: set[str | None], *, host: bool = False
) -> Iterator[Cause]:
    image = container.get("image") or ""
    if not image:
        yield Cause.required(f"{path}.image")
    elif image != image.strip():
        why = "must not have leading or trailing whitespace"
        yield Cause.invalid(f"{path}.image", json.dumps(image), why)
    policy = container.get("imagePullPolicy")
    policies = ("Always", "IfNotPresent", "Never")
    if policy not in policies:
        yield Cause.unsupported(f"{path}.imagePullPolicy", json.dumps(policy), policies)
    yield from _ports(container.get("ports") or (), f"{path}.ports", host=host)
    yield from _environment(container.get("env") or (), f"{path}.env")
    yield from _mounts(container.get("volumeMounts") or (), f"{path}.volumeMounts", volumes)
    for kind in ("livenessProbe", "readinessProbe", "startupProbe"):
        if kind in container:
            yield from _probe(container[kind], f"{path}.{kind}", kind)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")
    yield from _security(container.get("securityContext") or {}, f"{path}.securityContext")


def _ports(ports: Iterable[JSON], path: str, *, host: bool) -> Iterator[Cause]:
    names: set[str] = set()
    for index, port in enumerate(ports):
        place = f"{path}[{index}]"
        name = port.get("name")
        if name:
            yield from (
                Cause.invalid(f"{place}.name", json.dumps(name), why) for why in _port_name(name)
            )
            if name in names:
                yield duplicate(f"{place}.name", json.dumps(name))
            names.add(name)
        number = port.get("containerPort") or 0
        if not number:
            yield Cause.required(f"{place}.containerPort")
        elif not 1 <= number <= 65535:
            yield Cause.invalid(f"{place}.containerPort", str(number), _PORT)
        on_host = port.get("hostPort")
        if host and on_host is not None and on_host != number:
            why = "must match `containerPort` when `hostNetwork` is true"
            yield Cause.invalid(f"{place}.hostPort", str(on_host), why)
        if port.get("protocol") not in _PROTOCOLS:
            shown = json.dumps(port.get("protocol"))
            yield Cause.unsupported(f"{place}.protocol", shown, _PROTOCOLS)


def _port_name(name: str) -> Iterator[str]:
    if len(name) > 15:
        yield "must be no more than 15 characters"
    if not re.fullmatch(r"[a-z0-9-]+", name):
        yield "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)"
    if not re.search(r"[a-z]", name):
        yield "must contain at least one letter (a-z)"


def _environment(variables: Iterable[JSON], path: str) -> Iterator[Cause]:
    for index, variable in enumerate(variables):
        place, name = f"{path}[{index}]", variable.get("name") or ""
        if not name:
            yield Cause.required(f"{place}.name")
        elif not _ENV_NAME.fullmatch(name):
            why = (
                "a valid environment variable name must consist only of printable ASCII characters "
                "other than '='"
            )
            yield Cause.invalid(f"{place}.name", json.dumps(name), why)
        if "valueFrom" in variable:
            yield from _value_from(variable, f"{place}.valueFrom")


def _value_from(variable: JSON, path: str) -> Iterator[Cause]:
    source = variable["valueFrom"] or {}
    field = (source.get("fieldRef") or {}).get("fieldPath")
    if field is not None and not _is_field(field):
        why = f"error converting fieldPath: field label not supported: {field}"
        yield Cause.invalid(f"{path}.fieldRef.fieldPath", json.dumps(field), why)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if kind in source and not source[kind].get("key"):
            yield Cause.required(f"{path}.{kind}.key")
    if not source:
        why = (
            "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, "
            "`secretKeyRef` or `fileKeyRef`"
        )
        yield Cause.invalid(path, '""', why)
    elif variable.get("value"):
        yield Cause.invalid(path, '""', "may not be specified when `value` is not empty")


def _is_field(path: str) -> bool:
    metadata = ("name", "namespace", "uid", "labels", "annotations")
    return (
        path in {f"metadata.{one}" for one in metadata}
        or path.startswith(("metadata.labels[", "metadata.annotations["))
        or path in {"spec.nodeName", "spec.serviceAccountName", "spec.restartPolicy"}
        or path in {"status.phase", "status.podIP", "status.podIPs", "status.hostIP"}
        or path == "status.hostIPs"
    )


def _mounts(mounts: Iterable[JSON], path: str, volumes: set[str | None]) -> Iterator[Cause]:
    places: set[str] = set()
    for index, mount in enumerate(mounts):
        place, name, where = f"{path}[{index}]", mount.get("name"), mount.get("mountPath") or ""
        if not name:
            yield Cause.required(f"{place}.name")
        elif name not in volumes:
            yield Cause(f"{place}.name", "FieldValueNotFound", f"Not found: {json.dumps(name)}")
        if not where:
            yield Cause.required(f"{place}.mountPath")
        elif where in places:
            yield Cause.invalid(f"{place}.mountPath", json.dumps(where), "must be unique")
        places.add(where)


def _probe(probe: JSON, path: str, kind: str) -> Iterator[Cause]:
    handlers = [one for one in _HANDLERS if one in probe]
    if not handlers:
        yield Cause.required(path, "must specify a handler type")
    for index, handler in enumerate(handlers):
        place = f"{path}.{handler}"
        if index:
            yield Cause.forbidden(place, "may not specify more than 1 handler type")
        elif handler == "exec" and not probe["exec"].get("command"):
            yield Cause.required(f"{place}.command")
        elif handler != "exec":
            port = probe[handler].get("port")
            if isinstance(port, int) and not 1 <= port <= 65535:
                yield Cause.invalid(f"{place}.port", str(port), _PORT)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds"):
        if probe.get(field, 0) < 0:
            yield Cause.invalid(f"{path}.{field}", str(probe[field]), _NOT_NEGATIVE)
    if kind != "readinessProbe" and probe.get("successThreshold", 1) != 1:
        shown = str(probe["successThreshold"])
        yield Cause.invalid(f"{path}.successThreshold", shown, "must be 1")


def _resources(resources: JSON, path: str) -> Iterator[Cause]:
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, quantity in sorted(amounts.items()):
            yield from _quantity(name, quantity, f"{path}.{field}[{name}]")
    for name, quantity in sorted(requests.items()):
        if name in limits and amount(quantity) > amount(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield Cause.invalid(f"{path}.requests", json.dumps(str(quantity)), why)


def _quantity(name: str, quantity: object, path: str) -> Iterator[Cause]:
    for why in key_problems(name):
        yield Cause.invalid(path, json.dumps(name), why)
    if "/" not in name and name not in _STANDARD and not name.startswith("hugepages-"):
        for why in (
            "must be a standard resource type or fully qualified",
            "must be a standard resource for containers",
        ):
            yield Cause.invalid(path, json.dumps(name), why)
    if amount(quantity) < 0:
        yield Cause.invalid(path, json.dumps(str(quantity)), _NOT_NEGATIVE)


_CONTEXT = (
    *("Capabilities", "Privileged", "SELinuxOptions", "WindowsOptions", "RunAsUser", "RunAsGroup"),
    *("RunAsNonRoot", "ReadOnlyRootFilesystem", "AllowPrivilegeEscalation", "ProcMount"),
    *("SeccompProfile", "AppArmorProfile"),
)


def _security(context: JSON, path: str) -> Iterator[Cause]:
    yield from _user(context, path)
    if context.get("privileged") and context.get("allowPrivilegeEscalation") is False:
        given = {name[0].lower() + name[1:]: name for name in _CONTEXT}
        shown = dict.fromkeys(_CONTEXT) | {
            given[key]: value for key, value in context.items() if key in given
        }
        why = "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        yield Cause.invalid(path, json.dumps(shown, separators=(",", ":")), why)


def _user(context: JSON, path: str) -> Iterator[Cause]:
    for field in ("runAsUser", "runAsGroup"):
        number = context.get(field)
        if number is not None and not 0 <= number <= 2**31 - 1:
            why = "must be between 0 and 2147483647, inclusive"
            yield Cause.invalid(f"{path}.{field}", str(number), why)


def _affinity(affinity: JSON, path: str) -> Iterator[Cause]:
    required = (affinity.get("nodeAffinity") or {}).get(
        "requiredDuringSchedulingIgnoredDuringExecution"
    )
    if required is not None and not required.get("nodeSelectorTerms"):
        place = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution"
        why = "must have at least one node selector term"
        yield Cause.required(f"{place}.nodeSelectorTerms", why)


def _spread(spec: JSON, path: str) -> Iterator[Cause]:
    choices = ("DoNotSchedule", "ScheduleAnyway")
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        place = f"{path}[{index}]"
        if one.get("maxSkew", 0) <= 0:
            shown = str(one.get("maxSkew", 0))
            yield Cause.invalid(f"{place}.maxSkew", shown, "must be greater than zero")
        if not one.get("topologyKey"):
            yield Cause.required(f"{place}.topologyKey", "can not be empty")
        if one.get("whenUnsatisfiable") not in choices:
            shown = json.dumps(one.get("whenUnsatisfiable"))
            yield Cause.unsupported(f"{place}.whenUnsatisfiable", shown, choices)


def _tolerations(tolerations: Iterable[JSON], path: str) -> Iterator[Cause]:
    for index, one in enumerate(tolerations):
        place, operator = f"{path}[{index}]", one.get("operator")
        if not one.get("key") and operator != "Exists":
            why = (
                "operator must be Exists when `key` is empty, which means "
                '"match all values and all keys"'
            )
            yield Cause.invalid(f"{place}.operator", json.dumps(operator or ""), why)
        if operator == "Exists" and one.get("value"):
            why = "value must be empty when `operator` is 'Exists'"
            yield Cause.invalid(f"{place}.operator", json.dumps(one["value"]), why)
        elif operator not in {None, "", "Equal", "Exists"}:
            shown = json.dumps(operator)
            yield Cause.unsupported(f"{place}.operator", shown, ("Equal", "Exists"))
        if one.get("effect") and one["effect"] not in _EFFECTS:
            yield Cause.unsupported(f"{place}.effect", json.dumps(one["effect"]), _EFFECTS)
