"""Create and update: the one way anything gets into the store, for people and controllers alike.

Order, as in the real server: decode and identity (400), schema (400), the namespace (403, 404),
admission that changes, immutable and validated fields (422), admission that judges, existence (409),
store. Only admission webhooks are waited for. Knows nothing of HTTP.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from runbook.practice.apiserver import (
    allocation,
    cautions,
    conversion,
    crd_rules,
    defaults,
    event_validation,
    first_state,
    immutable,
    metadata,
    pod_admission,
    rules,
    schema,
    tracking,
    validation,
    webhooks,
)
from runbook.practice.apiserver.errors import (
    ApiError,
    Cause,
    already_exists,
    conflict,
    invalid,
    undecodable,
)
from runbook.practice.apiserver.findings import Mistyped
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State, Target, WriteOptions, in_version
from runbook.practice.apiserver.webhook_selection import Question

JSON = dict[str, Any]
T = TypeVar("T")

_ATTEMPTS = 5

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


class Overtaken(Exception):
    """Somebody else wrote the object while webhooks were asked about this write."""

    def __init__(self, refusal: ApiError) -> None:
        super().__init__(str(refusal))
        self.refusal = refusal


async def persistently(attempt: Callable[[], Awaitable[T]]) -> T:
    """A write from its beginning again when it was overtaken; a conflict when it is every time."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await attempt()
        except Overtaken:
            continue
    try:
        return await attempt()
    except Overtaken as overtaken:
        raise overtaken.refusal from None


async def create(
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
    if resource.crd is None and not validation.has_rules(resource.name):
        raise_causes(resource, meta["name"], [*metadata.causes(resource, meta), *causes])
    obj["apiVersion"] = resource.stored_api_version
    defaults.on_write(resource.name, obj)
    tracking.first_managed_fields(resource, obj, options, managed, meta["creationTimestamp"])
    if resource.name == "pods":
        pod_admission.refuse_pod(state, resource, obj)
    of_meta = metadata.causes(resource, meta)
    first_state.on_create(resource.name, obj)
    for admission in state.admissions:
        admission(resource, obj, None)
    question = webhooks.question_of(target, "CREATE", obj, None, options)
    made, found = await _mutated(state, question, causes, options)
    if made is not obj:
        obj, meta = made, made["metadata"]
        of_meta = metadata.causes(resource, meta)
    seen, obj = obj, schema.as_stored(resource, obj)
    allocation.allocate(state, resource.name, obj, None)
    more = [
        *validation.causes(resource.name, obj, found),
        *event_validation.causes(resource, obj),
        *rules.crd_causes(resource, obj),
    ]
    more += crd_rules.causes(resource, seen, None, more, options.warnings)
    raise_causes(resource, meta["name"], [*of_meta, *more])
    tracking.first_generation(resource, obj)
    if options.manager is not None:
        options.warnings += cautions.of(resource.name, obj, None)
    question.obj = obj
    if await webhooks.validate(state, question):
        rules.check_namespace(state, resource, namespace, meta)
    for admission in state.last_admissions:
        admission(resource, obj, None)
    known = state.store.get(resource.name, meta.get("namespace"), meta["name"])
    if known is not None:
        dying = "deletionTimestamp" in known["metadata"]
        raise already_exists(resource, meta["name"], dying=dying)
    if options.dry_run:
        return obj
    return state.store.put(resource.name, obj, "ADDED")


async def update(
    state: State,
    target: Target,
    obj: JSON,
    options: WriteOptions,
    *,
    managed: list[JSON] | None = None,
    admit: bool = True,
) -> JSON:
    """Replace a stored object, or the part of it that the target's subresource names.

    Raises Overtaken when somebody else was faster than the webhooks.
    """
    resource, name = target.resource, target.name
    live = state.must(target)
    metadata.check_shape(resource, obj)
    rules.check_identity(resource, obj)
    rules.check_preconditions(resource, name, live, obj["metadata"])
    causes: Sequence[Cause] = ()
    match target.subresource:
        case "status":
            new = _with_status(conversion.as_shown(resource, live), obj)
            new, causes = inspect(state, resource, new, options)
            defaults.on_status(resource.name, new)
            causes = [_seen_from_status(one) for one in causes]
        case "finalize":
            new = _with_finalizers(live, obj)
        case _:
            known = conversion.as_shown(resource, live)
            new, causes = _replaced(state, resource, known, obj, options)
    new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
    question = webhooks.question_of(target, "UPDATE", new, live, options)
    written = new
    if admit:
        new, causes = await _mutated(state, question, causes, options)
    if target.subresource not in {"status", "finalize"}:
        causes = _judged(state, resource, live, new, causes)
    if resource.crd is not None:
        before = in_version(resource, live)
        seen = {**new, "apiVersion": resource.api_version}
        more = crd_rules.causes(resource, seen, before, causes, options.warnings)
        causes = [*causes, *more]
    raise_causes(resource, name, causes)
    new = schema.as_stored(resource, new)
    new["apiVersion"] = resource.stored_api_version
    by_a_person = options.manager is not None
    tracking.keep_generation(resource, live, new, by_a_person=by_a_person)
    fields = managed
    if fields is None:
        given = obj["metadata"].get("managedFields")
        stamp = state.timeline.stamp()
        fields = tracking.managed_fields(target, live, written, given, options=options, time=stamp)
    tracking.set_managed_fields(new, fields)
    if by_a_person and not target.subresource:
        options.warnings += cautions.of(resource.name, new, live)
    question.obj = new
    if admit and await webhooks.validate(state, question):
        _check_overtaken(state, target, live)
    if tracking.unchanged(live, new):
        return live
    for admission in (*state.admissions, *state.last_admissions):
        admission(resource, new, live)
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
    obj = conversion.as_stored(resource, schema.canonical(resource, obj))
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
    return inspect(state, resource, new, options)


def _judged(
    state: State, resource: Resource, live: JSON, new: JSON, causes: Sequence[Cause]
) -> Sequence[Cause]:
    """What every rule finds in the new version, completed as far as the server does it."""
    if causes and not validation.has_rules(resource.name):
        return causes
    defaults.on_write(resource.name, new)
    allocation.allocate(state, resource.name, new, live)
    return [
        *metadata.causes(resource, new["metadata"]),
        *rules.finalizer_causes(live["metadata"], new["metadata"]),
        *validation.causes(resource.name, new, causes),
        *immutable.causes(resource.name, live, new),
        *event_validation.causes(resource, new, live),
        *rules.crd_causes(resource, new, live),
    ]


async def _mutated(
    state: State, question: Question, causes: Sequence[Cause], options: WriteOptions
) -> tuple[JSON, Sequence[Cause]]:
    """The object as webhooks leave it, inspected again when they changed it."""
    before = question.obj or {}
    made = await webhooks.mutate(state, question) or before
    if question.old is not None and made is not before:
        live = Target(question.resource, question.namespace, question.name)
        _check_overtaken(state, live, question.old)
    if made == before:
        return before, causes

    def undecodable(why: str, _: Mistyped | None) -> ApiError:
        return webhooks.internal_with_cause(why)

    quiet = replace(options, validation="Ignore", undecodable=undecodable)
    resource = question.resource
    return inspect(state, resource, conversion.as_shown(resource, made), quiet)


def _check_overtaken(state: State, target: Target, live: JSON) -> None:
    if state.must(target)["metadata"]["resourceVersion"] != live["metadata"]["resourceVersion"]:
        raise Overtaken(conflict(target.resource, target.name))
