"""`matchConditions`: expressions of CEL that decide whether a webhook is asked about a request at all.

They see `object`, `oldObject` and `request`, as the webhook would. Of `namespaceObject` the real server
hands them nothing, so they find nothing in it.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from runbook.practice.apiserver.errors import ApiError, Cause, compact, forbidden
from runbook.practice.apiserver.metadata import key_problems
from runbook.practice.apiserver.registry import Resource

if TYPE_CHECKING:
    from runbook.practice.cel.language import Program, Scope

JSON = dict[str, Any]

_MOST = 64
_TEXT: JSON = {"type": "string"}
_ANY: JSON = {"x-kubernetes-int-or-string": True}
_TEXTS: JSON = {"type": "array", "items": _TEXT}


def _object(**properties: JSON) -> JSON:
    return {"type": "object", "properties": properties}


def _map(values: JSON) -> JSON:
    return {"type": "object", "additionalProperties": values}


_KIND = _object(group=_TEXT, version=_TEXT, kind=_TEXT)
_RESOURCE = _object(group=_TEXT, version=_TEXT, resource=_TEXT)
_REQUEST = _object(
    kind=_KIND,
    resource=_RESOURCE,
    subResource=_TEXT,
    requestKind=_KIND,
    requestResource=_RESOURCE,
    requestSubResource=_TEXT,
    name=_TEXT,
    namespace=_TEXT,
    operation=_TEXT,
    userInfo=_object(username=_TEXT, uid=_TEXT, groups=_TEXTS, extra=_map(_TEXTS)),
    dryRun={"type": "boolean"},
    options=_ANY,
)
_MOMENT: JSON = {"type": "string", "format": "date-time"}
_NUMBER: JSON = {"type": "integer"}
_CONDITION = _object(
    status=_TEXT, type=_TEXT, lastTransitionTime=_MOMENT, message=_TEXT, reason=_TEXT
)
_NAMESPACE = _object(
    metadata=_object(
        name=_TEXT,
        generateName=_TEXT,
        namespace=_TEXT,
        labels=_map(_TEXT),
        annotations=_map(_TEXT),
        UID=_TEXT,
        creationTimestamp=_MOMENT,
        deletionGracePeriodSeconds=_NUMBER,
        deletionTimestamp=_MOMENT,
        generation=_NUMBER,
        resourceVersion=_TEXT,
        finalizers=_TEXTS,
    ),
    spec=_object(finalizers=_TEXTS),
    status=_object(conditions={"type": "array", "items": _CONDITION}, phase=_TEXT),
)


@functools.lru_cache(maxsize=1)
def _scope() -> Scope:
    from runbook.practice.cel.language import Scope
    from runbook.practice.cel.schema_types import Types

    types = Types(plain=True)
    known = {
        "object": _ANY,
        "oldObject": _ANY,
        "request": _REQUEST,
        "namespaceObject": _NAMESPACE,
    }
    return Scope({name: types.of(schema) for name, schema in known.items()}, types.pool())


@functools.lru_cache(maxsize=512)
def _compiled(text: str) -> Program:
    return _scope().compile(text)


def condition_causes(conditions: Sequence[JSON], path: str) -> Iterator[Cause]:
    """What is wrong with the conditions of one webhook."""
    if len(conditions) > _MOST:
        why = f"Too many: {len(conditions)}: must have at most {_MOST} items"
        yield Cause(path, "FieldValueTooMany", why)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        place, name = f"{path}[{index}]", condition.get("name") or ""
        text = (condition.get("expression") or "").strip()
        if not text:
            yield Cause.required(f"{place}.expression")
        elif problem := _problem(text):
            yield Cause.invalid(f"{place}.expression", compact(text), problem)
        if not name:
            yield Cause.required(f"{place}.name")
            continue
        for problem in key_problems(name):
            yield Cause.invalid(f"{place}.name", compact(name), problem)
        if name in seen:
            why = f"Duplicate value: {compact(name)}"
            yield Cause(f"{place}.name", "FieldValueDuplicate", why)
        seen.add(name)


def _problem(text: str) -> str:
    from runbook.practice.cel.language import Refused

    try:
        found = _compiled(text).returns
    except Refused as why:
        return f"compilation failed: {why}"
    kind = found.lower().replace("<", "(").replace(">", ")")
    return "" if found == "BOOL" else f"must evaluate to bool but got {kind}"


def matches(webhook: JSON, resource: Resource, request: JSON) -> bool:
    """Whether the webhook is to be asked: one condition that is false says no, whatever the others
    come to. Raises the refusal when a condition has no value and the webhook may not be skipped.
    """
    conditions = webhook.get("matchConditions")
    if not conditions:
        return True
    from runbook.practice.cel.language import Failed

    variables = {
        "object": request["object"],
        "oldObject": request["oldObject"],
        "request": {
            key: value
            for key, value in request.items()
            if key not in {"object", "oldObject", "uid"} and value is not None
        },
        "namespaceObject": {},
    }
    failures = []
    for condition in conditions:
        text = condition["expression"]
        try:
            if _compiled(text.strip()).value(variables) is not True:
                return False
        except Failed as why:
            failures.append(f"expression '{text}' resulted in error: {why}")
    if not failures:
        return True
    if webhook.get("failurePolicy") == "Ignore":
        return False
    raise _refusal(resource, request.get("name") or "", failures)


def _refusal(resource: Resource, name: str, failures: list[str]) -> ApiError:
    alone = len(failures) == 1
    return forbidden(resource, name, failures[0] if alone else f"[{', '.join(failures)}]")
