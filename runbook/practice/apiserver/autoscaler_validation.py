"""What is refused in a HorizontalPodAutoscaler, in the words of the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.quantities import amount

JSON = dict[str, Any]

_SOURCES = ("object", "external", "pods", "resource", "containerResource")
_ALL_TYPES = ("ContainerResource", "External", "Object", "Pods", "Resource")
_RAW_OR_SHARE = "must set either a target raw value or a target utilization"
_POSITIVE = "must be greater than zero"
_LONGEST_WINDOW = 3600
_LONGEST_PERIOD = 1800
_SELECTIONS = ("Disabled", "Max", "Min")
_POLICIES = ("Percent", "Pods")


def autoscaler(obj: JSON) -> Iterator[Cause]:
    """The object has its defaults, and is in the form in which it is stored."""
    spec = obj.get("spec") or {}
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    metrics = spec.get("metrics") or []
    if low is not None and low < 0:
        yield _invalid("spec.minReplicas", low, "must be greater than or equal to 0")
    if low is not None and high < low:
        yield _invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`")
    yield from _reference(spec.get("scaleTargetRef") or {}, "spec.scaleTargetRef")
    yield from _group_of_target(spec.get("scaleTargetRef") or {})
    for index, metric in enumerate(metrics):
        yield from _metric(metric, f"spec.metrics[{index}]")
    if low == 0 and not any(one.get("type") in {"Object", "External"} for one in metrics):
        why = "must specify at least one Object or External metric to support scaling to zero replicas"
        yield Cause.forbidden("spec.metrics", why)
    for way, rules in (spec.get("behavior") or {}).items():
        yield from _rules(rules, f"spec.behavior.{way}")
    if not high:
        yield Cause.required("spec.maxReplicas")
    elif high < 1:
        yield _invalid("spec.maxReplicas", high, "must be greater than or equal to 1")


def _invalid(field: str, value: object, why: str) -> Cause:
    return Cause.invalid(field, json.dumps(value), why)


def _reference(reference: JSON, field: str) -> Iterator[Cause]:
    for part in ("kind", "name"):
        text = reference.get(part) or ""
        if not text:
            yield Cause.required(f"{field}.{part}")
        else:
            yield from _segment(text, f"{field}.{part}")


def _segment(text: str, field: str) -> Iterator[Cause]:
    """What may stand between two slashes of a path."""
    if text in {".", ".."}:
        yield _invalid(field, text, f"may not be '{text}'")
        return
    for sign in "/%":
        if sign in text:
            yield _invalid(field, text, f"may not contain '{sign}'")


def _group_of_target(reference: JSON) -> Iterator[Cause]:
    version = reference.get("apiVersion") or ""
    if version.count("/") > 1:
        why = f"unexpected GroupVersion string: {version}"
        yield _invalid("spec.scaleTargetRef.apiVersion", version, why)
    elif not version.rpartition("/")[0]:
        yield _invalid(
            "spec.scaleTargetRef.apiVersion", version, "apiVersion must specify API group"
        )


def _metric(metric: JSON, field: str) -> Iterator[Cause]:
    kind = metric.get("type") or ""
    if not kind:
        yield Cause.required(f"{field}.type", "must specify a metric source type")
    if kind not in _ALL_TYPES:
        yield Cause.unsupported(f"{field}.type", json.dumps(kind), _ALL_TYPES)
    present = [key for key in _SOURCES if metric.get(key) is not None]
    if present:  # the others are not looked at
        yield from _source(present[0], metric[present[0]], f"{field}.{present[0]}")
    if kind not in _ALL_TYPES:
        return
    wanted = kind[0].lower() + kind[1:]
    if wanted not in present:
        why = "must populate information for the given metric source"
        yield Cause.required(f"{field}.{wanted}", why)
    if len(present) != 1:
        for other in sorted(set(present) - {wanted}):
            yield Cause.forbidden(f"{field}.{other}", "must populate the given metric source only")


def _source(kind: str, source: JSON, inside: str) -> Iterator[Cause]:
    target = source.get("target") or {}
    match kind:
        case "resource" | "containerResource":
            if not source.get("name"):
                yield Cause.required(f"{inside}.name", "must specify a resource name")
            if kind == "containerResource" and not source.get("container"):
                yield Cause.required(f"{inside}.container", "must specify a container")
            yield from _target(target, f"{inside}.target")
            yield from _share_or_raw(target, f"{inside}.target")
        case "pods":
            yield from _named(source, inside)
            yield from _target(target, f"{inside}.target")
            if not _positive(target.get("averageValue")):
                why = "must specify a positive target averageValue"
                yield Cause.required(f"{inside}.target.averageValue", why)
        case "object":
            yield from _reference(source.get("describedObject") or {}, f"{inside}.describedObject")
            yield from _named(source, inside)
            yield from _target(target, f"{inside}.target")
            if "value" not in target and "averageValue" not in target:
                why = "must set either a target value or averageValue"
                yield Cause.required(f"{inside}.target.averageValue", why)
        case _:
            yield from _named(source, inside)
            yield from _target(target, f"{inside}.target")
            if "value" not in target and "averageValue" not in target:
                why = "must set either a target value for metric or a per-pod target"
                yield Cause.required(f"{inside}.target.averageValue", why)
            elif "value" in target and "averageValue" in target:
                why = "may not set both a target value for metric and a per-pod target"
                yield Cause.forbidden(f"{inside}.target.value", why)


def _named(source: JSON, field: str) -> Iterator[Cause]:
    name = (source.get("metric") or {}).get("name") or ""
    if name:
        yield from _segment(name, f"{field}.metric.name")
    else:
        yield Cause.required(f"{field}.metric.name", "must specify a metric name")


def _target(target: JSON, field: str) -> Iterator[Cause]:
    kind = target.get("type") or ""
    if not kind:
        yield Cause.required(f"{field}.type", "must specify a metric target type")
    if kind not in {"Utilization", "Value", "AverageValue"}:
        why = "must be either Utilization, Value, or AverageValue"
        yield _invalid(f"{field}.type", kind, why)
    for key in ("value", "averageValue"):
        if key in target and not _positive(target[key]):
            yield _invalid(f"{field}.{key}", str(target[key]), "must be positive")
    share = target.get("averageUtilization")
    if share is not None and share < 1:
        yield _invalid(f"{field}.averageUtilization", share, "must be greater than 0")


def _share_or_raw(target: JSON, field: str) -> Iterator[Cause]:
    share, raw = "averageUtilization" in target, "averageValue" in target
    if share and raw:
        why = "may not set both a target raw value and a target utilization"
        yield Cause.forbidden(f"{field}.averageValue", why)
    elif not share and not raw:
        yield Cause.required(f"{field}.averageUtilization", _RAW_OR_SHARE)


def _positive(value: object) -> bool:
    return value is not None and amount(value) > 0


def _rules(rules: JSON, field: str) -> Iterator[Cause]:
    window = rules.get("stabilizationWindowSeconds")
    name = f"{field}.stabilizationWindowSeconds"
    if window is not None and window < 0:
        yield _invalid(name, window, "must be greater than or equal to zero")
    if window is not None and window > _LONGEST_WINDOW:
        yield _invalid(name, window, f"must be less than or equal to {_LONGEST_WINDOW}")
    tolerance = rules.get("tolerance")
    if tolerance is not None and amount(tolerance) < 0:
        why = "must be greater than or equal to 0"
        yield _invalid(f"{field}.tolerance", str(tolerance), why)
    selection = rules.get("selectPolicy")
    if selection not in {None, *_SELECTIONS}:
        yield Cause.unsupported(f"{field}.selectPolicy", json.dumps(selection), _SELECTIONS)
    policies = rules.get("policies") or []
    if not policies:
        yield Cause.required(f"{field}.policies", "must specify at least one Policy")
    for index, policy in enumerate(policies):
        yield from _policy(policy, f"{field}.policies[{index}]")


def _policy(policy: JSON, field: str) -> Iterator[Cause]:
    kind = policy.get("type") or ""
    if kind not in _POLICIES:
        yield Cause.unsupported(f"{field}.type", json.dumps(kind), _POLICIES)
    for key in ("value", "periodSeconds"):
        if (number := policy.get(key) or 0) <= 0:
            yield _invalid(f"{field}.{key}", number, _POSITIVE)
    if (policy.get("periodSeconds") or 0) > _LONGEST_PERIOD:
        why = f"must be less than or equal to {_LONGEST_PERIOD}"
        yield _invalid(f"{field}.periodSeconds", policy["periodSeconds"], why)
