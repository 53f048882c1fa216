"""Create and update: the one way anything gets into the store, for people and controllers alike.

Order, as in the real server: decode and identity (400), schema (400), the namespace (403, 404),
immutable and validated fields (422), admission, existence (409), store. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from runbook.practice.apiserver import (
    allocation,
    defaults,
    first_state,
    immutable,
    metadata,
    pod_admission,
    rules,
    schema,
    tracking,
    validation,
)
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    already_exists,
    invalid,
    undecodable,
)
from runbook.practice.apiserver.findings import Mistyped
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State, Target, WriteOptions, storage_version

JSON = dict[str, Any]

_SET_BY_SERVER = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "namespace",
    "name",
    "generation",
)
_NEVER_TAKEN = (
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


def create(
    state: State,
    target: Target,
    obj: JSON,
    options: WriteOptions,
    *,
    managed: list[JSON] | None = None,
) -> JSON:
    """Store a new object. `obj` is the caller's own copy without nulls; it is taken over."""
    resource, namespace = target.resource, target.namespace
    metadata.check_shape(resource, obj)
    rules.check_identity(resource, obj)
    meta = obj["metadata"] = dict(obj["metadata"])
    rules.place(resource, namespace, meta)
    if meta.get("resourceVersion"):
        raise ApiError(500, "", "resourceVersion should not be set on objects to be created")
    for field in _NEVER_TAKEN:
        meta.pop(field, None)
    if "status" in resource.subresources:
        obj.pop("status", None)
    obj, causes = inspect(state, resource, obj, options)
    meta = obj["metadata"]
    rules.check_namespace(state, resource, namespace, meta)
    rules.give_name(state, resource, meta)
    rules.check_definition(state, resource, meta)
    meta["uid"] = state.new_uid()
    meta["creationTimestamp"] = state.timeline.stamp()
    of_meta = metadata.causes(resource, meta)
    if not validation.has_rules(resource.name):
        raise_causes(resource, meta["name"], [*of_meta, *causes])
    obj["apiVersion"] = storage_version(resource)
    defaults.on_write(resource.name, obj)
    tracking.first_managed_fields(resource, obj, options, managed, meta["creationTimestamp"])
    if (
        resource.name == "pods" and options.manager is not None
    ):  # our controllers know what is there
        pod_admission.refuse_pod(state, resource, obj)
    first_state.on_create(resource.name, obj)
    allocation.allocate(state, resource.name, obj, None)
    more = [*validation.causes(resource.name, obj, causes), *rules.crd_causes(resource, obj)]
    raise_causes(resource, meta["name"], [*of_meta, *more])
    tracking.first_generation(resource, obj)
    _admit(state, resource, obj, None)
    known = state.store.get(resource.name, meta.get("namespace"), meta["name"])
    if known is not None:
        dying = "deletionTimestamp" in known["metadata"]
        raise already_exists(resource, meta["name"], dying=dying)
    if options.dry_run:
        return obj
    return state.store.put(resource.name, obj, "ADDED")


def update(
    state: State,
    target: Target,
    obj: JSON,
    options: WriteOptions,
    *,
    managed: list[JSON] | None = None,
) -> JSON:
    """Replace a stored object, or the part of it that the target's subresource names."""
    resource, name = target.resource, target.name
    live = state.must(target)
    metadata.check_shape(resource, obj)
    rules.check_identity(resource, obj)
    rules.check_preconditions(resource, name, live, obj["metadata"])
    causes: Sequence[Cause] = ()
    match target.subresource:
        case "status":
            new = _with_status(live, obj)
            new, causes = inspect(state, resource, new, options)
            causes = [_seen_from_status(one) for one in causes]
        case "finalize":
            new = _with_finalizers(live, obj)
        case _:
            new, causes = _replaced(state, resource, live, obj, options)
    raise_causes(resource, name, causes)
    new["apiVersion"] = storage_version(resource)
    by_a_person = options.manager is not None
    tracking.keep_generation(resource, live, new, by_a_person=by_a_person)
    fields = managed
    if fields is None:
        given = obj["metadata"].get("managedFields")
        stamp = state.timeline.stamp()
        fields = tracking.managed_fields(target, live, new, given, options=options, time=stamp)
    tracking.set_managed_fields(new, fields)
    if tracking.unchanged(live, new):
        return live
    _admit(state, resource, new, live)
    if options.dry_run:
        new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        return new
    return state.store.put(resource.name, new, "DELETED" if released(resource, new) else "MODIFIED")


def released(resource: Resource, obj: JSON) -> bool:
    """Whether an object that is being deleted has nothing left that holds it."""
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp") or meta.get("finalizers"):
        return False
    if resource.name == "namespaces" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not meta.get("deletionGracePeriodSeconds")


def inspect(
    state: State, resource: Resource, obj: JSON, options: WriteOptions
) -> tuple[JSON, list[Cause]]:
    """The object defaulted and pruned by its schema, and what the schema finds invalid in it."""
    defaults.complete(resource.name, obj)
    if resource.crd is not None:
        obj = schema.apply_defaults(resource, obj)
    elif options.manager is None and not state.inspect_controllers:
        return obj, []  # our own controllers write built-ins right; importing models costs a second
    findings = schema.inspect(resource, obj)
    if findings.unknown:
        unknown = [f'unknown field "{path}"' for path in findings.unknown]
        if options.validation == "Strict":
            raise _undecodable(resource, options, f"strict decoding error: {', '.join(unknown)}")
        if options.validation == "Warn":
            options.warnings.extend(unknown)
        obj = schema.prune(obj, findings.unknown)
    if findings.mistyped:
        first = findings.mistyped[0]
        raise _undecodable(resource, options, first.message(resource.kind), first)
    obj = schema.canonical(resource, obj)
    return obj, [
        Cause(one.path, one.reason, one.message)
        for one in findings.invalid
        if not one.path.startswith("metadata.")  # has rules of its own
    ]


def _undecodable(
    resource: Resource, options: WriteOptions, why: str, field: Mistyped | None = None
) -> ApiError:
    if options.undecodable is not None:
        return options.undecodable(why, field)
    return undecodable(resource.kind, resource.version, why)


def raise_causes(resource: Resource, name: str, causes: Sequence[Cause]) -> None:
    if causes:
        raise invalid(resource, name, causes)


def _with_status(live: JSON, obj: JSON) -> JSON:
    new = {**live, "metadata": dict(live["metadata"])}
    new.pop("status", None)
    if "status" in obj:
        new["status"] = obj["status"]
    return new


def _seen_from_status(cause: Cause) -> Cause:
    """A status is judged by its own part of the schema, which does not know where it stands."""
    inside = cause.field.removeprefix("status.")
    return replace(cause, message=cause.message.replace(f": {cause.field} in", f": {inside} in"))


def _with_finalizers(live: JSON, obj: JSON) -> JSON:
    finalizers = (obj.get("spec") or {}).get("finalizers")
    spec = {key: value for key, value in (live.get("spec") or {}).items() if key != "finalizers"}
    if finalizers:
        spec["finalizers"] = finalizers
    return {**live, "spec": spec, "metadata": dict(live["metadata"])}


def _replaced(
    state: State, resource: Resource, live: JSON, obj: JSON, options: WriteOptions
) -> tuple[JSON, list[Cause]]:
    new = {**obj, "metadata": dict(obj["metadata"])}
    meta, known = new["metadata"], live["metadata"]
    for field in _SET_BY_SERVER:
        if field in known:
            meta[field] = known[field]
        else:
            meta.pop(field, None)
    if "status" in resource.subresources:
        new.pop("status", None)
        if "status" in live:
            new["status"] = live["status"]
    if resource.name == "namespaces":
        new["spec"] = live["spec"]
    new, causes = inspect(state, resource, new, options)
    if causes and not validation.has_rules(resource.name):
        return new, causes
    defaults.on_write(resource.name, new)
    allocation.allocate(state, resource.name, new, live)
    return new, [
        *metadata.causes(resource, meta),
        *rules.finalizer_causes(known, meta),
        *validation.causes(resource.name, new, causes),
        *immutable.causes(resource.name, live, new),
        *rules.crd_causes(resource, new),
    ]


def _admit(state: State, resource: Resource, obj: JSON, live: JSON | None) -> None:
    for admission in state.admissions:
        admission(resource, obj, live)
