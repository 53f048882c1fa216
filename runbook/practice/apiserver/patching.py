"""PATCH: four media types, each turned into a new version of the object, written as an update.

Strategic merge is refused for custom resources, in the words by which kubectl learns to use another.
Server-side apply may create; the others need an object. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from runbook.practice.apiserver import apply, patch, schema, typed
from runbook.practice.apiserver.codec import go_type, normal, object_of, parse_json, parse_yaml
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    apply_conflict,
    bad_request,
    compact,
    conflict,
    invalid_options,
    invalid_request,
    unsupported_media_type,
)
from runbook.practice.apiserver.findings import Mistyped
from runbook.practice.apiserver.state import State, Target, WriteOptions, in_version
from runbook.practice.apiserver.writing import create, update

JSON = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


def accepted_types(target: Target) -> tuple[str, ...]:
    if target.resource.crd is not None:
        return (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
    return (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def patched(target: Target, live: JSON, media: str, body: bytes) -> JSON:
    """The live object with the patch applied; nulls are still in it."""
    if media not in accepted_types(target) or media == APPLY_PATCH:
        raise unsupported_media_type(accepted_types(target))
    change = _change(media, body)
    try:
        if media == JSON_PATCH:
            return patch.json_patch(live, change)
        if media == STRATEGIC_PATCH:
            return patch.strategic_merge_patch(live, change, target.resource.kind)
        return object_of(patch.merge_patch(live, change))
    except patch.MalformedPatch as error:
        raise bad_request(f"error decoding patch: {error}") from None
    except patch.PatchDoesNotApply:
        # Upstream does not say which operation failed either.
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", message) from None


def _change(media: str, body: bytes) -> Any:
    try:
        change = parse_json(body)
    except ApiError:
        raise bad_request("invalid JSON patch") from None
    operations = media == JSON_PATCH
    if not isinstance(change, list if operations else dict):
        wanted = "[]handlers.jsonPatchOp" if operations else "map[string]interface {}"
        raise bad_request(
            f"error decoding patch: json: cannot unmarshal {go_type(change)} "
            f"into Go value of type {wanted}"
        )
    return change


def _left_over(change: Any) -> Any:
    """What is left of a strategic patch after its merge, which uses up lists that come in an order."""
    if not isinstance(change, dict):
        return change
    used = {key.partition("/")[2] for key in change if key.startswith("$")}
    return {
        key: _left_over(value)
        for key, value in change.items()
        if key not in used and not key.startswith("$")
    }


def patch_object(
    state: State, target: Target, media: str, body: bytes, options: WriteOptions
) -> JSON:
    """Everything but server-side apply."""
    live = state.must(target)
    new = patched(target, in_version(target.resource, live), media, body)

    def undecodable(why: str, field: Mistyped | None) -> ApiError:
        if media == STRATEGIC_PATCH:
            sent = json.dumps(go_map(_left_over(parse_json(body))), ensure_ascii=False)
            why = why if field is None else field.unconverted(target.resource.kind)
            return invalid_request([Cause.invalid("patch", sent, why)])
        shown = json.dumps(compact(new), ensure_ascii=False)
        return invalid_request([Cause.invalid("patch", shown, why)])

    if media == STRATEGIC_PATCH:
        unfit = schema.inspect_metadata(new).mistyped
        if unfit:
            raise undecodable(unfit[0].message(target.resource.kind), unfit[0])
    options = replace(options, undecodable=undecodable)
    return update(state, target, normal(new), options)


def apply_object(
    state: State, target: Target, body: bytes, options: WriteOptions, *, force: bool
) -> tuple[JSON, bool]:
    """Server-side apply: the object, and whether it was created."""
    if not options.manager:
        cause = Cause.required("fieldManager", "is required for apply patch")
        raise invalid_options("PatchOptions", [cause])
    config = _config(target, body)
    resource = target.resource
    live = state.store.get(resource.name, target.namespace, target.name)
    common: JSON = {
        "kind": resource.kind,
        "api_version": resource.api_version,
        "manager": options.manager,
        "time": state.timeline.stamp(),
        "schema": schema.crd_schema(resource),
    }
    if live is None:
        if config["metadata"].get("uid") or config["metadata"].get("resourceVersion"):
            raise conflict(resource, target.name, "the object has been deleted")
        managed = apply.applied_fields(config, **common)
        place = Target(resource, target.namespace)
        return create(state, place, config, options, managed=managed), True
    sent_version = config["metadata"].pop("resourceVersion", None)
    if sent_version not in {None, live["metadata"]["resourceVersion"]}:
        raise conflict(resource, target.name)
    applied = apply.apply(in_version(resource, live), config, force=force, **common)
    if applied.conflicts:
        raise apply_conflict([(_owner(one), apply.dotted(one.path)) for one in applied.conflicts])
    new = normal(applied.object)
    return update(state, target, new, options, managed=applied.managed_fields), False


def _config(target: Target, body: bytes) -> JSON:
    config = normal(parse_yaml(body))
    resource, meta = target.resource, config["metadata"]
    for field in ("apiVersion", "kind"):
        if not config.get(field):
            raise bad_request(f"invalid object type: {field} must be set in an apply patch")
    if "managedFields" in meta:
        raise bad_request("metadata.managedFields must be nil")
    if meta.setdefault("name", target.name) != target.name:
        raise bad_request(
            f"the name of the object ({meta['name']}) does not match the name on the URL ({target.name})"
        )
    if target.resource.namespaced and meta.setdefault("namespace", target.namespace) != (
        target.namespace
    ):
        raise bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    lines = typed.problems(resource, config)
    if lines:
        text = lines[0] if len(lines) == 1 else "errors:\n" + "\n".join(f"  {one}" for one in lines)
        place = f"{target.namespace or ''}/{target.name}"
        # Upstream gives this error no reason and 500; kubectl then prints the sentence alone.
        message = (
            f"failed to create typed patch object ({place}; {resource.api_version}, "
            f"Kind={resource.kind}): {text}"
        )
        raise ApiError(500, "", message)
    return config


def _owner(conflict: apply.Conflict) -> str:
    """The other manager; when it wrote is not part of who it is."""
    entry = {key: value for key, value in conflict.manager.items() if key != "time"}
    return apply.owner_text(entry)


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
