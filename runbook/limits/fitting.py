"""Whether what a namespace is going to hold fits its quotas and limit ranges. Pure.

The API server refuses a pod when it is made, long after what asks for it was applied, and says so in an
event only. The same rules, asked beforehand, with the name of what asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from runbook.limits import limit_ranges
from runbook.limits.quotas import (
    Usage,
    add,
    hard_of,
    in_scope,
    resources_limited,
    unspecified,
    usage_of,
    written,
)
from runbook.quantities import parse_quantity

JSON = dict[str, Any]
NAMED = 3
"""Of those that ask, so many are named; where a quota is exceeded, those that ask for most."""


@dataclass(frozen=True, slots=True)
class Workload:
    """What makes pods that stay: so many of the same."""

    title: str
    pods: int
    spec: JSON


@dataclass(frozen=True, slots=True)
class Contents:
    """What a namespace is going to hold."""

    quotas: Sequence[JSON] = ()
    limit_ranges: Sequence[JSON] = ()
    workloads: Sequence[Workload] = ()
    others: Mapping[str, Sequence[JSON]] = field(default_factory=dict)
    """Whatever else is counted, by resource, such as `persistentvolumeclaims`."""


@dataclass(frozen=True, slots=True)
class Fit:
    """`faults`: what would be refused, and why. `room`: how much of each quota is used."""

    faults: tuple[str, ...]
    room: tuple[str, ...]


def fit(contents: Contents) -> Fit:
    """Raises ValueError for what is no quantity."""
    ranges = [(_name(one), limit_ranges.items_of(one)) for one in contents.limit_ranges]
    items = [item for _, of_one in ranges for item in of_one]
    workloads = [
        Workload(one.title, one.pods, limit_ranges.filled_in(one.spec, items))
        for one in contents.workloads
    ]
    faults: list[str] = []
    for name, of_one in ranges:
        faults += _out_of_bounds(f"LimitRange {name}", of_one, workloads, contents)
    room: list[str] = []
    for quota in contents.quotas:
        found, used = _against(quota, workloads, contents.others)
        faults += found
        room.append(used)
    return Fit(tuple(faults), tuple(room))


def _out_of_bounds(
    where: str, items: list[JSON], workloads: list[Workload], contents: Contents
) -> Iterator[str]:
    for one in workloads:
        for why in dict.fromkeys(limit_ranges.refusals_of_pod(one.spec, items)):
            yield f"{where} refuses pods of {one.title}: {why}"
    for claim in contents.others.get("persistentvolumeclaims", ()):
        for why in limit_ranges.refusals_of_claim(claim.get("spec") or {}, items):
            yield f"{where} refuses PersistentVolumeClaim {_name(claim)}: {why}"


def _against(
    quota: JSON, workloads: list[Workload], others: Mapping[str, Sequence[JSON]]
) -> tuple[list[str], str]:
    name, hard = _name(quota), hard_of(quota)
    limited = resources_limited(hard)
    counted: list[tuple[str, Usage]] = []
    silent: dict[str, list[str]] = {}
    for one in workloads if "pods" in limited else ():
        pod = {"spec": one.spec}
        if not in_scope(quota, pod):
            continue
        for what, containers in unspecified(pod, hard).items():
            silent.setdefault(what, []).append(f"{one.title} ({', '.join(containers)})")
        each = usage_of("pods", pod)
        counted.append((one.title, {key: value * one.pods for key, value in each.items()}))
    for resource in sorted(limited):
        counted += [(_name(one), usage_of(resource, one)) for one in others.get(resource, ())]
    used = add(usage for _, usage in counted)
    faults = [
        f"quota {name} limits {what}, of which containers do not say how much: {_some(titles)}"
        for what, titles in silent.items()
    ]
    said: list[str] = []
    for what in sorted(hard):
        most, now = parse_quantity(hard[what]), used.get(what, Decimal(0))
        told = f"{what} {written(what, now)} of {hard[what]}"
        if now > most:
            faults.append(f"quota {name}: {told}, of {_largest(what, counted)}")
        said.append(told)
    return faults, f"quota {name}: {', '.join(said) or 'limits nothing'}"


def _largest(what: str, counted: Iterable[tuple[str, Usage]]) -> str:
    amounts = [(usage[what], title) for title, usage in counted if usage.get(what)]
    amounts.sort(key=lambda one: (-one[0], one[1]))
    return _some([f"{title} {written(what, value)}" for value, title in amounts])


def _some(names: Sequence[str]) -> str:
    more = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {more} more" if more > 0 else "")


def _name(one: JSON) -> str:
    return str(one["metadata"]["name"])
