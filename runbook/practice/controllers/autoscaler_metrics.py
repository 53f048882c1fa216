"""Why each kind of metric has no value where no metrics API is served, as upstream says it."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import namespace_of

_NOT_THERE = "the server could not find the requested resource"
_NO_RESOURCE_METRICS = (
    "unable to fetch metrics from resource metrics API: "
    + _NOT_THERE
    + " (get pods.metrics.k8s.io)"
)
_NO_CUSTOM_METRICS = (
    "unable to fetch metrics from custom metrics API: "
    "no custom metrics API (custom.metrics.k8s.io) registered"
)


@dataclass(frozen=True, slots=True)
class Unmeasured:
    """A metric without a value: the reason, what its event says, and what the sum of all says."""

    reason: str
    why: str
    summary: str


def unmeasured(autoscaler: JSON, metric: JSON) -> Unmeasured:
    match metric["type"]:
        case "Resource":
            source = metric["resource"]
            why = _of_resource(source)
            summary = f"failed to get {source['name']} resource metric value: {why}"
            return Unmeasured("FailedGetResourceMetric", why, summary)
        case "ContainerResource":
            source = metric["containerResource"]
            why = _of_resource(source)
            summary = f"failed to get {source['container']} container metric value: {why}"
            return Unmeasured("FailedGetContainerResourceMetric", why, summary)
        case "Pods":
            name = metric["pods"]["metric"]["name"]
            why = f"unable to get metric {name}: {_NO_CUSTOM_METRICS}"
            return Unmeasured("FailedGetPodsMetric", why, f"failed to get pods metric value: {why}")
        case "Object":
            source, about = metric["object"], metric["object"]["describedObject"]
            why = (
                f"unable to get metric {source['metric']['name']} on {about['kind']} "
                f"{namespace_of(autoscaler)}/{about['name']}: {_NO_CUSTOM_METRICS}"
            )
            summary = f"failed to get object metric value: {why}"
            return Unmeasured("FailedGetObjectMetric", why, summary)
        case _:
            return _external(autoscaler, metric["external"])


def _of_resource(source: JSON) -> str:
    name = source["name"]
    what = "utilization" if "averageUtilization" in source["target"] else "usage"
    return (
        f"failed to get {name} {what}: unable to get metrics for resource {name}: "
        f"{_NO_RESOURCE_METRICS}"
    )


def _external(autoscaler: JSON, source: JSON) -> Unmeasured:
    name, selector = source["metric"]["name"], source["metric"].get("selector")
    shown = "nil" if selector is None else _go_selector(selector)
    why = (
        f"unable to get external metric {namespace_of(autoscaler)}/{name}/{shown}: unable to fetch "
        f"metrics from external metrics API: {_NOT_THERE} (get {name}.external.metrics.k8s.io)"
    )
    whose = (
        f"{name} external metric"
        if "averageValue" in source["target"]
        else (f"external metric {name}")
    )
    summary = f"failed to get {name} external metric value: failed to get {whose}: {why}"
    return Unmeasured("FailedGetExternalMetric", why, summary)


def _go_selector(selector: JSON) -> str:
    """As Go writes the struct."""
    labels = "".join(
        f"{key}: {value}," for key, value in sorted((selector.get("matchLabels") or {}).items())
    )
    terms = "".join(
        "LabelSelectorRequirement{"
        f"Key:{one['key']},Operator:{one['operator']},Values:[{' '.join(one.get('values') or [])}],"
        "},"
        for one in selector.get("matchExpressions") or []
    )
    return (
        f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},"
        f"MatchExpressions:[]LabelSelectorRequirement{{{terms}}},}}"
    )
