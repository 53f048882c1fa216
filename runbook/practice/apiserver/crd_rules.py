"""`x-kubernetes-validations`: what the CEL rules of a definition say about an object.

A rule looks at the value where it stands. One that names `oldSelf` is for changes; what any other finds
in an unchanged part is only a warning, so that an object can still be repaired elsewhere.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from runbook.practice.apiserver.crd_rule_paths import field_path
from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.findings import shown
from runbook.practice.apiserver.registry import Resource

if TYPE_CHECKING:
    from runbook.practice.cel.language import Program, Scope

JSON = dict[str, Any]

RULES = "x-kubernetes-validations"
_BLOCKING = frozenset(
    f"FieldValue{one}" for one in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid")
)
_NOT_CHECKED = Cause(
    "<nil>",
    "FieldValueInvalid",
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation",
)
_LONGEST = 5 * 1024
_REASONS = {
    "FieldValueForbidden": ("FieldValueForbidden", "Forbidden"),
    "FieldValueRequired": ("FieldValueRequired", "Required value"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule of a schema, compiled."""

    said: JSON
    program: Program
    message: Program | None
    transition: bool
    """Whether it names `oldSelf`."""
    place: str
    """The field that it complains about, seen from where it stands."""

    @property
    def optional_old(self) -> bool:
        return bool(self.said.get("optionalOldSelf"))

    @property
    def name(self) -> str:
        return str(self.said.get("message") or self.said["rule"]).strip()


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a schema in which there are rules."""

    schema: JSON
    rules: tuple[Rule, ...]
    properties: dict[str, Part] = field(default_factory=dict)
    values: Part | None = None
    items: Part | None = None
    all_of: tuple[Part, ...] = ()


def has_rules(schema: object) -> bool:
    """Whether there are rules anywhere in a schema."""
    match schema:
        case dict():
            return bool(schema.get(RULES)) or any(map(has_rules, schema.values()))
        case list():
            return any(map(has_rules, schema))
        case _:
            return False


def causes(
    resource: Resource, obj: JSON, old: JSON | None, found: Sequence[Cause], warnings: list[str]
) -> list[Cause]:
    """What the rules find, after what the schema found. Both objects are in the resource's version."""
    part = _part_of(resource)
    if part is None:
        return []
    if any(one.reason in _BLOCKING for one in found):
        return [_NOT_CHECKED]
    return list(_judge(part, obj, old, "", old is not None and old == obj, warnings))


@functools.lru_cache(maxsize=256)
def _part_of(resource: Resource) -> Part | None:
    schema = ((resource.crd_version or {}).get("schema") or {}).get("openAPIV3Schema")
    return compiled(schema, root=True) if schema and has_rules(schema) else None


def scope_of(schema: JSON) -> Scope | None:
    """The variables of rules on this part of a schema; None where rules have no type."""
    from runbook.practice.cel.language import Scope
    from runbook.practice.cel.schema_types import Types

    types = Types()
    kind = types.of(schema)
    return None if kind is None else Scope({"self": kind, "oldSelf": kind}, types.pool())


def typed(schema: JSON, *, root: bool) -> JSON:
    """A part as rules see it: whole objects with kind and name."""
    if not root and not schema.get("x-kubernetes-embedded-resource"):
        return schema
    from runbook.practice.cel.schema_types import with_identity

    return with_identity(schema)


def compiled(schema: JSON, *, root: bool = False, of: JSON | None = None) -> Part | None:
    """The parts in which there are rules; a rule that does not compile is left out, as no
    definition with one is taken. `of` is the schema that a part of an `allOf` adds to.
    """
    node = of if of is not None else schema
    if not has_rules(schema):
        return None
    whole = typed(node, root=root)
    properties = {
        name: part
        for name, inner in (schema.get("properties") or {}).items()
        if (part := compiled(inner, of=_same(of, node, name))) is not None
    }
    return Part(
        schema=whole,
        rules=tuple(_rules(schema, whole)) if schema.get(RULES) else (),
        properties=properties,
        values=_inner(schema, node, of, "additionalProperties"),
        items=_inner(schema, node, of, "items"),
        all_of=tuple(
            part
            for inner in schema.get("allOf") or ()
            if (part := compiled(inner, root=root, of=node)) is not None
        ),
    )


def _same(of: JSON | None, node: JSON, name: str) -> JSON | None:
    return None if of is None else (node.get("properties") or {}).get(name) or {}


def _inner(schema: JSON, node: JSON, of: JSON | None, key: str) -> Part | None:
    inner = schema.get(key)
    if not isinstance(inner, dict):
        return None
    return compiled(inner, of=None if of is None else node.get(key) or {})


def _rules(schema: JSON, whole: JSON) -> Iterator[Rule]:
    from runbook.practice.cel.language import Refused

    scope = scope_of(whole)
    if scope is None:
        return
    for said in schema[RULES]:
        optional = bool(said.get("optionalOldSelf"))
        message: Program | None = None
        try:
            program = scope.compile(said["rule"], optional_old=optional)
            if said.get("messageExpression"):
                message = scope.compile(said["messageExpression"], optional_old=optional)
        except Refused:
            continue
        uses = scope.uses("oldSelf", said["rule"], optional_old=optional)
        place = field_path(said["fieldPath"], whole) if said.get("fieldPath") else ""
        yield Rule(said, program, message, uses, place or "")


def _judge(
    part: Part, value: Any, old: Any, path: str, unchanged: bool, warnings: list[str]
) -> Iterator[Cause]:
    if value is None:
        return
    if part.rules:
        yield from _broken(part, value, old, path, unchanged, warnings)
    for one in part.all_of:
        yield from _judge(one, value, old, path, unchanged, warnings)
    match value:
        case dict():
            yield from _in_object(part, value, old, path, unchanged, warnings)
        case list() if part.items is not None:
            for index, one in enumerate(value):
                before = _counterpart(part.schema, one, old)
                same = unchanged if before is None else before == one
                yield from _judge(part.items, one, before, f"{path}[{index}]", same, warnings)


def _in_object(
    part: Part, value: JSON, old: Any, path: str, unchanged: bool, warnings: list[str]
) -> Iterator[Cause]:
    known = old if isinstance(old, dict) else {}
    for key in sorted(value):
        inner = part.properties.get(key, part.values)
        if inner is None:
            continue
        named = key in part.properties
        place = f"{path}[{key}]" if not named else f"{path}.{key}" if path else key
        before = known.get(key)
        same = before == value[key] if key in known else unchanged
        yield from _judge(inner, value[key], before, place, same, warnings)


def _counterpart(schema: JSON, item: Any, old: Any) -> Any:
    """The item of the old list that this one was, which only the keys of a list of maps can tell."""
    keys = schema.get("x-kubernetes-list-map-keys")
    if schema.get("x-kubernetes-list-type") != "map" or not isinstance(old, list):
        return None
    wanted = [item.get(key) for key in keys or ()]
    return next((one for one in old if [one.get(key) for key in keys or ()] == wanted), None)


def _broken(
    part: Part, value: Any, old: Any, path: str, unchanged: bool, warnings: list[str]
) -> Iterator[Cause]:
    from runbook.practice.cel.language import Failed
    from runbook.practice.cel.schema_types import seen

    variables = {"self": seen(part.schema, value)}
    variables["oldSelf"] = seen(part.schema, old)
    kind = str(part.schema.get("type") or "")
    for rule in part.rules:
        if rule.transition and old is None and not rule.optional_old:
            continue
        where = path or "<nil>"
        try:
            holds = rule.program.value(variables)
        except Failed as why:
            words = f"{why} evaluating rule: {rule.name}"
            if str(why).startswith("no such overload"):
                words = (
                    f"'{why}': call arguments did not match a supported operator, function or macro "
                    f"signature for rule: {rule.name}"
                )
            yield Cause.invalid(where, shown(kind), words)
            continue
        if holds is True:
            continue
        where = ".".join(filter(None, (path, rule.place))) or "<nil>"
        cause = _cause(rule, where, kind, value, _message(rule, variables))
        if unchanged and not rule.transition:
            warnings.append(f"{cause.field}: {cause.message}")
        else:
            yield cause


def _message(rule: Rule, variables: JSON) -> str:
    from runbook.practice.cel.language import Failed

    said = str(rule.said.get("message") or "").strip() or f"failed rule: {rule.name}"
    if rule.message is None:
        return said
    try:
        found = str(rule.message.value(variables)).strip()
    except Failed:
        return said
    fits = found and "\n" not in found and len(found.encode()) <= _LONGEST
    return found if fits else said


def _cause(rule: Rule, where: str, kind: str, value: Any, message: str) -> Cause:
    reason = rule.said.get("reason")
    if reason in _REASONS:
        name, words = _REASONS[reason]
        return Cause(where, name, f"{words}: {message}")
    structured = kind in {"object", "array"}
    if reason == "FieldValueDuplicate":
        text = "Duplicate value" + ("" if structured else f": {shown(value)}")
        return Cause(where, reason, text)
    text = (
        f"Invalid value: {message}" if structured else f"Invalid value: {shown(value)}: {message}"
    )
    return Cause(where, "FieldValueInvalid", text)
