"""What may not be said in the validation rules of a definition, in the words of the real server.

The cost of a rule is not estimated: one that is too dear for the real server is taken here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from runbook.practice.apiserver.crd_rule_paths import field_path
from runbook.practice.apiserver.crd_rules import RULES, has_rules, scope_of, typed
from runbook.practice.apiserver.errors import Cause

if TYPE_CHECKING:
    from runbook.practice.cel.language import Scope

JSON = dict[str, Any]

_SCHEMA = "openAPIV3Schema"
_REASONS = (
    "FieldValueDuplicate",
    "FieldValueForbidden",
    "FieldValueInvalid",
    "FieldValueRequired",
)
_NO_TYPE = (
    "Internal error: internal error: failed to construct type information for "
    f"{RULES} rules: unable to convert structural schema to CEL declarations"
)


def rule_causes(crd: JSON) -> Iterator[Cause]:
    """What is wrong with the rules of each version; one schema of all versions is judged once."""
    versions = crd["spec"]["versions"]
    schemas = [(version.get("schema") or {}).get(_SCHEMA) or {} for version in versions]
    if all(one == schemas[0] for one in schemas[1:]):
        places = [(f"spec.validation.{_SCHEMA}", schemas[0])] if schemas else []
    else:
        places = [
            (f"spec.versions[{index}].schema.{_SCHEMA}", one) for index, one in enumerate(schemas)
        ]
    for place, schema in places:
        if not has_rules(schema):
            continue
        of_form = list(_of_form(schema, place))
        yield from of_form or _of_language(schema, place, root=True, within="")


def _below(schema: JSON, place: str) -> Iterator[tuple[str, JSON]]:
    for name, inner in (schema.get("properties") or {}).items():
        yield f"{place}.properties[{name}]", inner
    for key in ("additionalProperties", "items"):
        if isinstance(schema.get(key), dict):
            yield f"{place}.{key}", schema[key]


def _of_form(schema: JSON, place: str) -> Iterator[Cause]:
    for where, inner in _below(schema, place):
        yield from _of_form(inner, where)
    for index, rule in enumerate(schema.get(RULES) or ()):
        yield from _form(rule, schema, f"{place}.{RULES}[{index}]")


def _form(rule: JSON, schema: JSON, place: str) -> Iterator[Cause]:
    text, message = rule.get("rule") or "", rule.get("message") or ""
    if not text.strip():
        yield Cause.required(f"{place}.rule", "rule is not specified")
    elif message and not message.strip():
        yield Cause.invalid(
            f"{place}.message", json.dumps(message), "must be non-empty if specified"
        )
    elif "\n" in message.strip():
        yield Cause.invalid(f"{place}.message", json.dumps(message), "must not contain line breaks")
    elif "\n" in text.strip() and not message.strip():
        why = "message must be specified if rule contains line breaks"
        yield Cause.required(f"{place}.message", why)
    expression = rule.get("messageExpression") or ""
    if expression and not expression.strip():
        why = "messageExpression must be non-empty if specified"
        yield Cause.required(f"{place}.messageExpression", why)
    reason = rule.get("reason")
    if reason is not None and reason not in _REASONS:
        yield Cause.unsupported(f"{place}.reason", json.dumps(reason), _REASONS)
    path = rule.get("fieldPath") or ""
    where, shown = f"{place}.fieldPath", json.dumps(path)
    if path and not path.strip():
        yield Cause.invalid(where, shown, "must be non-empty if specified")
    if "\n" in path:
        yield Cause.invalid(where, shown, "must not contain line breaks")
    if path and field_path(path, schema) is None:
        yield Cause.invalid(where, shown, "must be a valid path")


def _of_language(schema: JSON, place: str, *, root: bool, within: str) -> Iterator[Cause]:
    """`within` is the nearest list above whose items nothing tells apart."""
    loose = schema.get("x-kubernetes-list-type") != "map"
    for where, inner in _below(schema, place):
        outer = place if where.endswith(".items") and loose and not within else within
        yield from _of_language(inner, where, root=False, within=outer)
    if schema.get(RULES):
        yield from _compile(schema, f"{place}.{RULES}", root=root, within=within)


def _compile(schema: JSON, place: str, *, root: bool, within: str) -> Iterator[Cause]:
    scope = scope_of(typed(schema, root=root))
    if scope is None:
        yield Cause(place, "InternalError", _NO_TYPE)
        return
    for index, rule in enumerate(schema[RULES]):
        yield from _one(scope, rule, f"{place}[{index}]", within)


def _one(scope: Scope, rule: JSON, place: str, within: str) -> Iterator[Cause]:
    optional = bool(rule.get("optionalOldSelf"))
    problem = _problem(scope, rule["rule"], optional=optional)
    if problem:
        yield Cause.invalid(f"{place}.rule", _shown(rule), problem)
    elif rule.get("messageExpression"):
        problem = _problem(scope, rule["messageExpression"], optional=optional, message=True)
        if problem:
            yield Cause.invalid(f"{place}.messageExpression", _shown(rule), problem)
    if scope.uses("oldSelf", rule["rule"], optional_old=optional):
        if within:
            why = f"oldSelf cannot be used on the uncorrelatable portion of the schema within {within}"
            yield Cause.invalid(f"{place}.rule", _go(rule["rule"]), why)
    elif rule.get("optionalOldSelf") is not None and not _broken(scope, rule["rule"]):
        why = "may not be set if oldSelf is not used in rule"
        yield Cause.invalid(f"{place}.optionalOldSelf", _go(rule["optionalOldSelf"]), why)


def _broken(scope: Scope, text: str) -> bool:
    return bool(_problem(scope, text, optional=True))


def _problem(scope: Scope, text: str, *, optional: bool, message: bool = False) -> str:
    from runbook.practice.cel.language import Refused

    try:
        program = scope.compile(text, optional_old=optional)
    except Refused as why:
        return f"{'messageExpression ' if message else ''}compilation failed: {why}"
    if message:
        fits = program.returns == "STRING"
        return "" if fits else "messageExpression must evaluate to a string"
    return "" if program.returns == "BOOL" else "cel expression must evaluate to a bool"


def _shown(rule: JSON) -> str:
    return _go(
        {
            "Rule": rule["rule"],
            "Message": rule.get("message") or "",
            "MessageExpression": rule.get("messageExpression") or "",
            "Reason": rule.get("reason"),
            "FieldPath": rule.get("fieldPath") or "",
            "OptionalOldSelf": rule.get("optionalOldSelf"),
        }
    )


def _go(value: object) -> str:
    """JSON as Go writes it, with the signs of HTML escaped."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text
