"""Kinds that are served in two versions but stored in one: from one form to the other and back.

An object tells by its `apiVersion` in which form it is. Functions never change what they are given.
What custom resources have instead (versions that differ in their schema only) is in `state.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runbook.practice.apiserver.autoscaler_conversion import from_first_form, to_first_form
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]
Conversion = Callable[[JSON], JSON]

# What `events.k8s.io` calls the fields of an event, and what they are called in the core group.
_EVENT_FIELDS = {
    "reportingController": "reportingComponent",
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_EVENT_NAMES = {core: own for own, core in _EVENT_FIELDS.items()}
_LEFT_OUT_EMPTY = frozenset({"reportingController", "reportingInstance", "deprecatedCount"})


def converted(resource: Resource) -> bool:
    """Whether objects of this version are stored in the form of another."""
    return resource.crd is None and resource.stored_api_version != resource.api_version


def as_shown(resource: Resource, obj: JSON) -> JSON:
    """A stored object in this version's form; itself where that is the stored one."""
    if not converted(resource) or obj["apiVersion"] == resource.api_version:
        return obj
    shown = _FORMS[resource.api_version][0](obj)
    return {**shown, "apiVersion": resource.api_version}


def as_stored(resource: Resource, obj: JSON) -> JSON:
    """An object in this version's form as it is stored; itself where that is the same."""
    if not converted(resource) or obj["apiVersion"] != resource.api_version:
        return obj
    stored = _FORMS[resource.api_version][1](obj)
    return {**stored, "apiVersion": resource.stored_api_version}


def in_form(api_version: str, obj: JSON) -> JSON:
    """A built-in object in the form of another version of its kind, if it has such."""
    given = obj.get("apiVersion", "")
    if given == api_version:
        return obj
    stored = _FORMS[given][1](obj) if given in _FORMS else obj
    return _FORMS[api_version][0](stored) if api_version in _FORMS else stored


def _new_event(obj: JSON) -> JSON:
    named = {_EVENT_NAMES.get(key, key): value for key, value in obj.items()}
    return {key: value for key, value in named.items() if value or key not in _LEFT_OUT_EMPTY}


def _core_event(obj: JSON) -> JSON:
    named = {_EVENT_FIELDS.get(key, key): value for key, value in obj.items()}
    named.setdefault("involvedObject", {})
    return {key: value for key, value in named.items() if value or key != "count"}


# apiVersion -> (from the stored form, to the stored form)
_FORMS: Mapping[str, tuple[Conversion, Conversion]] = {
    "events.k8s.io/v1": (_new_event, _core_event),
    "autoscaling/v1": (to_first_form, from_first_form),
}
