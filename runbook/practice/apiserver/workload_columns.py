"""Printer columns of what runs: deployments, their relatives, jobs, budgets and autoscalers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook.practice.apiserver.columns import (
    AGE,
    NAME,
    Column,
    Printer,
    age_of,
    at,
    has_condition,
    label_selector,
    labels_text,
    name_of,
)
from runbook.practice.apiserver.durations import age, human, parse_time
from runbook.practice.apiserver.pod_columns import POD

JSON = dict[str, Any]

_TEMPLATE = (Column("Containers", priority=1), Column("Images", priority=1))
_SELECTOR = Column("Selector", priority=1)


def _containers(template: JSON | None) -> list[Any]:
    """Names and images of a pod template's containers."""
    containers = at(template, "spec", "containers", default=[])
    return [
        ",".join(one.get("name", "") for one in containers),
        ",".join(one.get("image", "") for one in containers),
    ]


def _status(obj: JSON, field: str) -> int:
    found: int = at(obj, "status", field, default=0)
    return found


def _template(obj: JSON) -> JSON | None:
    found: JSON | None = at(obj, "spec", "template")
    return found


def _deployment(obj: JSON, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        f"{_status(obj, 'readyReplicas')}/{at(obj, 'spec', 'replicas', default=1)}",
        _status(obj, "updatedReplicas"),
        _status(obj, "availableReplicas"),
        age_of(obj, now),
        *_containers(_template(obj)),
        label_selector(at(obj, "spec", "selector")),
    ]


def _replica_set(obj: JSON, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        at(obj, "spec", "replicas", default=1),
        _status(obj, "replicas"),
        _status(obj, "readyReplicas"),
        age_of(obj, now),
        *_containers(_template(obj)),
        label_selector(at(obj, "spec", "selector")),
    ]


def _replication_controller(obj: JSON, now: datetime) -> list[Any]:
    return [*_replica_set(obj, now)[:-1], labels_text(at(obj, "spec", "selector"))]


def _stateful_set(obj: JSON, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        f"{_status(obj, 'readyReplicas')}/{at(obj, 'spec', 'replicas', default=1)}",
        age_of(obj, now),
        *_containers(_template(obj)),
    ]


def _daemon_set(obj: JSON, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _status(obj, "desiredNumberScheduled"),
        _status(obj, "currentNumberScheduled"),
        _status(obj, "numberReady"),
        _status(obj, "updatedNumberScheduled"),
        _status(obj, "numberAvailable"),
        labels_text(at(obj, "spec", "template", "spec", "nodeSelector")),
        age_of(obj, now),
        *_containers(_template(obj)),
        label_selector(at(obj, "spec", "selector")),
    ]


def _job_status(obj: JSON) -> str:
    if has_condition(obj, "Complete"):
        return "Complete"
    if has_condition(obj, "Failed"):
        return "Failed"
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    if has_condition(obj, "Suspended"):
        return "Suspended"
    return "FailureTarget" if has_condition(obj, "FailureTarget") else "Running"


def _job_completions(obj: JSON) -> str:
    succeeded = _status(obj, "succeeded")
    completions = at(obj, "spec", "completions")
    if completions is not None:
        return f"{succeeded}/{completions}"
    parallelism = at(obj, "spec", "parallelism", default=0)
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(obj: JSON, now: datetime) -> str:
    start = parse_time(at(obj, "status", "startTime"))
    if start is None:
        return ""
    end = parse_time(at(obj, "status", "completionTime")) or now
    return human((end - start).total_seconds())


def _job(obj: JSON, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        _job_status(obj),
        _job_completions(obj),
        _job_duration(obj, now),
        age_of(obj, now),
        *_containers(_template(obj)),
        label_selector(at(obj, "spec", "selector")),
    ]


def _cron_job(obj: JSON, now: datetime) -> list[Any]:
    suspend = at(obj, "spec", "suspend")
    last = at(obj, "status", "lastScheduleTime")
    job = at(obj, "spec", "jobTemplate", "spec", default={})
    return [
        name_of(obj),
        at(obj, "spec", "schedule", default=""),
        at(obj, "spec", "timeZone", default="<none>"),
        "<unset>" if suspend is None else str(suspend),
        len(at(obj, "status", "active", default=[])),
        age(last, now) if last else "<none>",
        age_of(obj, now),
        *_containers(job.get("template")),
        label_selector(job.get("selector")),
    ]


def _pod_template(obj: JSON, now: datetime) -> list[Any]:  # noqa: ARG001 - one signature for all
    template = obj.get("template")
    labels = at(template, "metadata", "labels")
    return [name_of(obj), *_containers(template), labels_text(labels)]


def _controller_revision(obj: JSON, now: datetime) -> list[Any]:
    owners = obj["metadata"].get("ownerReferences") or []
    owner = next((one for one in owners if one.get("controller")), None)
    controller = "<none>"
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        kind = f"{owner['kind']}.{group}" if group else owner["kind"]
        controller = f"{kind.lower()}/{owner['name']}"
    return [name_of(obj), controller, obj.get("revision", 0), age_of(obj, now)]


def _disruption_budget(obj: JSON, now: datetime) -> list[Any]:
    return [
        name_of(obj),
        str(at(obj, "spec", "minAvailable", default="N/A")),
        str(at(obj, "spec", "maxUnavailable", default="N/A")),
        _status(obj, "disruptionsAllowed"),
        age_of(obj, now),
    ]


def _autoscaler(obj: JSON, now: datetime) -> list[Any]:
    target = at(obj, "spec", "scaleTargetRef", default={})
    return [
        name_of(obj),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _autoscaler_targets(obj),
        str(at(obj, "spec", "minReplicas", default="<unset>")),
        at(obj, "spec", "maxReplicas", default=0),
        _status(obj, "currentReplicas"),
        age_of(obj, now),
    ]


def _autoscaler_targets(obj: JSON) -> str:
    """`cpu: 12%/80%`, at most two metrics; the v1 form has its CPU target in the spec itself."""
    spec = obj.get("spec") or {}
    if "targetCPUUtilizationPercentage" in spec:
        now = at(obj, "status", "currentCPUUtilizationPercentage")
        current = "<unknown>" if now is None else f"{now}%"
        return f"cpu: {current}/{spec['targetCPUUtilizationPercentage']}%"
    statuses = at(obj, "status", "currentMetrics", default=[])
    metrics = spec.get("metrics") or []
    texts = [
        _metric(metric, statuses[index] if index < len(statuses) else {})
        for index, metric in enumerate(metrics)
    ]
    if not texts:
        return "<none>"
    more = f" + {len(texts) - 2} more..." if len(texts) > 2 else ""
    return ", ".join(texts[:2]) + more


def _metric(spec: JSON, status: JSON) -> str:
    kind = spec.get("type", "")
    field = kind[:1].lower() + kind[1:]
    source = spec.get(field)
    if not isinstance(source, dict):
        return "<unknown type>"
    target, current = source.get("target") or {}, at(status, field, "current", default={})
    if kind in {"Resource", "ContainerResource"}:
        if "averageValue" in target:
            found = current.get("averageValue", "<unknown>")
            return f"{source['name']}: {found}/{target['averageValue']}"
        utilization = current.get("averageUtilization")
        wanted = target.get("averageUtilization")
        shown = "<unknown>" if utilization is None else f"{utilization}%"
        return f"{source['name']}: {shown}/{'<auto>' if wanted is None else f'{wanted}%'}"
    if "averageValue" in target:
        average = "" if kind == "Pods" else " (avg)"
        return f"{current.get('averageValue', '<unknown>')}/{target['averageValue']}{average}"
    return f"{current.get('value', '<unknown>')}/{target.get('value', '0')}"


def _integers(*names: str) -> tuple[Column, ...]:
    return tuple(Column(name, "integer") for name in names)


_REPLICA_COLUMNS = (
    NAME,
    *_integers("Desired", "Current", "Ready"),
    AGE,
    *_TEMPLATE,
    _SELECTOR,
)

WORKLOAD_PRINTERS: dict[tuple[str, str], Printer] = {
    ("", "Pod"): POD,
    ("", "PodTemplate"): Printer(
        (NAME, Column("Containers"), Column("Images"), Column("Pod Labels")), _pod_template
    ),
    ("", "ReplicationController"): Printer(_REPLICA_COLUMNS, _replication_controller),
    ("apps", "ReplicaSet"): Printer(_REPLICA_COLUMNS, _replica_set),
    ("apps", "Deployment"): Printer(
        (
            NAME,
            Column("Ready"),
            Column("Up-to-date"),
            Column("Available"),
            AGE,
            *_TEMPLATE,
            _SELECTOR,
        ),
        _deployment,
    ),
    ("apps", "StatefulSet"): Printer((NAME, Column("Ready"), AGE, *_TEMPLATE), _stateful_set),
    ("apps", "DaemonSet"): Printer(
        (
            NAME,
            *_integers("Desired", "Current", "Ready", "Up-to-date", "Available"),
            Column("Node Selector"),
            AGE,
            *_TEMPLATE,
            _SELECTOR,
        ),
        _daemon_set,
    ),
    ("apps", "ControllerRevision"): Printer(
        (NAME, Column("Controller"), Column("Revision"), AGE), _controller_revision
    ),
    ("batch", "Job"): Printer(
        (
            NAME,
            Column("Status"),
            Column("Completions"),
            Column("Duration"),
            AGE,
            *_TEMPLATE,
            _SELECTOR,
        ),
        _job,
    ),
    ("batch", "CronJob"): Printer(
        (
            NAME,
            Column("Schedule"),
            Column("Timezone"),
            Column("Suspend", "boolean"),
            *_integers("Active"),
            Column("Last Schedule"),
            AGE,
            *_TEMPLATE,
            _SELECTOR,
        ),
        _cron_job,
    ),
    ("policy", "PodDisruptionBudget"): Printer(
        (
            NAME,
            Column("Min Available"),
            Column("Max Unavailable"),
            *_integers("Allowed Disruptions"),
            AGE,
        ),
        _disruption_budget,
    ),
    ("autoscaling", "HorizontalPodAutoscaler"): Printer(
        (
            NAME,
            Column("Reference"),
            Column("Targets"),
            Column("MinPods"),
            Column("MaxPods"),
            Column("Replicas"),
            AGE,
        ),
        _autoscaler,
    ),
}
