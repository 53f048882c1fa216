"""Whether an object of a built-in kind can be decoded into that kind, and what it lacks.

Walks the object beside its type tables. Unlike a JSON schema, Go's decoder accepts a number where a
quantity is meant, ignores nothing it does not know (it reports it), and takes a missing field for an
empty one; only fields without which the server refuses an object are called required.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from runbook.practice.apiserver.durations import parse_time
from runbook.practice.apiserver.findings import (
    FieldError,
    Findings,
    Mistyped,
    child,
    go_type,
    required,
    unsupported,
)
from runbook.practice.apiserver.models import Field, Struct, Type, struct
from runbook.practice.apiserver.protobuf import dropped_when_zero
from runbook.practice.apiserver.quantities import canonical_quantity
from runbook.quantities import QUANTITY

JSON = dict[str, Any]

_QUANTITY_COMPLAINT = (
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
)
# A required struct that is missing is an empty one to Go, whose first complaint is about its inside.
_INSIDE = {
    "template": "template.spec.containers",
    "jobTemplate": "jobTemplate.spec.template.spec.containers",
}
_PULL_POLICIES = ["Always", "IfNotPresent", "Never"]
_PROTOCOLS = ["SCTP", "TCP", "UDP"]
_SUPPORTED: dict[tuple[str, str], list[str]] = {
    ("PodSpec", "restartPolicy"): ["Always", "OnFailure", "Never"],
    ("PodSpec", "dnsPolicy"): ["ClusterFirst", "ClusterFirstWithHostNet", "Default", "None"],
    ("Container", "imagePullPolicy"): _PULL_POLICIES,
    ("ContainerPort", "protocol"): _PROTOCOLS,
    ("ServicePort", "protocol"): _PROTOCOLS,
    ("ServiceSpec", "type"): ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"],
    ("ServiceSpec", "sessionAffinity"): ["ClientIP", "None"],
    ("DeploymentStrategy", "type"): ["Recreate", "RollingUpdate"],
    ("CronJobSpec", "concurrencyPolicy"): ["Allow", "Forbid", "Replace"],
    ("HTTPIngressPath", "pathType"): ["Exact", "ImplementationSpecific", "Prefix"],
    ("PersistentVolumeSpec", "persistentVolumeReclaimPolicy"): ["Delete", "Recycle", "Retain"],
    ("CustomResourceDefinitionSpec", "scope"): ["Cluster", "Namespaced"],
}
# Optional by their schemas, and yet written when they are zero.
_ZERO_IS_WRITTEN = {("StatefulSetSpec", "serviceName")}
_ACCESS_MODES = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"]


@dataclass(slots=True)
class _Walk:
    """What has been found so far."""

    unknown: list[str] = field(default_factory=list)
    mistyped: list[Mistyped] = field(default_factory=list)
    invalid: list[FieldError] = field(default_factory=list)

    def findings(self) -> Findings:
        return Findings(tuple(self.unknown), tuple(self.mistyped), tuple(self.invalid))


@dataclass(frozen=True, slots=True)
class _Place:
    """Where the walk is: the path, the path without indexes, and the struct that holds the field."""

    path: str
    go_path: str
    owner: str = ""

    def key(self, key: str) -> _Place:
        return _Place(child(self.path, key), child(self.go_path, key), self.owner)

    def index(self, index: int) -> _Place:
        return _Place(f"{self.path}[{index}]", self.go_path, self.owner)

    def inside(self, owner: str) -> _Place:
        return _Place(self.path, self.go_path, owner)


def inspect_struct(class_name: str, obj: Any, path: str = "") -> Findings:
    """Everything wrong with an object whose type is this model class."""
    walk = _Walk()
    _struct(walk, class_name, obj, _Place(path, path))
    return walk.findings()


def _struct(walk: _Walk, class_name: str, value: Any, place: _Place) -> None:
    if not isinstance(value, dict):
        walk.mistyped.append(_mistyped(Type(struct=class_name), value, place))
        return
    table = struct(class_name)
    inside = place.inside(table.name)
    for key, one in value.items():
        known = table.fields.get(key)
        if known is None:
            walk.unknown.append(child(place.path, key))
        elif one is not None:
            _value(walk, known.type, one, inside.key(key))
            _supported(walk, table.name, key, one, child(place.path, key))
    if place.path != "status" and not place.path.startswith("status."):
        _missing(walk, table, value, place.path)


def with_canonical_quantities(class_name: str, obj: JSON) -> JSON:
    """The object with every quantity in the form the server writes; shares what did not change."""
    changed: JSON = _canonical(Type(struct=class_name), obj)
    return changed


def _canonical(kind: Type, value: Any, *, of_resources: bool = False) -> Any:
    if kind.depth and isinstance(value, list):
        listed = [_canonical(kind.item(), one) for one in value]
        return listed if any(a is not b for a, b in zip(listed, value, strict=True)) else value
    if isinstance(value, dict) and (kind.depth or kind.struct):
        table = None if kind.depth else struct(kind.struct)
        fields = None if table is None else table.fields
        found = {}
        for key, one in value.items():
            known = None if fields is None else fields.get(key)
            if known is not None and table is not None and _is_none(table, key, known, one):
                continue
            inner = kind.item() if fields is None else known.type if known is not None else None
            found[key] = (
                one if inner is None else _canonical(inner, one, of_resources=fields is None)
            )
        same = len(found) == len(value) and all(found[key] is value[key] for key in found)
        return value if same else found
    if kind.scalar == "quantity" and isinstance(value, str | int | float):
        text = canonical_quantity(value, listed=of_resources)
        return value if text == value else text
    return value


def _is_none(table: Struct, key: str, known: Field, value: Any) -> bool:
    """Go writes no empty list and map, and no zero where it cannot tell it from nothing."""
    if known.required or value:
        return False
    return bool(known.type.depth) or (
        (table.name, key) not in _ZERO_IS_WRITTEN and key in dropped_when_zero(table.name)
    )


def _missing(walk: _Walk, table: Struct, value: JSON, path: str) -> None:
    for key, known in table.fields.items():
        if known.required and value.get(key) is None and known.type.scalar != "bool":
            walk.invalid.append(required(child(path, _INSIDE.get(key, key))))
    if table.name == "PodTemplateSpec" and value.get("spec") is None:
        walk.invalid.append(required(child(path, "spec.containers")))


def _value(walk: _Walk, kind: Type, value: Any, place: _Place) -> None:
    if kind.depth:
        _items(walk, kind, value, place)
    elif kind.struct:
        _struct(walk, kind.struct, value, place)
    elif not _fits(kind, value):
        walk.mistyped.append(_mistyped(kind, value, place))


def _items(walk: _Walk, kind: Type, value: Any, place: _Place) -> None:
    item = kind.item()
    if kind.depth[0] == "list" and isinstance(value, list):
        for index, one in enumerate(value):
            if one is not None:
                _value(walk, item, one, place.index(index))
    elif kind.depth[0] == "map" and isinstance(value, dict):
        for key, one in value.items():
            if one is not None:
                # Go's decoder names the map, not the key.
                _value(walk, item, one, _Place(child(place.path, key), place.go_path, place.owner))
    else:
        walk.mistyped.append(_mistyped(kind, value, place))


def _fits(kind: Type, value: Any) -> bool:
    match kind.scalar:
        case "string":
            return isinstance(value, str)
        case "int32" | "int64":
            return _is_integer(value) and abs(value) < (1 << (31 if kind.scalar == "int32" else 63))
        case "float64":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "bool":
            return isinstance(value, bool)
        case "time":
            return parse_time(value) is not None
        case "bytes":
            return isinstance(value, str) and _is_base64(value)
        case "quantity":
            if isinstance(value, str):
                return QUANTITY.fullmatch(value) is not None
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "int-or-string":
            return isinstance(value, str) or _is_integer(value)
        case _:
            return True


def _mistyped(kind: Type, value: Any, place: _Place) -> Mistyped:
    """The complaint of Go's decoder, or of the type's own one."""
    why = ""
    if kind.scalar == "quantity" and not isinstance(value, bool | dict | list):
        why = _QUANTITY_COMPLAINT
    elif kind.scalar == "time" and isinstance(value, str):
        layout = "2006-01-02T15:04:05Z07:00"
        why = f'parsing time "{value}" as "{layout}": cannot parse "{value}" as "2006"'
    elif kind.scalar == "bytes" and isinstance(value, str):
        why = f"illegal base64 data at input byte {_bad_base64(value)}"
    found = go_type(value)
    if found == "number" and kind.scalar in {"int32", "int64"}:
        found = f"number {value}"
    return Mistyped(place.path, place.go_path, place.owner, found, kind.go(), why)


def _supported(walk: _Walk, owner: str, key: str, value: Any, path: str) -> None:
    values = _SUPPORTED.get((owner, key))
    if values is not None and isinstance(value, str) and value not in values:
        walk.invalid.append(unsupported(path, value, values))
    elif key == "accessModes" and isinstance(value, list):
        walk.invalid += [
            unsupported(path, one, _ACCESS_MODES)
            for one in value
            if isinstance(one, str) and one not in _ACCESS_MODES
        ]


def _is_integer(value: Any) -> bool:
    if isinstance(value, float):
        return value.is_integer()
    return isinstance(value, int) and not isinstance(value, bool)


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.replace("\n", "").replace("\r", ""), validate=True)
    except ValueError:
        return False
    return True


def _bad_base64(text: str) -> int:
    """Where Go's decoder stops: at the first foreign character, or at the end of what is too short."""
    foreign = re.search(r"[^A-Za-z0-9+/=\r\n]", text)
    if foreign is not None:
        return foreign.start()
    return len(text) // 4 * 4
