"""The types of the built-in kinds, read from the models of the official Kubernetes client.

The client's models know every field of every built-in kind, with type, description and whether it must
be given. Here they become plain tables, loaded one struct at a time and only when asked for, because
importing the client takes about a second. What the models do not say (which texts are quantities, which
integers have 64 bits) stands here. Refuses to judge any object.
"""

from __future__ import annotations

import functools
import re
import typing
from dataclasses import dataclass
from typing import Any, Literal

Scalar = Literal[
    "string",
    "int32",
    "int64",
    "float64",
    "bool",
    "time",
    "bytes",
    "quantity",
    "int-or-string",
    "any",
]

_PREFIX = re.compile(r"^(?:[A-Z][a-z]+)*?V\d+(?:alpha\d+|beta\d+)?(?=[A-Z])")
_LIST = re.compile(r"List\[(.+)\]")
_MAP = re.compile(r"Dict\[str, (.+)\]")
_SCALARS: dict[str, Scalar] = {
    "str": "string",
    "int": "int32",
    "bool": "bool",
    "float": "float64",
    "datetime": "time",
    "bytes": "bytes",
    "object": "any",
}
_QUANTITY_FIELDS = {
    *("allocatable", "allocatedResources", "averageValue", "capacity", "default"),
    *("defaultRequest", "divisor", "hard", "limits", "max", "maxLimitRequestRatio"),
    *("maximumVolumeSize", "min", "overhead", "requests", "sizeLimit", "used"),
}
_QUANTITY_VALUES = {"MetricTarget", "MetricValueStatus"}  # whose field `value` is one, too
_INT64_FIELDS = {
    *("activeDeadlineSeconds", "deletionGracePeriodSeconds", "fsGroup", "generation", "gid"),
    *("gracePeriodSeconds", "observedGeneration", "revision", "runAsGroup", "runAsUser"),
    *(
        "sizeBytes",
        "startingDeadlineSeconds",
        "supplementalGroups",
        "terminationGracePeriodSeconds",
    ),
    *("tolerationSeconds", "uid", "expirationSeconds"),
}
# Fields that schemas call required although the server's own types do well without.
_OPTIONAL = {("Event", "involvedObject"), ("Event", "metadata"), ("Event", "eventTime")}


@dataclass(frozen=True, slots=True)
class Type:
    """A scalar, a reference to a struct, or a list or map of such (`depth` names the wrappings)."""

    scalar: Scalar | None = None
    struct: str = ""
    depth: tuple[Literal["list", "map"], ...] = ()

    def item(self) -> Type:
        """What the list or map holds."""
        return Type(self.scalar, self.struct, self.depth[1:])

    def go(self) -> str:
        """The type's name in the server's messages."""
        wraps = {"list": "[]", "map": "map[string]"}
        prefix = "".join(wraps[one] for one in self.depth)
        if self.struct:
            version = re.search(r"V(\d+(?:alpha\d+|beta\d+)?)", self.struct)
            return f"{prefix}v{version[1] if version else 1}.{go_name(self.struct)}"
        named = {"time": "v1.Time", "quantity": "resource.Quantity", "bytes": "[]uint8"}
        found = named.get(self.scalar or "", self.scalar or "")
        return prefix + {"int-or-string": "intstr.IntOrString", "any": "interface {}"}.get(
            found, found
        )


@dataclass(frozen=True, slots=True)
class Field:
    type: Type
    required: bool
    documented: bool
    """Whether the schema calls it required, which the server may still do without."""
    description: str


@dataclass(frozen=True, slots=True)
class Struct:
    """One object type: its name in Go and its fields by their JSON names."""

    name: str
    fields: dict[str, Field]
    description: str


def go_name(class_name: str) -> str:
    """`V1PodSpec`, `CoreV1Event` -> `PodSpec`, `Event`."""
    return _PREFIX.sub("", class_name)


@functools.cache
def root_class(group: str, version: str, kind: str) -> str | None:
    """The model class of a built-in kind; None where the client has none."""
    names = _class_names()
    owner = group.split(".", maxsplit=1)[0].capitalize() if group else "Core"
    plain = version.capitalize() + kind
    return next((name for name in (plain, owner + plain) if name in names), None)


@functools.cache
def struct(class_name: str) -> Struct:
    """The table of one struct. Thread-safe: two threads may at worst build it twice."""
    model = getattr(_models(), class_name)
    name = go_name(class_name)
    types = {model.attribute_map[key]: text for key, text in model.openapi_types.items()}
    fields = {}
    for attribute, info in model.model_fields.items():
        json_name = info.serialization_alias or info.alias or attribute
        text = types.get(json_name, "object")
        fields[json_name] = Field(
            _type(text, name, json_name, info.annotation),
            info.is_required() and (name, json_name) not in _OPTIONAL,
            info.is_required(),
            info.description or "",
        )
    return Struct(name, fields, _description(model))


def load(class_name: str) -> None:
    """Read a struct and all it refers to."""
    seen: set[str] = set()
    waiting = [class_name]
    while waiting:
        one = waiting.pop()
        if one not in seen:
            seen.add(one)
            waiting += [
                field.type.struct for field in struct(one).fields.values() if field.type.struct
            ]


def _type(text: str, owner: str, field: str, annotation: Any) -> Type:
    depth: list[Literal["list", "map"]] = []
    while True:
        if match := _LIST.fullmatch(text):
            depth.append("list")
        elif match := _MAP.fullmatch(text):
            depth.append("map")
        else:
            break
        text = match[1]
    scalar = _SCALARS.get(text)
    if scalar is None:
        return Type(struct=text, depth=tuple(depth))
    if scalar == "any" and _takes_int_or_string(annotation):
        scalar = "int-or-string"
    elif scalar == "int32" and field in _INT64_FIELDS:
        scalar = "int64"
    elif scalar == "string" and (
        field in _QUANTITY_FIELDS or (field == "value" and owner in _QUANTITY_VALUES)
    ):
        scalar = "quantity"
    return Type(scalar, depth=tuple(depth))


def _takes_int_or_string(annotation: Any) -> bool:
    """Whether an annotation is `int | str` in any wrapping."""
    found = set()
    waiting = [annotation]
    while waiting:
        one = waiting.pop()
        parts = typing.get_args(one)
        if parts:
            waiting += [part for part in parts if part is not type(None)]
        else:
            found.add(one)
    return {int, str} <= found


def _description(model: Any) -> str:
    """The first paragraph of the model's docstring: the generator puts the type's description there."""
    text = (model.__doc__ or "").strip()
    return str(text.split("\n\n")[0].split("\n    Attributes")[0].strip())


@functools.cache
def _class_names() -> frozenset[str]:
    return frozenset(_models().__all__)


def _models() -> Any:
    import kubernetes.client.models

    return kubernetes.client.models
