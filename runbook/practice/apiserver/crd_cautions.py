"""What the server says of a definition that it takes: formats that it does not know."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

JSON = dict[str, Any]

_TEXT_FORMATS = frozenset(
    (
        *("bsonobjectid", "uri", "email", "hostname", "ipv4", "ipv6", "cidr", "mac", "uuid"),
        *("uuid3", "uuid4", "uuid5", "isbn", "isbn10", "isbn13", "creditcard", "ssn", "hexcolor"),
        *("rgbcolor", "byte", "password", "date", "duration", "datetime"),
        *("k8sshortname", "k8slongname"),
    )
)
_NUMBER_FORMATS = {"integer": ("int32", "int64"), "number": ("float", "double")}
_LISTS = ("allOf", "anyOf", "oneOf")
_MAPS = ("properties", "patternProperties", "definitions")
_ONES = ("items", "additionalProperties", "not")


def known_format(schema: JSON) -> bool:
    """Whether the server holds values to the format of this part of a schema."""
    kind, name = schema.get("type") or "", schema.get("format") or ""
    if kind in {"", "string"}:
        return name.replace("-", "") in _TEXT_FORMATS
    return name in _NUMBER_FORMATS.get(kind, ())


def unknown_formats(crd: JSON, before: JSON | None) -> Iterator[str]:
    """A change says only what it brings in."""
    known = set() if before is None else _unknown(before)
    for name in sorted(_unknown(crd) - known):
        yield f'unrecognized format "{name}"'


def _unknown(crd: JSON) -> set[str]:
    found: set[str] = set()
    for version in crd["spec"]["versions"]:
        waiting: list[Any] = [(version.get("schema") or {}).get("openAPIV3Schema")]
        while waiting:
            schema = waiting.pop()
            if not isinstance(schema, dict):
                continue
            if schema.get("format") and not known_format(schema):
                found.add(schema["format"])
            waiting += [one for key in _LISTS for one in schema.get(key) or ()]
            waiting += [one for key in _MAPS for one in (schema.get(key) or {}).values()]
            waiting += [schema[key] for key in _ONES if key in schema]
    return found
