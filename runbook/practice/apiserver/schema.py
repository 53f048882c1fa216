"""Whether an object fits the kind it claims to be: what `fieldValidation` and admission ask.

Built-in kinds are judged by the official client's models, custom resources by the schema of their CRD;
the metadata of both by ObjectMeta. Functions never change what they are given.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import Any

from runbook.practice.apiserver import models, structural
from runbook.practice.apiserver.builtin_schema import inspect_struct, with_canonical_quantities
from runbook.practice.apiserver.findings import FieldError, Findings, Mistyped, child, invalid
from runbook.practice.apiserver.registry import Resource

__all__ = ["FieldError", "Findings", "Mistyped", "apply_defaults", "inspect", "prune", "warm"]

JSON = dict[str, Any]

_METADATA = "V1ObjectMeta"
_TOP = ("apiVersion", "kind", "metadata")


def warm(resources: Iterable[Resource] = ()) -> None:
    """Import what judging these resources needs. Slow the first time: meant for a thread."""
    models.load(_METADATA)
    for resource in resources:
        class_name = None if resource.crd is not None else _class_of(resource)
        if class_name is not None:
            models.load(class_name)


def inspect(resource: Resource, obj: JSON) -> Findings:
    """Unknown fields, fields that cannot be decoded, and fields whose values are refused."""
    if resource.crd is not None:
        return _inspect_custom(resource, obj)
    class_name = _class_of(resource)
    return Findings() if class_name is None else inspect_struct(class_name, obj)


def canonical(resource: Resource, obj: JSON) -> JSON:
    """A built-in object as the server writes it back: quantities in one form, nothing empty."""
    class_name = _class_of(resource) if resource.crd is None else None
    return obj if class_name is None else with_canonical_quantities(class_name, obj)


def prune(obj: JSON, unknown: Iterable[str]) -> JSON:
    """A copy without the fields at these paths, as `inspect` wrote them."""
    pruned = obj
    for path in unknown:
        pruned = _without(pruned, path)
    return pruned


def apply_defaults(resource: Resource, obj: JSON) -> JSON:
    """A custom resource with its schema's defaults filled in; anything else unchanged."""
    schema = crd_schema(resource)
    if schema is None:
        return obj
    filled: JSON = structural.with_defaults(_without_metadata(schema), obj)
    return filled


def as_read(resource: Resource, obj: JSON) -> JSON:
    """A stored object with the defaults that its stored version has by now, without what the
    resource's version does not know. Anything that needs neither is returned itself.
    """
    if resource.crd is None:
        return obj
    defaulting = _defaulting(resource)
    if defaulting is not None:
        obj = structural.with_defaults(defaulting, obj)
    asked = crd_schema(resource)
    if asked is None or obj["apiVersion"] == resource.api_version:
        return obj
    body = {key: value for key, value in obj.items() if key not in _TOP}
    return prune(obj, structural.unknown_fields(_without_metadata(asked), body))


def as_stored(resource: Resource, obj: JSON) -> JSON:
    """An object as written in the resource's version, as the stored version knows it."""
    stored = _stored(resource) if resource.crd is not None else None
    if stored is None or stored is crd_schema(resource):
        return obj
    stored = _without_metadata(stored)
    body = {key: value for key, value in obj.items() if key not in _TOP}
    known: JSON = structural.with_defaults(
        stored, prune(obj, structural.unknown_fields(stored, body))
    )
    return known


def _stored(resource: Resource) -> JSON | None:
    versions = (resource.crd or {})["spec"]["versions"]
    version: JSON = next((one for one in versions if one.get("storage")), {})
    found: JSON | None = (version.get("schema") or {}).get("openAPIV3Schema")
    return found


@functools.lru_cache(maxsize=512)
def _defaulting(resource: Resource) -> JSON | None:
    """The schema of the stored version, if it has any default."""
    found = _stored(resource)
    if found is None or not structural.has_defaults(found):
        return None
    return _without_metadata(found)


def crd_schema(resource: Resource) -> JSON | None:
    """The structural schema of a custom resource's version, if it has one."""
    version = resource.crd_version or {}
    found: JSON | None = (version.get("schema") or {}).get("openAPIV3Schema")
    return found


def _class_of(resource: Resource) -> str | None:
    return models.root_class(resource.group, resource.version, resource.kind)


def inspect_metadata(obj: JSON) -> Findings:
    """What is wrong with the metadata that every object has."""
    return inspect_struct(_METADATA, obj.get("metadata") or {}, "metadata")


def _inspect_custom(resource: Resource, obj: JSON) -> Findings:
    metadata = inspect_metadata(obj)
    schema = crd_schema(resource)
    if schema is None:
        return metadata
    schema = _without_metadata(schema)
    body = {key: value for key, value in obj.items() if key not in _TOP}
    unknown = structural.unknown_fields(schema, body)
    return Findings(
        (*metadata.unknown, *unknown),
        metadata.mistyped,
        (*structural.violations(schema, obj), *_unscalable(resource, obj), *metadata.invalid),
    )


def _unscalable(resource: Resource, obj: JSON) -> Iterable[FieldError]:
    """The replicas that the scale subresource would read must be a number, whatever the schema says."""
    scale = ((resource.crd_version or {}).get("subresources") or {}).get("scale")
    if scale is None:
        return
    for path in (scale["specReplicasPath"], scale["statusReplicasPath"]):
        found: Any = obj
        for key in path.split(".")[1:]:
            found = found.get(key) if isinstance(found, dict) else None
        if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
            kinds = {"str": "string", "bool": "bool", "float": "float64"}
            kind = kinds.get(type(found).__name__, "map")
            why = f"{path} accessor error: {found} is of the type {kind}, expected int64"
            yield invalid(path, 0, why)
        elif found is not None and found < 0:
            yield invalid(path, found, "should be a non-negative integer")


def _without_metadata(schema: JSON) -> JSON:
    """Metadata is ObjectMeta whatever the CRD says about it, and so are apiVersion and kind."""
    properties = schema.get("properties") or {}
    if not any(key in properties for key in _TOP):
        return schema
    kept = {key: value for key, value in properties.items() if key not in _TOP}
    return {**schema, "properties": kept}


def _without(value: Any, path: str) -> Any:
    """Remove one path. Keys may themselves hold dots, so the object tells where a key ends."""
    if isinstance(value, list) and path.startswith("["):
        number, _, rest = path[1:].partition("]")
        index, rest = int(number), rest.removeprefix(".")
        if index >= len(value):
            return value
        return [*value[:index], _without(value[index], rest), *value[index + 1 :]]
    if not isinstance(value, dict):
        return value
    if path in value:
        return {key: one for key, one in value.items() if key != path}
    for key, one in value.items():
        if path.startswith((child(key, ""), f"{key}[")):
            rest = path[len(key) :].removeprefix(".")
            changed = _without(one, rest)
            if changed is not one:
                return {**value, key: changed}
    return value
