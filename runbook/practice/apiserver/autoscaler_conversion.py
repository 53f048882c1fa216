"""A HorizontalPodAutoscaler as `autoscaling/v1` knows it: one share of CPU, the rest in annotations.

What the older version has no field for (other metrics, behaviour, conditions, what was measured) it
carries as JSON texts in annotations, from where it comes back. Functions never change their argument.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

JSON = dict[str, Any]

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _CURRENT = f"{_PREFIX}metrics", f"{_PREFIX}current-metrics"
_CONDITIONS, _BEHAVIOR = f"{_PREFIX}conditions", f"{_PREFIX}behavior"
_SAME_STATUS = ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
_SOURCES = ("resource", "containerResource", "pods", "object", "external")
# Go writes the behaviour under its own names of the fields, all of them, in this order.
_RULES = ("StabilizationWindowSeconds", "SelectPolicy", "Policies", "Tolerance")
_POLICY = ("Type", "Value", "PeriodSeconds")


def to_first_form(obj: JSON) -> JSON:
    """From `autoscaling/v2`."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    metrics, current = spec.get("metrics") or [], status.get("currentMetrics") or []
    share = next((one for one in metrics if _of_cpu(one, "target")), None)
    others = [_old_metric(one, "target") for one in metrics if not _of_cpu(one, "target")]
    annotations = dict(obj["metadata"].get("annotations") or {})
    if others:
        annotations[_METRICS] = _text(others)
    if current:
        annotations[_CURRENT] = _text([_old_metric(one, "current") for one in current])
    if status.get("conditions"):
        annotations[_CONDITIONS] = _text([_condition(one) for one in status["conditions"]])
    if "behavior" in spec:
        annotations[_BEHAVIOR] = _text(_go_behavior(spec["behavior"]))
    kept = ("scaleTargetRef", "minReplicas", "maxReplicas")
    new_spec = {key: spec[key] for key in kept if key in spec}
    if share is not None:
        new_spec["targetCPUUtilizationPercentage"] = share["resource"]["target"][
            "averageUtilization"
        ]
    new_status = {key: status[key] for key in _SAME_STATUS if key in status}
    new_status.setdefault("currentReplicas", 0)
    new_status.setdefault("desiredReplicas", 0)
    measured = next((one for one in current if _of_cpu(one, "current")), None)
    if measured is not None:
        new_status["currentCPUUtilizationPercentage"] = measured["resource"]["current"][
            "averageUtilization"
        ]
    return {
        **obj,
        "metadata": _annotated(obj["metadata"], annotations),
        "spec": new_spec,
        "status": new_status,
    }


def from_first_form(obj: JSON) -> JSON:
    """To `autoscaling/v2`. Annotations that cannot be read mean nothing and go."""
    spec, status = dict(obj.get("spec") or {}), dict(obj.get("status") or {})
    annotations = dict(obj["metadata"].get("annotations") or {})
    texts = {
        key: _read(annotations.pop(key, None))
        for key in (_METRICS, _CURRENT, _CONDITIONS, _BEHAVIOR)
    }
    share = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = [_new_metric(one, "target") for one in _objects(texts[_METRICS])]
    if share is not None:
        target = {"type": "Utilization", "averageUtilization": share}
        cpu = {"type": "Resource", "resource": {"name": "cpu", "target": target}}
        metrics.append(cpu)
    if metrics:
        spec["metrics"] = metrics
    if isinstance(texts[_BEHAVIOR], dict):
        spec["behavior"] = _behavior(texts[_BEHAVIOR])
    status.pop("currentCPUUtilizationPercentage", None)
    if not status.get("currentReplicas"):
        status.pop("currentReplicas", None)
    status["currentMetrics"] = [
        _new_metric(one, "current") for one in _objects(texts[_CURRENT])
    ] or None
    if conditions := _objects(texts[_CONDITIONS]):
        status["conditions"] = conditions
    made = {**obj, "metadata": _annotated(obj["metadata"], annotations), "spec": spec}
    return {**made, "status": status} if "status" in obj else made


def _of_cpu(metric: JSON, field: str) -> bool:
    resource = metric.get("resource") or {}
    share = (resource.get(field) or {}).get("averageUtilization")
    return metric.get("type") == "Resource" and resource.get("name") == "cpu" and share is not None


def _old_metric(metric: JSON, field: str) -> JSON:
    """A metric as the older version writes it: `field` (`target` or `current`) becomes flat."""
    found: JSON = {"type": metric["type"]}
    for source in _SOURCES:
        if (given := metric.get(source)) is None:
            continue
        value = given.get(field) or {}
        named = given.get("metric") or {}
        names = _flat_names(source, field)
        old: JSON = {}
        if source == "object":
            old["target"] = given.get("describedObject") or {}
        old |= {key: given[key] for key in ("name", "container") if key in given}
        if "name" in named:
            old["metricName"] = named["name"]
        if "selector" in named:
            old["metricSelector" if source == "external" else "selector"] = named["selector"]
        old |= {flat: value[key] for key, flat in names.items() if key in value}
        found[source] = old
    return found


def _new_metric(metric: JSON, field: str) -> JSON:
    found: JSON = {"type": metric.get("type", "")}
    for source in _SOURCES:
        if not isinstance(given := metric.get(source), dict):
            continue
        names = _flat_names(source, field)
        value = {key: given[flat] for key, flat in names.items() if flat in given}
        if field == "target":
            value["type"] = next((_TYPES[key] for key in _TYPES if key in value), "")
        new: JSON = {key: given[key] for key in ("name", "container") if key in given}
        if source == "object":
            new["describedObject"] = given.get("target") or {}
        if source not in {"resource", "containerResource"}:
            selector = given.get("metricSelector" if source == "external" else "selector")
            new["metric"] = {
                "name": given.get("metricName", ""),
                **({"selector": selector} if selector is not None else {}),
            }
        found[source] = {**new, field: value}
    return found


_TYPES = {
    "averageUtilization": "Utilization",
    "averageValue": "AverageValue",
    "value": "Value",
}


def _flat_names(source: str, field: str) -> dict[str, str]:
    """What the parts of a target or of a measured value are called beside each other."""
    if source == "object":
        first = "targetValue" if field == "target" else "currentValue"
        return {"value": first, "averageValue": "averageValue"}
    return {
        key: f"{field}{key[0].upper()}{key[1:]}"
        for key in ("averageUtilization", "averageValue", "value")
    }


def _condition(condition: JSON) -> JSON:
    order = ("type", "status", "lastTransitionTime", "reason", "message")
    return {key: condition[key] for key in order if key in condition}


def _go_behavior(behavior: JSON) -> JSON:
    return {f"Scale{way}": _go_rules(behavior.get(f"scale{way}")) for way in ("Up", "Down")}


def _go_rules(rules: JSON | None) -> JSON | None:
    if rules is None:
        return None
    found = _go_fields(rules, _RULES)
    policies = rules.get("policies")
    found["Policies"] = policies and [_go_fields(one, _POLICY) for one in policies]
    return found


def _go_fields(given: JSON, names: Sequence[str]) -> JSON:
    return {name: given.get(_json_name(name)) for name in names}


def _behavior(text: JSON) -> JSON:
    return {
        f"scale{way}": _plain(text[f"Scale{way}"])
        for way in ("Up", "Down")
        if text.get(f"Scale{way}") is not None
    }


def _plain(value: Any) -> Any:
    """Without nulls, under the names of the API."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    return {_json_name(key): _plain(one) for key, one in value.items() if one is not None}


def _json_name(name: str) -> str:
    return name[0].lower() + name[1:]


def _annotated(metadata: JSON, annotations: JSON) -> JSON:
    rest = {key: value for key, value in metadata.items() if key != "annotations"}
    return {**rest, "annotations": annotations} if annotations else rest


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _read(text: Any) -> Any:
    try:
        return json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return None


def _objects(found: Any) -> list[JSON]:
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
