"""Single rules of a write: identity, place, name, preconditions, finalizers, CRD names.

Each raises the real server's refusal or returns the causes of one; none stores anything.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from runbook.practice.apiserver import metadata, models
from runbook.practice.apiserver.builtin import STORED_AS
from runbook.practice.apiserver.crd_approval import approval_causes
from runbook.practice.apiserver.crd_rule_validation import rule_causes
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    bad_request,
    conflict,
    forbidden,
    invalid,
)
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State

JSON = dict[str, Any]

_LEGACY = ("extensions/v1beta1", "apps/v1beta1", "apps/v1beta2", "batch/v1beta1")
_SCHEME = 'in scheme "pkg/runtime/scheme.go:111"'
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def check_identity(resource: Resource, obj: JSON) -> None:
    """The body must be what the path says; what it leaves out is filled in."""
    kind = obj.setdefault("kind", resource.kind)
    api_version = obj.setdefault("apiVersion", resource.api_version)
    versions = {resource.api_version}
    if resource.crd is not None:
        versions.add(resource.stored_api_version)
    if kind == resource.kind and api_version in versions:
        return
    if resource.crd is not None and api_version in versions:
        cause = Cause.invalid("kind", json.dumps(kind), f"must be {resource.kind}")
        other = dataclasses.replace(resource, kind=kind)
        raise invalid(other, obj["metadata"].get("name", ""), [cause])
    known = resource.crd is not None or api_version in _LEGACY
    if kind == resource.kind and (known or _stored_alike(resource, api_version)):
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    version = api_version.rpartition("/")[2]
    why = f'no kind "{kind}" is registered for version "{api_version}" {_SCHEME}'
    if models.root_class(*api_version.rpartition("/")[::2], kind) is not None:
        group = resource.group.partition(".")[0] or "core"
        why = f"converting ({version}.{kind}) to ({group}.{resource.kind}): unknown conversion"
    raise bad_request(
        f'{kind} in version "{version}" cannot be handled as a {resource.kind}: {why}'
    )


def _stored_alike(resource: Resource, api_version: str) -> bool:
    return STORED_AS.get(api_version, api_version) == resource.stored_api_version


def place(resource: Resource, namespace: str | None, meta: JSON) -> None:
    if not resource.namespaced:
        meta.pop("namespace", None)
        return
    if not namespace:
        raise bad_request("an empty namespace may not be set during creation")
    if meta.setdefault("namespace", namespace) != namespace:
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )


def check_namespace(state: State, resource: Resource, namespace: str | None, meta: JSON) -> None:
    if not resource.namespaced or namespace is None:
        return
    space = state.store.get("namespaces", None, namespace)
    if space is None:
        raise ApiError(
            404,
            "NotFound",
            f'namespaces "{namespace}" not found',
            {"name": namespace, "kind": "namespaces"},
        )
    if space["metadata"].get("deletionTimestamp"):
        cause = {
            "reason": "NamespaceTerminating",
            "message": f"namespace {namespace} is being terminated",
            "field": "metadata.namespace",
        }
        raise forbidden(
            resource,
            meta.get("name", ""),
            f"unable to create new content in namespace {namespace} because it is being terminated",
            [cause],
        )


def check_definition(state: State, resource: Resource, meta: JSON) -> None:
    """Nothing new of a kind whose definition is going."""
    if resource.crd is None:
        return
    definition = state.store.get(CRDS, None, resource.crd["metadata"]["name"])
    if definition is not None and definition["metadata"].get("deletionTimestamp"):
        why = "create not allowed while custom resource definition is terminating"
        raise forbidden(resource, meta.get("name", ""), why)


def give_name(state: State, resource: Resource, meta: JSON) -> None:
    if meta.get("name"):
        return
    if not meta.get("generateName"):
        cause = Cause.required("metadata.name", "name or generateName is required")
        raise invalid(resource, "", [cause])
    meta["name"] = metadata.generated_name(meta["generateName"], state.chance)


def crd_causes(resource: Resource, obj: JSON, live: JSON | None = None) -> list[Cause]:
    if resource.name != CRDS:
        return []
    spec, name = obj["spec"], obj["metadata"]["name"]
    found = approval_causes(obj, live)
    if name != f"{spec['names']['plural']}.{spec['group']}":
        why = 'must be spec.names.plural+"."+spec.group'
        found.append(Cause.invalid("metadata.name", json.dumps(name), why))
    found += [
        Cause.required(f"spec.versions[{index}].schema.openAPIV3Schema")
        for index, version in enumerate(spec["versions"])
        if not (version.get("schema") or {}).get("openAPIV3Schema")
    ]
    if sum(bool(version.get("storage")) for version in spec["versions"]) != 1:
        names = json.dumps([version["name"] for version in spec["versions"]])
        why = "must have exactly one version marked as storage version"
        found.append(Cause.invalid("spec.versions", names, why))
    return [*found, *rule_causes(obj)]


def check_name_given(name: str, meta: JSON) -> None:
    if not meta.get("name"):
        raise bad_request(
            f"the name of the object ({name} based on URL) was undeterminable: "
            "name must be provided"
        )


def check_name(name: str, meta: JSON) -> None:
    """An object that replaces another says which, and it is the one the path names."""
    check_name_given(name, meta)
    if meta["name"] != name:
        raise bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({name})"
        )


def check_preconditions(resource: Resource, name: str, live: JSON, meta: JSON) -> None:
    known = live["metadata"]
    check_name(name, meta)
    if meta.get("namespace", known.get("namespace")) != known.get("namespace"):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if meta.get("uid", known["uid"]) != known["uid"]:
        place = "/".join(filter(None, [resource.plural, known.get("namespace"), name]))
        owner = f"{resource.group}/" if resource.crd is not None else ""
        why = (
            f"StorageError: invalid object, Code: 4, Key: /registry/{owner}{place}, "
            f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: "
            f"{meta['uid']}, UID in object meta: {known['uid']}"
        )
        raise conflict(resource, name, why)
    if meta.get("resourceVersion", "0") not in {"0", known["resourceVersion"]}:
        raise conflict(resource, name)


def finalizer_causes(known: JSON, meta: JSON) -> list[Cause]:
    added = set(meta.get("finalizers") or ()) - set(known.get("finalizers") or ())
    if not known.get("deletionTimestamp") or not added:
        return []
    listed = ", ".join(json.dumps(one) for one in sorted(added))
    why = (
        "no new finalizers can be added if the object is being deleted, found new finalizers "
        f"[]string{{{listed}}}"
    )
    return [Cause.forbidden("metadata.finalizers", why)]
