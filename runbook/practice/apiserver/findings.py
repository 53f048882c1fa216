"""What can be wrong with an object's shape, in the words of the server that would refuse it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FieldError:
    """A field whose value is refused: a cause of a 422."""

    path: str
    reason: str
    message: str
    wanted: str = ""
    """The type that a value of another type should have had."""


@dataclass(frozen=True, slots=True)
class Mistyped:
    """A field that cannot be decoded: the whole body is a 400.

    `field` is the path as Go's decoder names it, without indexes, and `owner` the struct that holds the
    field ("" for the object itself). `why` replaces the decoder's sentence where a type has its own.
    """

    path: str
    field: str
    owner: str
    found: str
    wanted: str
    why: str = ""

    def message(self, kind: str) -> str:
        """The complaint about an object of this kind."""
        return self.why or (
            f"json: cannot unmarshal {self.found} into Go struct field "
            f"{self.owner or kind}.{self.field} of type {self.wanted}"
        )

    def unconverted(self, kind: str) -> str:
        """The same complaint by the converter that a strategic merge patch goes through."""
        found = _KINDS.get(self.found.partition(" ")[0], "map")
        if self.wanted in _SCALARS:
            if found == "int64":
                return f"cannot convert int64 to {self.wanted}"
            return f"unrecognized type: {self.wanted}"
        if self.wanted.startswith("map["):
            return f"cannot restore map from {found}"
        if self.wanted.startswith("[]"):
            return f"cannot restore slice from {found}"
        if not self.why and self.wanted.startswith("v1.") and self.wanted != "v1.Time":
            return f"cannot restore struct from: {found}"
        return self.message(kind)


_KINDS = {"string": "string", "number": "int64", "bool": "bool", "array": "slice"}
_SCALARS = frozenset({"string", "int32", "int64", "float64", "bool"})


@dataclass(frozen=True, slots=True)
class Findings:
    """Unknown fields by path, fields that cannot be decoded, fields with values that are refused."""

    unknown: tuple[str, ...] = ()
    mistyped: tuple[Mistyped, ...] = ()
    invalid: tuple[FieldError, ...] = ()


def required(path: str, why: str = "") -> FieldError:
    return FieldError(path, "FieldValueRequired", f"Required value{': ' + why if why else ''}")


def invalid(path: str, value: Any, why: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", f"Invalid value: {shown(value)}: {why}")


def wrong_type(path: str, found: str, why: str, wanted: str = "") -> FieldError:
    message = f"Invalid value: {shown(found)}: {why}"
    return FieldError(path, "FieldValueTypeInvalid", message, wanted)


def unsupported(path: str, value: Any, supported: list[str]) -> FieldError:
    values = ", ".join(json.dumps(one, ensure_ascii=False) for one in supported)
    message = f"Unsupported value: {shown(value)}: supported values: {values}"
    return FieldError(path, "FieldValueNotSupported", message)


def too_long(path: str, most: int) -> FieldError:
    return FieldError(path, "FieldValueTooLong", f"Too long: may not be more than {most} bytes")


def too_many(path: str, found: int, most: int) -> FieldError:
    message = f"Too many: {found}: must have at most {most} items"
    return FieldError(path, "FieldValueTooMany", message)


def duplicate(path: str, value: Any) -> FieldError:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    return FieldError(path, "FieldValueDuplicate", f"Duplicate value: {text}")


def shown(value: Any) -> str:
    """A value as Go's `%#v` and kubectl's readers know it: texts quoted, maps as maps."""
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return json.dumps(value, ensure_ascii=False)
        case dict():
            items = ", ".join(
                f"{json.dumps(key)}:{shown(one)}" for key, one in sorted(value.items())
            )
            return f"map[string]interface {{}}{{{items}}}"
        case list():
            return f"[]interface {{}}{{{', '.join(map(shown, value))}}}"
        case None:
            return "null"
        case _:
            return str(value)


def child(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def go_type(value: object) -> str:
    """What Go's JSON decoder calls this value."""
    match value:
        case bool():
            return "bool"
        case str():
            return "string"
        case int() | float():
            return "number"
        case list():
            return "array"
        case None:
            return "null"
        case _:
            return "object"


def go_map(value: object) -> str:
    """A value as Go's `%+v` prints it."""
    match value:
        case dict():
            inside = " ".join(f"{key}:{go_map(value[key])}" for key in sorted(value))
            return f"map[{inside}]"
        case list():
            return f"[{' '.join(go_map(item) for item in value)}]"
        case bool():
            return "true" if value else "false"
        case None:
            return "<nil>"
        case _:
            return str(value)
