"""What the server says of a pod or a template that it takes all the same.

Fields that do nothing any more, and lists that do not mean what they seem to. In the server's words;
objects have their types and defaults.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runbook.practice.apiserver.metadata import label_value_problem
from runbook.practice.apiserver.quantities import amount, canonical_quantity

JSON = dict[str, Any]

_NODE_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": (
        "deprecated since v1.22; use Taints and Tolerations instead"
    ),
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_USE_SECCOMP = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_USE_APP_ARMOR = 'deprecated since v1.30; use the "appArmorProfile" field instead'
_VOLUMES = {  # the field in a volume -> its name in the warning, and what became of it
    "photonPersistentDisk": ("photonPersistentDisk", "v1.11, non-functional in v1.16+"),
    "gitRepo": ("gitRepo", "v1.11, and disabled by default in v1.33+"),
    "scaleIO": ("scaleIO", "v1.16, non-functional in v1.22+"),
    "flocker": ("flocker", "v1.22, non-functional in v1.25+"),
    "storageos": ("storageOS", "v1.22, non-functional in v1.25+"),
    "quobyte": ("quobyte", "v1.22, non-functional in v1.25+"),
    "glusterfs": ("glusterfs", "v1.25, non-functional in v1.26+"),
    "cephfs": ("cephfs", "v1.28, non-functional in v1.31+"),
    "rbd": ("rbd", "v1.28, non-functional in v1.31+"),
}
_PERSISTENT = ("cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd")
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_NO_POD = "a null labelSelector results in matching no pod"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def pod(template: JSON, place: str, *, bare: bool = False) -> Iterator[str]:
    """Of what has pod's metadata and spec. `place` is its path with a dot at the end, or empty."""
    spec, annotations = template["spec"], (template.get("metadata") or {}).get("annotations") or {}
    yield from _placement(spec, f"{place}spec")
    for key, why in _ANNOTATIONS.items():
        if key in annotations:
            yield f"{place}metadata.annotations[{key}]: {why}"
    yield from _volumes(spec, f"{place}spec.volumes")
    yield from _repeated(spec, f"{place}spec.hostAliases", "hostAliases", "ip")
    pulls = f"{place}spec.imagePullSecrets"
    yield from _repeated(spec, pulls, "imagePullSecrets", "name")
    for index, one in enumerate(spec.get("imagePullSecrets") or ()):
        if not one.get("name"):
            yield f'{pulls}[{index}].name: invalid empty name ""'
    yield from fractions(spec.get("overhead"), f"{place}spec.overhead")
    context = spec.get("securityContext") or {}
    if not context.get("seccompProfile") and _SECCOMP_POD in annotations:
        yield f"{place}metadata.annotations[{_SECCOMP_POD}]: {_USE_SECCOMP}"
    containers = _containers(spec, f"{place}spec")
    for where, container in containers:
        yield from _profiles(container, annotations, context, place, bare=bare)
        for kind in ("limits", "requests"):
            resources = (container.get("resources") or {}).get(kind)
            yield from fractions(resources, f"{where}.resources.{kind}")
        yield from _hidden_variables(container, where)
    yield from _ports(containers)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        why = "must be >= 0; negative values are invalid and will be treated as 1"
        yield f"{place}spec.terminationGracePeriodSeconds: {why}"
    yield from _pod_affinity(spec, f"{place}spec.affinity")


def node_label(key: str) -> str:
    """What is wrong with selecting nodes by this label; "" for a label of today."""
    return _NODE_LABELS.get(key, "")


def node_terms(terms: object, place: str, *, values: bool = False) -> Iterator[str]:
    """Of terms of a node selector; `values` says that the values are looked at, too."""
    for index, term in enumerate(terms if isinstance(terms, list) else ()):
        yield from _node_term(term, f"{place}[{index}]", values=values)


def old_volume(source: JSON, place: str) -> Iterator[str]:
    """Of the source of a persistent volume."""
    for kind in _PERSISTENT:
        if source.get(kind) is not None:
            yield f"{place}.{_VOLUMES[kind][0]}: deprecated in {_VOLUMES[kind][1]}"


def fractions(amounts: JSON | None, place: str, kinds: tuple[str, ...] = ()) -> Iterator[str]:
    """Bytes that are not whole."""
    for kind in kinds or ("memory", "ephemeral-storage"):
        value = (amounts or {}).get(kind)
        if value is not None and amount(value) % 1:
            why = f'fractional byte value "{canonical_quantity(value)}" is invalid'
            yield f"{place}[{kind}]: {why}, must be an integer"


def _placement(spec: JSON, place: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if why := node_label(key):
            yield f"{place}.nodeSelector[{key}]: {why}"
    affinity = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    where = f"{place}.affinity.nodeAffinity"
    required = (affinity.get(_REQUIRED) or {}).get("nodeSelectorTerms")
    yield from node_terms(required, f"{where}.{_REQUIRED}.nodeSelectorTerms")
    for index, one in enumerate(affinity.get(_PREFERRED) or ()):
        term = f"{where}.{_PREFERRED}[{index}].preference"
        yield from _node_term(one.get("preference") or {}, term, values=True)
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        constraint = f"{place}.topologySpreadConstraints[{index}]"
        key = one.get("topologyKey", "")
        if why := node_label(key):
            yield f"{constraint}.topologyKey: {key} is {why}"
        if one.get("labelSelector") is None:
            yield f"{constraint}.labelSelector: {_NO_POD}"


def _node_term(term: JSON, place: str, *, values: bool) -> Iterator[str]:
    for index, one in enumerate(term.get("matchExpressions") or ()):
        where = f"{place}.matchExpressions[{index}]"
        if why := node_label(one.get("key", "")):
            yield f"{where}.key: {one['key']} is {why}"
        for number, value in enumerate(one.get("values") or () if values else ()):
            if why := label_value_problem(value):
                yield f"{where}.values[{number}]: {value} is invalid, {why}"


def _volumes(spec: JSON, place: str) -> Iterator[str]:
    for index, volume in enumerate(spec.get("volumes") or ()):
        for kind, (shown, since) in _VOLUMES.items():
            if volume.get(kind) is not None:
                yield f"{place}[{index}].{shown}: deprecated in {since}"


def _repeated(spec: JSON, place: str, field: str, key: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, one in enumerate(spec.get(field) or ()):
        value = one.get(key, "")
        if value in seen:
            yield f'{place}[{index}].{key}: duplicate {key} "{value}"'
        seen.add(value)


def _containers(spec: JSON, place: str) -> list[tuple[str, JSON]]:
    return [
        (f"{place}.{field}[{index}]", one)
        for field in _CONTAINERS
        for index, one in enumerate(spec.get(field) or ())
    ]


def _profiles(
    container: JSON, annotations: JSON, of_pod: JSON, place: str, *, bare: bool
) -> Iterator[str]:
    context, name = container.get("securityContext") or {}, container.get("name", "")
    key = f"{_SECCOMP_CONTAINER}{name}"
    if not context.get("seccompProfile") and key in annotations:
        yield f"{place}metadata.annotations[{key}]: {_USE_SECCOMP}"
    key = f"{_APP_ARMOR}{name}"
    has_profile = context.get("appArmorProfile") or of_pod.get("appArmorProfile")
    if not bare and not has_profile and key in annotations:
        yield f"{place}metadata.annotations[{key}]: {_USE_APP_ARMOR}"


def _hidden_variables(container: JSON, place: str) -> Iterator[str]:
    seen: set[str] = set()
    for index, one in enumerate(container.get("env") or ()):
        name, value = one["name"], one.get("value", "")
        before = f"$({name})"
        if name in seen and (one.get("valueFrom") or value == before or before not in value):
            why = f'hides previous definition of "{name}", which may be dropped when using apply'
            yield f"{place}.env[{index}]: {why}"
        seen.add(name)


def _ports(containers: list[tuple[str, JSON]]) -> Iterator[str]:
    known: dict[tuple[int, str], list[tuple[str, JSON]]] = {}
    listed = [
        (f"{where}.ports[{index}]", port)
        for where, container in containers
        for index, port in enumerate(container.get("ports") or ())
    ]
    for place, port in listed:
        same = known.setdefault((port["containerPort"], port.get("protocol", "TCP")), [])
        for other, before in same:
            if how := _clash(port, before):
                yield f"{place}: {how} port definition with {other}"
        same.append((place, port))
    names: dict[str, str] = {}
    for place, port in listed:
        name = port.get("name")
        if name and name in names:
            first = names[name]
            why = f"services and probes that select ports by name will use {first}"
            yield f'{place}: duplicate port name "{name}" with {first}, {why}'
        elif name:
            names[name] = place


def _clash(port: JSON, other: JSON) -> str:
    ports = [one.get("hostPort") or 0 for one in (port, other)]
    addresses = [one.get("hostIP") or "" for one in (port, other)]
    if addresses[0] == addresses[1] and ports[0] == ports[1]:
        return "duplicate"
    if not all(ports):
        return "overlapping"
    open_to_all = sum(not address for address in addresses)
    return "dangerously ambiguous" if ports[0] == ports[1] and open_to_all == 1 else ""


def _pod_affinity(spec: JSON, place: str) -> Iterator[str]:
    for kind in ("podAffinity", "podAntiAffinity"):
        affinity = (spec.get("affinity") or {}).get(kind) or {}
        for index, term in enumerate(affinity.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{place}.{kind}.{_REQUIRED}[{index}].labelSelector: {_NO_POD}"
        for index, one in enumerate(affinity.get(_PREFERRED) or ()):
            if (one.get("podAffinityTerm") or {}).get("labelSelector") is None:
                inside = f"{_PREFERRED}[{index}].podAffinityTerm.labelSelector"
                yield f"{place}.{kind}.{inside}: {_NO_POD}"
