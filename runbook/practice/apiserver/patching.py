"""PATCH: four media types, each turned into a new version of the object, written as an update.

Strategic merge is refused for custom resources, in the words by which kubectl learns to use another.
Server-side apply may create; the others need an object. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from runbook.practice.apiserver import apply, patch, rules, schema, typed
from runbook.practice.apiserver.codec import normal, object_of, parse_json, parse_yaml
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    apply_conflict,
    bad_request,
    compact,
    conflict,
    invalid,
    invalid_options,
    invalid_request,
    unsupported_media_type,
)
from runbook.practice.apiserver.findings import Mistyped, go_map, go_type
from runbook.practice.apiserver.state import State, Target, WriteOptions, in_version
from runbook.practice.apiserver.writing import create, update

JSON = dict[str, Any]

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_PATCH = "application/strategic-merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_LONGEST_MANAGER = 128


def accepted_types(target: Target) -> tuple[str, ...]:
    if target.resource.crd is not None:
        return (JSON_PATCH, MERGE_PATCH, APPLY_PATCH)
    return (JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, APPLY_PATCH)


def patched(target: Target, live: JSON, media: str, body: bytes) -> JSON:
    """The live object with the patch applied; nulls are still in it."""
    if media not in accepted_types(target) or media == APPLY_PATCH:
        if media == STRATEGIC_PATCH:
            raise unsupported_media_type(accepted_types(target))
        raise ApiError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
    change = _change(body, media)
    try:
        if media == JSON_PATCH:
            return patch.json_patch(live, change)
        if media == STRATEGIC_PATCH:
            return patch.strategic_merge_patch(live, change, target.resource.kind)
        return object_of(patch.merge_patch(live, change))
    except patch.MalformedPatch as error:
        raise ApiError(error.code, "BadRequest" if error.code == 400 else "", str(error)) from None
    except patch.PatchDoesNotApply:
        # Upstream does not say which operation failed either.
        message = "the server rejected our request due to an error in our request"
        raise ApiError(422, "Invalid", message, {}) from None


def _change(body: bytes, media: str) -> Any:
    try:
        change = json.loads(body.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        raise bad_request("invalid JSON patch") from None
    change = parse_json(body)
    if media != JSON_PATCH and not isinstance(change, dict):
        prefix = "error decoding patch: " if media == MERGE_PATCH else ""
        kind = go_type(change)
        raise bad_request(
            f"{prefix}json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"
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


async def patch_object(
    state: State, target: Target, media: str, body: bytes, options: WriteOptions
) -> JSON:
    """Everything but server-side apply."""
    if options.force:
        why = "may not be specified for non-apply patch"
        raise invalid_options("PatchOptions", [Cause.forbidden("force", why)])
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
    made = normal(new)
    _check_uid(target, live, made)
    return await update(state, target, made, options)


async def apply_object(
    state: State, target: Target, body: bytes, options: WriteOptions, *, force: bool
) -> tuple[JSON, bool]:
    """Server-side apply: the object, and whether it was created."""
    if not options.manager:
        cause = Cause.required("fieldManager", "is required for apply patch")
        raise invalid_options("PatchOptions", [cause])
    if len(options.manager) > _LONGEST_MANAGER:
        cause = Cause(
            "fieldManager",
            "FieldValueTooLong",
            f"Too long: may not be more than {_LONGEST_MANAGER} bytes",
        )
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
        config["metadata"].pop("resourceVersion", None)  # none that it could differ from
        if config["metadata"].get("uid"):
            raise conflict(resource, target.name, "the object has been deleted")
        managed = apply.applied_fields(config, **common)
        place = Target(resource, target.namespace)
        return await create(state, place, config, options, managed=managed), True
    sent_version = config["metadata"].pop("resourceVersion", None)
    if sent_version not in {None, live["metadata"]["resourceVersion"]}:
        raise conflict(resource, target.name)
    applied = apply.apply(in_version(resource, live), config, force=force, **common)
    if applied.conflicts:
        raise apply_conflict([(_owner(one), apply.dotted(one.path)) for one in applied.conflicts])
    new = normal(applied.object)
    _check_uid(target, live, new)
    if options.manager == "kubectl":
        _keep_last_applied(new, config)
    return await update(state, target, new, options, managed=applied.managed_fields), False


def _config(target: Target, body: bytes) -> JSON:
    found = parse_yaml(body)
    if not isinstance(found, dict):
        raise bad_request(
            "error decoding patch: error unmarshaling JSON: while decoding JSON: json: cannot "
            f"unmarshal {go_type(found)} into Go value of type map[string]interface {{}}"
        )
    config = normal(found)
    resource, meta = target.resource, config["metadata"]
    given = (str(config.get("apiVersion", "")), str(config.get("kind", "")))
    if given != (resource.api_version, resource.kind):
        version = given[0] if "/" in given[0] else f"/{given[0]}".removesuffix("/") or "/"
        raise bad_request(f"invalid object type: {version}, Kind={given[1]}")
    if "managedFields" in meta:
        raise bad_request("metadata.managedFields must be nil")
    rules.check_name_given(target.name, meta)
    if meta["name"] != target.name:
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
    problem = lines[0] if lines else ""
    if len(lines) > 1:
        problem = "errors:\n" + "\n".join(f"  {one}" for one in lines)
    problem = problem or apply.duplicate(
        config, resource.kind, resource.api_version, schema.crd_schema(resource)
    )
    if problem:
        version = resource.api_version if resource.group else f"/{resource.version}"
        namespace = (found.get("metadata") or {}).get("namespace", "")
        # Upstream gives this error no reason and 500; kubectl then prints the sentence alone.
        message = (
            f"failed to create typed patch object ({namespace}/{target.name}; {version}, "
            f"Kind={resource.kind}): {problem}"
        )
        raise ApiError(500, "", message)
    return config


def _check_uid(target: Target, live: JSON, new: JSON) -> None:
    known, uid = live["metadata"]["uid"], (new.get("metadata") or {}).get("uid")
    if uid is not None and uid != known:
        cause = Cause.invalid("metadata.uid", json.dumps(uid), "field is immutable")
        raise invalid(target.resource, target.name, [cause])


def _keep_last_applied(new: JSON, config: JSON) -> None:
    """Kubectl's own record of a client-side apply follows its server-side ones."""
    annotations = new["metadata"].get("annotations") or {}
    if _LAST_APPLIED not in annotations:
        return
    meta = {key: one for key, one in config["metadata"].items() if key != "namespace"}
    text = json.dumps({**config, "metadata": meta}, separators=(",", ":"), sort_keys=True)
    annotations = {**annotations, _LAST_APPLIED: f"{text}\n"}
    new["metadata"] = {**new["metadata"], "annotations": annotations}


def _owner(conflict: apply.Conflict) -> str:
    """The other manager; when it wrote is not part of who it is."""
    entry = {key: value for key, value in conflict.manager.items() if key != "time"}
    return apply.owner_text(entry)
