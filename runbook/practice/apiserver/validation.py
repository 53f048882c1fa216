"""Rules of built-in kinds that no schema states: what must be there together, what must match what.

Only the rules that people run into; each in the words of the real server. Objects are complete: their
types were checked and their defaults are filled in.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from runbook.practice.apiserver.errors import Cause, compact
from runbook.practice.apiserver.metadata import label_name_problem
from runbook.practice.quantities import parse_quantity

JSON = dict[str, Any]
Check = Callable[[JSON], Iterable[Cause]]

_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_LABELS_SAY = "`selector` does not match template `labels`"
_PORT_SAYS = "must be between 1 and 65535, inclusive"
_NOT_NEGATIVE = "must be greater than or equal to 0"


def causes(resource: str, obj: JSON) -> list[Cause]:
    check = _CHECKS.get(resource)
    return list(check(obj)) if check is not None else []


def _pod(obj: JSON) -> Iterator[Cause]:
    yield from _pod_spec(obj["spec"], "spec")


def _pod_spec(spec: JSON, path: str, claims: Iterable[JSON] = ()) -> Iterator[Cause]:
    """`claims` are the claim templates of a StatefulSet: each is a volume of its pods."""
    containers = spec.get("containers") or []
    if not containers:
        yield Cause.required(f"{path}.containers")
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    volumes |= {(claim.get("metadata") or {}).get("name") for claim in claims}
    for index, volume in enumerate(spec.get("volumes") or ()):
        problem = label_name_problem(volume.get("name") or "")
        if problem:
            value = json.dumps(volume.get("name") or "")
            yield Cause.invalid(f"{path}.volumes[{index}].name", value, problem)
    names: set[str] = set()
    for field in ("initContainers", "containers"):
        for index, container in enumerate(spec.get(field) or ()):
            place = f"{path}.{field}[{index}]"
            yield from _container(container, place, names, volumes)


def _container(
    container: JSON, path: str, names: set[str], volumes: set[str | None]
) -> Iterator[Cause]:
    name = container.get("name") or ""
    problem = label_name_problem(name)
    if not name:
        yield Cause.required(f"{path}.name")
    elif problem:
        yield Cause.invalid(f"{path}.name", json.dumps(name), problem)
    elif name in names:
        yield Cause(f"{path}.name", "FieldValueDuplicate", f"Duplicate value: {json.dumps(name)}")
    names.add(name)
    if not container.get("image"):
        yield Cause.required(f"{path}.image")
    for index, port in enumerate(container.get("ports") or ()):
        if not 1 <= port.get("containerPort", 0) <= 65535:
            value = str(port.get("containerPort", 0))
            yield Cause.invalid(f"{path}.ports[{index}].containerPort", value, _PORT_SAYS)
    yield from _resources(container.get("resources") or {}, f"{path}.resources")
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        if mount.get("name") not in volumes:
            field = f"{path}.volumeMounts[{index}].name"
            yield Cause(field, "FieldValueNotFound", f"Not found: {json.dumps(mount.get('name'))}")


def _resources(resources: JSON, path: str) -> Iterator[Cause]:
    limits = resources.get("limits") or {}
    for name, value in (resources.get("requests") or {}).items():
        if name in limits and parse_quantity(value) > parse_quantity(limits[name]):
            why = f"must be less than or equal to {name} limit of {limits[name]}"
            yield Cause.invalid(f"{path}.requests", json.dumps(str(value)), why)


def _workload(obj: JSON) -> Iterator[Cause]:
    """Deployments and their like: replicas, and a selector that finds the template's pods."""
    spec = obj["spec"]
    yield from _replicas(spec)
    selector, template = spec.get("selector"), spec["template"]
    labels = (template.get("metadata") or {}).get("labels") or {}
    wanted = (selector or {}).get("matchLabels") or {}
    if selector is None:  # that it is missing is said elsewhere
        yield Cause.invalid("spec.template.metadata.labels", compact(labels), _LABELS_SAY)
    elif not wanted and not selector.get("matchExpressions"):
        why = "empty selector is invalid for deployment"
        if obj["kind"] != "Deployment":
            why = f"empty selector is invalid for {obj['kind'].lower()}"
        yield Cause.invalid("spec.selector", "{}", why)
    elif not wanted.items() <= labels.items():
        yield Cause.invalid("spec.template.metadata.labels", compact(labels), _LABELS_SAY)
    claims = spec.get("volumeClaimTemplates") or ()
    yield from _pod_spec(template["spec"], "spec.template.spec", claims)
    if template["spec"].get("restartPolicy") != "Always":
        value = json.dumps(template["spec"].get("restartPolicy"))
        yield Cause.unsupported("spec.template.spec.restartPolicy", value, ["Always"])


def _deployment(obj: JSON) -> Iterator[Cause]:
    yield from _workload(obj)
    spec = obj["spec"]
    strategy = spec.get("strategy") or {}
    if strategy.get("type") == "Recreate" and "rollingUpdate" in strategy:
        why = "may not be specified when strategy `type` is 'Recreate'"
        yield Cause.forbidden("spec.strategy.rollingUpdate", why)
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        why = "must be greater than minReadySeconds"
        yield Cause.invalid("spec.progressDeadlineSeconds", str(deadline), why)


def _replicas(spec: JSON) -> Iterator[Cause]:
    if spec.get("replicas", 0) < 0:
        yield Cause.invalid("spec.replicas", str(spec["replicas"]), _NOT_NEGATIVE)


def _job(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    for field in ("parallelism", "completions", "backoffLimit"):
        if spec.get(field, 0) < 0:
            yield Cause.invalid(f"spec.{field}", str(spec[field]), _NOT_NEGATIVE)
    yield from _job_template(spec["template"], "spec.template.spec")


def _cron_job(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    if len(spec.get("schedule", "").split()) != 5 and not spec.get("schedule", "").startswith("@"):
        fields = spec.get("schedule", "").split()
        why = f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
        yield Cause.invalid("spec.schedule", json.dumps(spec.get("schedule", "")), why)
    template = spec["jobTemplate"]["spec"]["template"]
    yield from _job_template(template, "spec.jobTemplate.spec.template.spec")


def _job_template(template: JSON, path: str) -> Iterator[Cause]:
    yield from _pod_spec(template["spec"], path)
    if template["spec"].get("restartPolicy") not in {"OnFailure", "Never"}:
        why = 'valid values: "OnFailure", "Never"'
        yield Cause.required(f"{path}.restartPolicy", why)


def _service(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    ports = spec.get("ports") or []
    if spec["type"] == "ExternalName":
        if not spec.get("externalName"):
            yield Cause.required("spec.externalName")
    elif not ports and spec.get("clusterIP") != "None":
        yield Cause.required("spec.ports")
    for index, port in enumerate(ports):
        field = f"spec.ports[{index}]"
        if not 1 <= port.get("port", 0) <= 65535:
            yield Cause.invalid(f"{field}.port", str(port.get("port", 0)), _PORT_SAYS)
        target = port.get("targetPort", 1)
        if isinstance(target, int) and not 1 <= target <= 65535:
            yield Cause.invalid(f"{field}.targetPort", str(target), _PORT_SAYS)
        if len(ports) > 1 and not port.get("name"):
            yield Cause.required(f"{field}.name")


def _claim(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    if not spec.get("accessModes"):
        yield Cause.required("spec.accessModes", "at least 1 access mode is required")
    if "storage" not in ((spec.get("resources") or {}).get("requests") or {}):
        yield Cause.required("spec.resources[storage]")


def _data_keys(obj: JSON) -> Iterator[Cause]:
    for field in ("data", "binaryData"):
        for key in obj.get(field) or ():
            if _DATA_KEY.fullmatch(key) is None or len(key) > 253:
                why = (
                    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' "
                    "(e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation "
                    "is '[-._a-zA-Z0-9]+')"
                )
                yield Cause.invalid(f"{field}[{key}]", json.dumps(key), why)


_CHECKS: Mapping[str, Check] = {
    "pods": _pod,
    "services": _service,
    "configmaps": _data_keys,
    "secrets": _data_keys,
    "persistentvolumeclaims": _claim,
    "deployments.apps": _deployment,
    "replicasets.apps": _workload,
    "statefulsets.apps": _workload,
    "daemonsets.apps": _workload,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
}
