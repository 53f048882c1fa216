"""The structural schema of a CRD, applied to an object: unknown fields, values, defaults.

Messages are the server's. CEL rules (`x-kubernetes-validations`) have a room of their own: `crd_rules`.
"""

from __future__ import annotations

import copy
import functools
import json
import re
from typing import Any

from runbook.practice.apiserver import formats
from runbook.practice.apiserver.builtin_schema import inspect_struct
from runbook.practice.apiserver.findings import (
    FieldError,
    child,
    duplicate,
    invalid,
    required,
    too_long,
    too_many,
    unsupported,
    wrong_type,
)

JSON = dict[str, Any]

_EMBEDDED = ("apiVersion", "kind", "metadata")
_PRESERVE = "x-kubernetes-preserve-unknown-fields"


def unknown_fields(schema: JSON, value: Any, path: str = "") -> list[str]:
    """Paths of fields that the schema specifies nowhere, in the order of the object."""
    if isinstance(value, list):
        items = schema.get("items")
        if not isinstance(items, dict):
            return []
        return [
            found
            for index, one in enumerate(value)
            for found in unknown_fields(items, one, f"{path}[{index}]")
        ]
    if not isinstance(value, dict) or schema.get("x-kubernetes-int-or-string"):
        return []
    properties: JSON = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    keep = schema.get(_PRESERVE) or others is True
    embedded = schema.get("x-kubernetes-embedded-resource")
    found: list[str] = []
    for key, one in value.items():
        place = child(path, key)
        if embedded and key == "metadata" and isinstance(one, dict):
            found += inspect_struct("V1ObjectMeta", one, place).unknown
        elif key in properties:
            found += unknown_fields(properties[key], one, place)
        elif isinstance(others, dict):
            found += unknown_fields(others, one, place)
        elif not keep and not (embedded and key in _EMBEDDED):
            found.append(place)
    return found


def with_defaults(schema: JSON, value: Any) -> Any:
    """A copy of the value in which absent fields have the schema's defaults; shared where unchanged."""
    if isinstance(value, list):
        items = schema.get("items")
        return [with_defaults(items, one) for one in value] if isinstance(items, dict) else value
    if not isinstance(value, dict):
        return value
    properties: JSON = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    filled = dict(value)
    for key, inner in properties.items():
        absent = key not in filled or (filled[key] is None and not inner.get("nullable"))
        if absent and "default" in inner:
            filled[key] = copy.deepcopy(inner["default"])
    for key, one in filled.items():
        inner = properties.get(key, others)
        if isinstance(inner, dict):
            filled[key] = with_defaults(inner, one)
    return filled


def has_defaults(schema: JSON) -> bool:
    """Whether any field has one."""
    inner = [*(schema.get("properties") or {}).values()]
    inner += [schema.get("items"), schema.get("additionalProperties")]
    return any(isinstance(one, dict) and ("default" in one or has_defaults(one)) for one in inner)


def violations(schema: JSON, value: Any, path: str = "") -> list[FieldError]:
    """Every rule of the schema that the value breaks; a wrong type ends the search below it."""
    if value is None:
        if schema.get("nullable") or schema.get(_PRESERVE) or not schema.get("type"):
            return []
        return [_type_error(path, str(schema["type"]), "null")]
    wrong = _wrong_type(schema, value, path)
    if wrong is not None:
        return [wrong]
    found = _format(schema, value, path)
    match value:
        case dict():
            found += _object(schema, value, path)
        case list():
            found += _array(schema, value, path)
        case str():
            found += _string(schema, value, path)
        case bool():
            pass
        case int() | float():
            found += _number(schema, value, path)
    if "enum" in schema and value not in schema["enum"]:
        supported = [one if isinstance(one, str) else json.dumps(one) for one in schema["enum"]]
        found.append(unsupported(path, value, supported))
    return [*found, *_combined(schema, value, path)]


def _wrong_type(schema: JSON, value: Any, path: str) -> FieldError | None:
    if schema.get("x-kubernetes-int-or-string"):
        fits = _type_name(value) in {"integer", "string"}
        return None if fits else _type_error(path, "integer,string", _type_name(value))
    wanted = schema.get("type")
    found = _type_name(value)
    if not wanted or wanted == found or (wanted == "number" and found == "integer"):
        return None
    return _type_error(path, str(wanted), found)


def _type_error(path: str, wanted: str, found: str) -> FieldError:
    return wrong_type(path, found, f'{path} in body must be of type {wanted}: "{found}"', wanted)


def _type_name(value: Any) -> str:
    match value:
        case bool():
            return "boolean"
        case int():
            return "integer"
        case float():
            return "integer" if value.is_integer() else "number"
        case str():
            return "string"
        case list():
            return "array"
        case _:
            return "object"


def _format(schema: JSON, value: Any, path: str) -> list[FieldError]:
    name, kind = str(schema.get("format") or ""), schema.get("type")
    if isinstance(value, str) and kind == "string" and not formats.fits(name, value):
        why = f'{path} in body must be of type {name}: "{value}"'
        return [wrong_type(path, value, why)]
    whole = isinstance(value, int | float) and not isinstance(value, bool) and kind == "integer"
    if whole and not formats.in_range(name, value):
        return [
            _without_field(f"Checked value must be of type integer with format {name} in {path}")
        ]
    return []


def _object(schema: JSON, value: JSON, path: str) -> list[FieldError]:
    found = _embedded(value, path) if schema.get("x-kubernetes-embedded-resource") else []
    found += [
        required(child(path, key)) for key in schema.get("required") or () if key not in value
    ]
    properties: JSON = schema.get("properties") or {}
    others = schema.get("additionalProperties")
    for key, one in value.items():
        inner = properties.get(key, others)
        if isinstance(inner, dict):
            found += violations(inner, one, child(path, key))
    least, most = schema.get("minProperties"), schema.get("maxProperties")
    if least is not None and len(value) < least:
        why = f"{path} in body should have at least {least} properties"
        found.append(invalid(path, len(value), why))
    if most is not None and len(value) > most:
        found.append(too_many(path, len(value), most))
    return found


def _embedded(value: JSON, path: str) -> list[FieldError]:
    """An object inside another says what it is."""
    return [required(child(path, key)) for key in ("apiVersion", "kind") if not value.get(key)]


def _array(schema: JSON, value: list[Any], path: str) -> list[FieldError]:
    found: list[FieldError] = []
    items = schema.get("items")
    if isinstance(items, dict):
        for index, one in enumerate(value):
            found += violations(items, one, f"{path}[{index}]")
    least, most = schema.get("minItems"), schema.get("maxItems")
    if least is not None and len(value) < least:
        why = f"{path} in body should have at least {least} items"
        found.append(invalid(path, len(value), why))
    if most is not None and len(value) > most:
        found.append(too_many(path, len(value), most))
    return [*found, *_duplicates(schema, value, path)]


def _duplicates(schema: JSON, value: list[Any], path: str) -> list[FieldError]:
    """Items of a set or of a keyed list that occur twice."""
    match schema.get("x-kubernetes-list-type"):
        case "set":
            keys: list[Any] = list(value)
        case "map":
            names = schema.get("x-kubernetes-list-map-keys") or []
            keys = [
                {name: one[name] for name in names if name in one} if isinstance(one, dict) else one
                for one in value
            ]
        case _:
            return []
    seen: list[Any] = []
    found = []
    for index, key in enumerate(keys):
        if key in seen:
            found.append(duplicate(f"{path}[{index}]", key))
        seen.append(key)
    return found


def _string(schema: JSON, value: str, path: str) -> list[FieldError]:
    """The first rule that the text breaks; the others are not looked at then."""
    least, most = schema.get("minLength"), schema.get("maxLength")
    if most is not None and len(value) > most:
        return [too_long(path, most)]
    if least is not None and len(value) < least:
        return [invalid(path, value, f"{path} in body should be at least {least} chars long")]
    pattern = schema.get("pattern")
    if pattern and not _matches(pattern, value):
        return [invalid(path, value, f"{path} in body should match '{pattern}'")]
    return []


def _matches(pattern: str, value: str) -> bool:
    compiled = _compiled(pattern)
    return compiled is None or compiled.search(value) is not None


@functools.lru_cache(maxsize=512)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """Go's expressions are Python's, nearly; one that Python cannot read refuses nothing."""
    try:
        return re.compile(pattern.replace(r"\z", r"\Z"))
    except re.error:
        return None


def _number(schema: JSON, value: float, path: str) -> list[FieldError]:
    found = []
    least, most, factor = (schema.get(key) for key in ("minimum", "maximum", "multipleOf"))
    if least is not None:
        exclusive = schema.get("exclusiveMinimum")
        if value < least or (exclusive and value == least):
            words = "greater than" if exclusive else "greater than or equal to"
            found.append(invalid(path, value, f"{path} in body should be {words} {least}"))
    if most is not None:
        exclusive = schema.get("exclusiveMaximum")
        if value > most or (exclusive and value == most):
            words = "less than" if exclusive else "less than or equal to"
            found.append(invalid(path, value, f"{path} in body should be {words} {most}"))
    if factor and value % factor:
        found.append(invalid(path, value, f"{path} in body should be a multiple of {factor}"))
    return found


def _combined(schema: JSON, value: Any, path: str) -> list[FieldError]:
    """allOf, anyOf, oneOf, not. The server reports these without a field, so clients show `<nil>`."""
    found = []
    for inner in schema.get("allOf") or ():
        found += violations(inner, value, path)
    if "anyOf" in schema and not schema.get("x-kubernetes-int-or-string"):
        branches = [violations(inner, value, path) for inner in schema["anyOf"]]
        if all(branches):
            found += [
                _without_field(f'"{path}" must validate at least one schema (anyOf)'),
                *_fewest(branches),
            ]
    if "oneOf" in schema:
        branches = [violations(inner, value, path) for inner in schema["oneOf"]]
        fitting = sum(not one for one in branches)
        if fitting != 1:
            text = "Found none valid" if not fitting else f"Found {fitting} valid alternatives"
            rule = f'"{path}" must validate one and only one schema (oneOf). {text}'
            found.append(_without_field(rule))
            found += [] if fitting else _fewest(branches)
    if "not" in schema and not violations(schema["not"], value, path):
        found.append(_without_field(f'"{path}" must not validate the schema (not)'))
    return found


def _fewest(branches: list[list[FieldError]]) -> list[FieldError]:
    """What speaks against the branch that fits best."""
    return min(branches, key=lambda found: len(found))  # noqa: PLW0108 - `len` alone is too wide a type


def _without_field(why: str) -> FieldError:
    return invalid("<nil>", "", why)
