"""OpenAPI v3 as clients need it: which fields and parameters a group-version has, and what they mean.

kubectl asks a document for two things: whether a PATCH takes `fieldValidation` (then the server, not
kubectl, validates manifests), and the schemas (for `kubectl explain`, and to compute patches, for
which the merge keys must be in them). Documents are made from the resource table, and kept until it
changes.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import Any

from runbook.practice.apiserver import models
from runbook.practice.apiserver.list_types import list_type, replaces_map
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.schema import crd_schema

JSON = dict[str, Any]

_PARAMETERS = [
    {"name": name, "in": "query", "schema": {"type": "string", "uniqueItems": True}}
    for name in ("dryRun", "fieldManager", "fieldValidation", "force")
]
_PATCH_TYPES = (
    "application/apply-patch+yaml",
    "application/json-patch+json",
    "application/merge-patch+json",
)
_STRATEGIC = "application/strategic-merge-patch+json"
_SCALARS: dict[str, JSON] = {
    "string": {"type": "string"},
    "int32": {"type": "integer", "format": "int32"},
    "int64": {"type": "integer", "format": "int64"},
    "float64": {"type": "number", "format": "double"},
    "bool": {"type": "boolean"},
    "time": {"type": "string", "format": "date-time"},
    "bytes": {"type": "string", "format": "byte"},
    "quantity": {"allOf": [{"$ref": "#/components/schemas/io.k8s.apimachinery.resource.Quantity"}]},
    "int-or-string": {
        "format": "int-or-string",
        "oneOf": [{"type": "integer"}, {"type": "string"}],
    },
    "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
}
_QUANTITY: JSON = {"oneOf": [{"type": "string"}, {"type": "number"}]}
_CONVENTIONS = (
    "More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md"
)
_API_VERSION_IS = (
    "APIVersion defines the versioned schema of this representation of an object. Servers should "
    "convert recognized schemas to the latest internal value, and may reject unrecognized values. "
    f"{_CONVENTIONS}#resources"
)
_KIND_IS = (
    "Kind is a string value representing the REST resource this object represents. Servers may infer "
    "this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. "
    f"{_CONVENTIONS}#types-kinds"
)
_METADATA_IS = f"Standard object's metadata. {_CONVENTIONS}#metadata"
# Where a struct sits: the kind and the field by which the table of list types finds its lists.
_CONTAINER = ("Pod", "containers")
_PLACES: dict[str, tuple[str, str]] = {
    "Container": _CONTAINER,
    "EphemeralContainer": _CONTAINER,
    "MutatingWebhook": ("MutatingWebhookConfiguration", "webhooks"),
    "ValidatingWebhook": ("ValidatingWebhookConfiguration", "webhooks"),
    "ObjectMeta": ("", "metadata"),
    "ResourceRequirements": ("Pod", "resources"),
}


def root(resources: Iterable[Resource], generation: int) -> JSON:
    """`/openapi/v3`: where the document of each group-version is. The hash lets clients keep it."""
    by_path: dict[str, list[Resource]] = {}
    for resource in resources:
        by_path.setdefault(_path(resource), []).append(resource)
    paths = {}
    for path, served in sorted(by_path.items()):
        state = f"{path} {_state(served, generation)}"
        digest = hashlib.sha256(state.encode()).hexdigest()[:32].upper()
        paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}?hash={digest}"}
    return {"paths": paths}


def document(resources: Iterable[Resource], generation: int, path: str) -> bytes | None:
    """The document of one group-version (`api/v1`, `apis/apps/v1`); None if nothing is served there."""
    served = tuple(resource for resource in resources if _path(resource) == path)
    return _encoded(served, _state(served, generation), path) if served else None


def _state(served: Iterable[Resource], generation: int) -> int:
    """The part of the generation that concerns these resources: built-in ones never change."""
    return generation if any(resource.crd is not None for resource in served) else 0


def _path(resource: Resource) -> str:
    return f"apis/{resource.api_version}" if resource.group else f"api/{resource.version}"


@functools.lru_cache(maxsize=64)
def _encoded(served: Sequence[Resource], state: int, path: str) -> bytes:  # noqa: ARG001 - part of the key
    paths: JSON = {}
    schemas: JSON = {"io.k8s.apimachinery.resource.Quantity": _QUANTITY}
    for resource in served:
        paths |= _paths(resource, path)
        _add_schema(schemas, resource)
    found = {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "unversioned"},
        "paths": paths,
        "components": {"schemas": schemas},
    }
    return json.dumps(found, separators=(",", ":")).encode()


def _paths(resource: Resource, path: str) -> JSON:
    namespace = "namespaces/{namespace}/" if resource.namespaced else ""
    collection = f"/{path}/{namespace}{resource.plural}"
    patch_types = [*_PATCH_TYPES, *([] if resource.crd is not None else [_STRATEGIC])]
    body = {"content": {one: {"schema": {"type": "object"}} for one in patch_types}}
    paths: JSON = {
        collection: {"post": _operation(resource, "post", {"parameters": _PARAMETERS})},
    }
    if "patch" in resource.verbs:
        patch = {"parameters": _PARAMETERS, "requestBody": body}
        paths[f"{collection}/{{name}}"] = {
            "get": _operation(resource, "get", {}),
            "put": _operation(resource, "put", {"parameters": _PARAMETERS}),
            "patch": _operation(resource, "patch", patch),
        }
    return paths


def _operation(resource: Resource, action: str, more: JSON) -> JSON:
    return {
        **more,
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": _gvk(resource),
        "responses": {"200": {"description": "OK"}},
    }


def _gvk(resource: Resource) -> JSON:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _add_schema(schemas: JSON, resource: Resource) -> None:
    if resource.crd is not None:
        name = f"{resource.api_version.replace('/', '.')}.{resource.kind}"
        schemas[name] = {**_custom(schemas, resource), _GVK: [_gvk(resource)]}
        return
    class_name = models.root_class(resource.group, resource.version, resource.kind)
    if class_name is not None:
        _add_struct(schemas, class_name, resource.kind)
        name = _component(class_name)
        schemas[name] = {**schemas[name], _GVK: [_gvk(resource)]}


_GVK = "x-kubernetes-group-version-kind"


def _custom(schemas: JSON, resource: Resource) -> JSON:
    """A CRD's schema with the metadata that every object has."""
    declared = crd_schema(resource)
    if declared is None:
        declared = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    _add_struct(schemas, "V1ObjectMeta", "")
    properties = {
        **(declared.get("properties") or {}),
        "apiVersion": {"type": "string", "description": _API_VERSION_IS},
        "kind": {"type": "string", "description": _KIND_IS},
        "metadata": _reference("V1ObjectMeta", _METADATA_IS),
    }
    return {**declared, "properties": properties}


def _add_struct(schemas: JSON, class_name: str, kind: str) -> None:
    """A struct and everything it refers to."""
    waiting = [class_name]
    while waiting:
        one = waiting.pop()
        name = _component(one)
        if name in schemas:
            continue
        table = models.struct(one)
        schemas[name] = _struct_schema(table, kind)
        waiting += [field.type.struct for field in table.fields.values() if field.type.struct]


def _struct_schema(table: models.Struct, kind: str) -> JSON:
    found: JSON = {"type": "object"}
    if table.description:
        found["description"] = table.description
    found["properties"] = {
        name: {**_type_schema(field.type, field.description), **_merging(table.name, name, kind)}
        for name, field in table.fields.items()
    }
    needed = [name for name, field in table.fields.items() if field.documented]
    return {**found, "required": needed} if needed else found


def _type_schema(kind: models.Type, description: str) -> JSON:
    described: JSON = {"description": description} if description else {}
    if not kind.depth:
        if kind.struct:
            return _reference(kind.struct, description)
        return {**described, **_SCALARS[kind.scalar or "any"]}
    inner = _type_schema(kind.item(), "")
    if kind.depth[0] == "list":
        return {**described, "type": "array", "items": inner}
    return {**described, "type": "object", "additionalProperties": inner}


def _reference(class_name: str, description: str) -> JSON:
    """References stand in an `allOf`, so that the field may have a description of its own."""
    found: JSON = {"allOf": [{"$ref": f"#/components/schemas/{_component(class_name)}"}]}
    return {"description": description, **found} if description else found


def _component(class_name: str) -> str:
    """The name of a schema: unique, and its last part is what kubectl calls the type."""
    prefix = class_name.removesuffix(models.go_name(class_name))
    return f"io.k8s.api.{prefix.lower()}.{models.go_name(class_name)}"


def _merging(struct: str, field: str, kind: str) -> JSON:
    """What a client must know to compute a strategic merge patch of this field."""
    at_kind, parent = _place(struct, kind)
    if struct == "DeploymentSpec" and field == "strategy":
        return {"x-kubernetes-patch-strategy": "retainKeys"}
    if replaces_map(at_kind, parent, field):
        return {"x-kubernetes-patch-strategy": "replace"}
    found = list_type(at_kind, parent, field)
    if found.patch_key is None:
        return {}
    strategy = "merge,retainKeys" if found.retain_keys else "merge"
    merging: JSON = {"x-kubernetes-patch-strategy": strategy}
    return (
        {**merging, "x-kubernetes-patch-merge-key": found.patch_key} if found.patch_key else merging
    )


def _place(struct: str, kind: str) -> tuple[str, str | None]:
    if struct in _PLACES:
        return _PLACES[struct]
    for suffix in ("Spec", "Status"):
        if struct.endswith(suffix):
            return struct.removesuffix(suffix), suffix.lower()
    return (kind, None) if struct == kind else ("", struct)
