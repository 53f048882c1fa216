"""Knative's "living" conditions, the way Seldon's operator keeps them.

Rule 1: the list is sorted by type. Rule 2: `Ready` is derived: False if any dependent is False (with
its reason and message), Unknown while one is missing, else True without text. Rule 3: a condition's
transition time moves whenever anything in it changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook.practice.cluster import JSON

READY = "Ready"


@dataclass(frozen=True, slots=True)
class Condition:
    """What is to be said; `None` leaves a text out."""

    type: str
    true: bool
    reason: str = ""
    message: str = ""

    def write(self, now: str) -> JSON:
        written: JSON = {"type": self.type, "status": "True" if self.true else "False"}
        written["lastTransitionTime"] = now
        if self.reason:
            written["reason"] = self.reason
        if self.message:
            written["message"] = self.message
        return written


def with_conditions(
    earlier: Iterable[JSON], said: Sequence[Condition], dependents: Sequence[str], now: str
) -> list[JSON]:
    """The new list: what was said replaces its type, the rest stays, `Ready` is derived anew."""
    by_type = {condition["type"]: condition for condition in earlier}
    for condition in said:
        _put(by_type, condition.write(now))
    _put(by_type, _derived(by_type, dependents, now))
    return [by_type[type_] for type_ in sorted(by_type)]


def without(conditions: Iterable[JSON], types: Sequence[str]) -> list[JSON]:
    return [condition for condition in conditions if condition["type"] not in types]


def _derived(by_type: dict[str, JSON], dependents: Sequence[str], now: str) -> JSON:
    present = [by_type[type_] for type_ in dependents if type_ in by_type]
    failed = next((c for c in present if c["status"] == "False"), None)
    if failed is not None:
        texts: JSON = {field: failed[field] for field in ("reason", "message") if field in failed}
        return {"type": READY, "status": "False", "lastTransitionTime": now, **texts}
    complete = len(present) == len(dependents) and all(c["status"] == "True" for c in present)
    return {"type": READY, "status": "True" if complete else "Unknown", "lastTransitionTime": now}


def _put(by_type: dict[str, JSON], condition: JSON) -> None:
    earlier = by_type.get(condition["type"])
    if earlier is None or _said(earlier) != _said(condition):
        by_type[condition["type"]] = condition


def _said(condition: JSON) -> JSON:
    return {key: value for key, value in condition.items() if key != "lastTransitionTime"}
