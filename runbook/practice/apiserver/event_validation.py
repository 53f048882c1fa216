"""What is refused in an event. The two versions differ: the newer one is strict, the older is not.

An event without `eventTime` is of the older sort and held to little. Whatever the version, fields are
called as they are stored, but for the one that upstream renames itself.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from runbook.practice.apiserver.errors import Cause, compact
from runbook.practice.apiserver.metadata import key_problems
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]

_LONGEST = 128
_LONGEST_NOTE = 1024
_SERIES_FROM = 2
_OF_THE_OLD_SORT = ("firstTimestamp", "lastTimestamp", "count")
# As the error calls it -> where it is
_FIXED = {
    "involvedObject": "involvedObject",
    "reason": "reason",
    "message": "message",
    "source": "source",
    "firstTimestamp": "firstTimestamp",
    "lastTimestamp": "lastTimestamp",
    "count": "count",
    "type": "type",
    "eventTime": "eventTime",
    "action": "action",
    "related": "related",
    "reportingController": "reportingComponent",
    "reportingInstance": "reportingInstance",
}
_REFERENCE = {
    "Kind": "kind",
    "Namespace": "namespace",
    "Name": "name",
    "UID": "uid",
    "APIVersion": "apiVersion",
    "ResourceVersion": "resourceVersion",
    "FieldPath": "fieldPath",
}
_STRUCTS = {
    "involvedObject": _REFERENCE,
    "related": _REFERENCE,
    "source": {"Component": "component", "Host": "host"},
}


def causes(resource: Resource, obj: JSON, live: JSON | None = None) -> list[Cause]:
    """Of an event in its stored form, written in this version; nothing about any other kind."""
    if resource.name != "events":
        return []
    found = list(_common(obj, "reportingController" if resource.group else "reportingComponent"))
    if resource.group and live is None:
        found += [*_series(obj), *_new(obj)]
    elif resource.group and live is not None:
        found += _series(obj) if obj.get("series") != live.get("series") else ()
        found += _changed(obj, live)
    return found


def _common(obj: JSON, controller_field: str) -> Iterator[Cause]:
    about = (obj.get("involvedObject") or {}).get("namespace") or ""
    namespace = obj["metadata"].get("namespace")
    if not obj.get("eventTime"):
        if (about or "default") != namespace:
            yield Cause.invalid("involvedObject.namespace", json.dumps(about), _ELSEWHERE)
        return
    if not about and namespace not in {"default", "kube-system"}:
        yield Cause.invalid("involvedObject.namespace", json.dumps(about), _ELSEWHERE)
    controller = obj.get("reportingComponent") or ""
    if not controller:
        yield Cause.required(controller_field)
    for why in key_problems(controller):
        yield Cause.invalid(controller_field, json.dumps(controller), why)
    for field in ("reportingInstance", "action", "reason"):
        text = obj.get(field) or ""
        if not text:
            yield Cause.required(field)
        if len(text) > _LONGEST:
            yield Cause.invalid(field, '""', f"can have at most {_LONGEST} characters")
    if len(obj.get("message") or "") > _LONGEST_NOTE:
        yield Cause.invalid("message", '""', f"can have at most {_LONGEST_NOTE} characters")


_ELSEWHERE = "does not match event.namespace"


def _new(obj: JSON) -> Iterator[Cause]:
    """The newer version takes only events of the newer sort."""
    if not obj.get("eventTime"):
        yield Cause.required("eventTime")
    kind = obj.get("type") or ""
    if kind not in {"Normal", "Warning"}:
        yield Cause.invalid("type", '""', f"has invalid value: {kind}")
    source = obj.get("source") or {}
    for field in _OF_THE_OLD_SORT:
        if obj.get(field):
            yield Cause.invalid(field, '""', "needs to be unset")
    if source.get("component") or source.get("host"):
        yield Cause.invalid("source", '""', "needs to be unset")


def _series(obj: JSON) -> Iterator[Cause]:
    series = obj.get("series")
    if series is None:
        return
    if (series.get("count") or 0) < _SERIES_FROM:
        yield Cause.invalid("series.count", '""', f"should be at least {_SERIES_FROM}")
    if not series.get("lastObservedTime"):
        yield Cause.required("series.lastObservedTime")


def _changed(obj: JSON, live: JSON) -> Iterable[Cause]:
    for name, field in _FIXED.items():
        new = obj.get(field)
        if (new or None) != (live.get(field) or None):
            yield Cause.invalid(name, _shown(field, new), "field is immutable")


def _shown(field: str, value: Any) -> str:
    """Upstream shows its own structs, whose fields have other names and are never left out."""
    if field not in _STRUCTS:
        return compact(value)
    return json.dumps(
        {name: value.get(key, "") for name, key in _STRUCTS[field].items()}, separators=(",", ":")
    )
