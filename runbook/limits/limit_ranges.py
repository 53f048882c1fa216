"""What a LimitRange fills in and refuses, in the API server's words. Pure.

https://kubernetes.io/docs/concepts/policy/limit-range/
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runbook.limits.quotas import all_containers, effective, resources_of, written
from runbook.quantities import parse_quantity

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Amounts:
    """What is asked for, as it is written or as it adds up."""

    requests: JSON
    limits: JSON


def items_of(limit_range: JSON) -> list[JSON]:
    """Its limits, with what the API server adds: for containers each value stands in for the next."""
    return [_completed(item) for item in (limit_range.get("spec") or {}).get("limits") or ()]


def _completed(item: JSON) -> JSON:
    if item.get("type") != "Container":
        return item
    limits = {**(item.get("max") or {}), **(item.get("default") or {})}
    requests = {**(item.get("min") or {}), **limits, **(item.get("defaultRequest") or {})}
    return {**item, "default": limits, "defaultRequest": requests}


def filled_in(spec: JSON, items: Iterable[JSON]) -> JSON:
    """A pod's spec in which every container says what it did not say itself."""
    spec = {**spec}
    for item in items:
        if item.get("type") != "Container":
            continue
        limits, requests = item.get("default") or {}, item.get("defaultRequest") or {}
        for field in ("initContainers", "containers"):
            if field in spec:
                spec[field] = [_filled(one, limits, requests) for one in spec[field] or ()]
    return spec


def _filled(container: JSON, limits: JSON, requests: JSON) -> JSON:
    own = container.get("resources") or {}
    stated = own.get("limits") or {}
    # A limit that was stated is the request as well, before any default is.
    filled = {
        **own,
        "limits": {**limits, **stated},
        "requests": {**requests, **stated, **(own.get("requests") or {})},
    }
    return {**container, "resources": {name: given for name, given in filled.items() if given}}


def refusals_of_pod(spec: JSON, items: Iterable[JSON]) -> list[str]:
    """Why the API server would not take a pod, whose containers have been filled in."""
    found: list[str] = []
    for item in items:
        kind = item.get("type")
        if kind == "Container":
            for one in all_containers(spec):
                resources = one.get("resources") or {}
                said = _Amounts(resources.get("requests") or {}, resources.get("limits") or {})
                found += _refusals(item, "Container", said)
        elif kind == "Pod":
            said = _Amounts(_summed(spec, "requests"), _summed(spec, "limits"))
            found += _refusals(item, "Pod", said)
    return found


def refusals_of_claim(spec: JSON, items: Iterable[JSON]) -> list[str]:
    """Why the API server would not take a PersistentVolumeClaim."""
    said = _Amounts((spec.get("resources") or {}).get("requests") or {}, {})
    kind = "PersistentVolumeClaim"
    found: list[str] = []
    for item in items:
        if item.get("type") == kind:
            for name, least in sorted((item.get("min") or {}).items()):
                found += _below(name, kind, least, said)
            for name, most in sorted((item.get("max") or {}).items()):
                found += _request_above(name, kind, most, said)
    return found


def _refusals(item: JSON, kind: str, said: _Amounts) -> Iterator[str]:
    for name, least in sorted((item.get("min") or {}).items()):
        yield from _below(name, kind, least, said)
    for name, most in sorted((item.get("max") or {}).items()):
        yield from _above(name, kind, most, said)
    for name, ratio in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        yield from _too_far_apart(name, kind, ratio, said)


def _below(name: str, kind: str, least: object, said: _Amounts) -> Iterator[str]:
    rule = f"minimum {name} usage per {kind} is {least}"
    if name not in said.requests:
        yield f"{rule}.  No request is specified"
    elif parse_quantity(said.requests[name]) < parse_quantity(least):
        yield f"{rule}, but request is {said.requests[name]}"
    elif name in said.limits and parse_quantity(said.limits[name]) < parse_quantity(least):
        yield f"{rule}, but limit is {said.limits[name]}"


def _above(name: str, kind: str, most: object, said: _Amounts) -> Iterator[str]:
    rule = f"maximum {name} usage per {kind} is {most}"
    if name not in said.limits:
        yield f"{rule}.  No limit is specified"
    elif parse_quantity(said.limits[name]) > parse_quantity(most):
        yield f"{rule}, but limit is {said.limits[name]}"
    elif name in said.requests and parse_quantity(said.requests[name]) > parse_quantity(most):
        yield f"{rule}, but request is {said.requests[name]}"


def _request_above(name: str, kind: str, most: object, said: _Amounts) -> Iterator[str]:
    rule = f"maximum {name} usage per {kind} is {most}"
    if name not in said.requests:
        yield f"{rule}.  No request is specified"
    elif parse_quantity(said.requests[name]) > parse_quantity(most):
        yield f"{rule}, but request is {said.requests[name]}"


def _too_far_apart(name: str, kind: str, ratio: object, said: _Amounts) -> Iterator[str]:
    rule = f"{name} max limit to request ratio per {kind} is {ratio}, but"
    request, limit = parse_quantity(said.requests.get(name)), parse_quantity(said.limits.get(name))
    if not request:
        yield f"{rule} no request is specified or request is 0"
    elif not limit:
        yield f"{rule} no limit is specified or limit is 0"
    elif limit / request > parse_quantity(ratio):
        yield f"{rule} provided ratio is {limit / request:.6f}"


def _summed(spec: JSON, kind: str) -> JSON:
    return {name: written(name, effective(spec, kind, name)) for name in resources_of(spec, kind)}
