"""What Kubernetes' CEL can do with lists; texts of refusals are the server's."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Sequence
from typing import Any

from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp


def as_value(value: Any) -> Any:
    """A result that the evaluator takes: it reads times as messages only."""
    match value:
        case dt.datetime():
            stamp = Timestamp()
            stamp.FromDatetime(value)
            return stamp
        case dt.timedelta():
            span = Duration()
            span.FromTimedelta(value)
            return span
        case list() | tuple():
            return [as_value(one) for one in value]
        case _:
            return value


def total(values: Sequence[Any]) -> Any:
    """The sum; of durations too."""
    if values and isinstance(values[0], dt.timedelta):
        return as_value(sum(values, dt.timedelta()))
    return sum(values)


def extreme(name: str, choose: Callable[[Sequence[Any]], Any]) -> Callable[[Sequence[Any]], Any]:
    """`min` or `max` of a list. It raises ValueError for an empty one."""

    def found(values: Sequence[Any]) -> Any:
        if not values:
            raise ValueError(f"{name} called on empty list")
        return as_value(choose(values))

    return found


def is_sorted(values: Sequence[Any]) -> bool:
    """Whether no element is smaller than the one before it."""
    return all(one <= other for one, other in itertools.pairwise(values))


def place(values: Sequence[Any], wanted: Any) -> int:
    """The index of the first equal element, else -1."""
    return next((at for at, one in enumerate(values) if one == wanted), -1)


def last_place(values: Sequence[Any], wanted: Any) -> int:
    """The index of the last equal element, else -1."""
    found = place(list(reversed(values)), wanted)
    return -1 if found < 0 else len(values) - 1 - found


def cut(values: Sequence[Any], start: int, end: int) -> Any:
    """The elements from `start` up to `end`. Raises ValueError for places that are none."""
    if start < 0 or end < 0:
        raise ValueError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise ValueError(
            f"cannot slice({start}, {end}), start index must be less than or equal to end index"
        )
    if end > len(values):
        raise ValueError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return as_value(list(values[start:end]))


def flat(values: Sequence[Any], depth: int = 1) -> Any:
    """Lists in the list taken apart, `depth` levels deep."""
    found: list[Any] = []
    for one in values:
        found += flat(one, depth - 1) if isinstance(one, list) and depth > 0 else [one]
    return as_value(found)


def distinct(values: Sequence[Any]) -> Any:
    """Each element once, in the order of its first place."""
    found: list[Any] = []
    for one in values:
        if one not in found:
            found.append(one)
    return as_value(found)


def holds_all(values: Sequence[Any], wanted: Sequence[Any]) -> bool:
    """Whether every wanted element is in the list."""
    return all(one in values for one in wanted)


def holds_any(values: Sequence[Any], others: Sequence[Any]) -> bool:
    """Whether the two lists have an element in common."""
    return any(one in values for one in others)
