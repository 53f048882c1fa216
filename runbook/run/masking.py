"""Every text of a fact is masked before the fact exists. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from runbook.run.events import Event, RunOpened

T = TypeVar("T", bound=Event)
Mask = Callable[[str], str]

IDENTIFIERS = frozenset(
    {"kind", "step", "check", "run", "output", "sha256", "old", "new", "phase", "goto"}
)
"""Names and digests of our own: what a record is found by, and never anybody's secret."""


def masked(event: T, mask: Mask) -> T:
    """The same fact with every text from outside masked."""
    if isinstance(event, RunOpened):
        return event  # made of the plan and the target, which name secrets and never hold one
    changes = {
        f.name: clean
        for f in fields(event)
        if f.name not in IDENTIFIERS
        and (clean := _mask(before := getattr(event, f.name), mask)) != before
    }
    return replace(event, **changes) if changes else event


def _mask(value: Any, mask: Mask) -> Any:
    if type(value) is str:
        return mask(value)
    if isinstance(value, tuple):
        return tuple(_mask(item, mask) for item in value)
    if isinstance(value, dict):
        return {key: _mask(item, mask) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(
            value, **{f.name: _mask(getattr(value, f.name), mask) for f in fields(value)}
        )
    return value
