"""Rules of Deployments and their like, Jobs and CronJobs, in the words of the real server."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from zoneinfo import available_timezones

from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.kind_validation import claim_spec, more_than_all, share
from runbook.practice.apiserver.metadata import key_problems, label_causes, label_value_problem
from runbook.practice.apiserver.pod_validation import pod_spec

JSON = dict[str, Any]

_LABELS_SAY = "`selector` does not match template `labels`"
NOT_NEGATIVE = "must be greater than or equal to 0"


def shown(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def negative(spec: JSON, field: str, path: str = "spec") -> Iterator[Cause]:
    number = spec.get(field)
    if number is not None and number < 0:
        yield Cause.invalid(f"{path}.{field}", str(number), NOT_NEGATIVE)


def deployment(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    yield from negative(spec, "replicas")
    yield from _selector(spec, "deployment")
    yield from _template(spec)
    yield from _strategy(spec.get("strategy") or {})
    yield from negative(spec, "minReadySeconds")
    yield from negative(spec, "revisionHistoryLimit")
    yield from negative(spec, "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        why = "must be greater than minReadySeconds"
        yield Cause.invalid("spec.progressDeadlineSeconds", str(deadline), why)


def replica_set(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    yield from negative(spec, "replicas")
    yield from negative(spec, "minReadySeconds")
    yield from _selector(spec, "deployment")
    yield from _template(spec)


def replication_controller(obj: JSON) -> Iterator[Cause]:
    """Its selector is a plain map of labels, which without one are the template's."""
    spec = obj.get("spec") or {}
    selector = spec.get("selector")
    yield from negative(spec, "replicas")
    yield from negative(spec, "minReadySeconds")
    if not selector:
        yield Cause.required("spec.selector")
    else:
        yield from _template({**spec, "selector": {"matchLabels": selector}})


def stateful_set(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    policy = spec.get("podManagementPolicy")
    if policy not in {"OrderedReady", "Parallel"}:
        why = "must be 'OrderedReady' or 'Parallel'"
        yield Cause.invalid("spec.podManagementPolicy", shown(policy), why)
    update = spec.get("updateStrategy") or {}
    if update.get("type") not in {"RollingUpdate", "OnDelete"}:
        why = "must be 'RollingUpdate' or 'OnDelete'"
        yield Cause.invalid("spec.updateStrategy", _shown_strategy(update), why)
    elif update["type"] == "OnDelete" and update.get("rollingUpdate"):
        rolling = update["rollingUpdate"]
        value = {
            "Partition": rolling.get("partition"),
            "MaxUnavailable": rolling.get("maxUnavailable"),
        }
        why = "only allowed for updateStrategy 'RollingUpdate'"
        yield Cause.invalid("spec.updateStrategy.rollingUpdate", shown(value), why)
    yield from negative(spec, "replicas")
    yield from negative(spec, "minReadySeconds")
    yield from _selector(spec, "statefulset")
    yield from _template(spec)
    for index, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        yield from claim_spec(claim.get("spec") or {}, f"spec.volumeClaimTemplates[{index}].spec")


def daemon_set(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    if "selector" in spec:
        yield from _selector(spec, "daemonset")
    yield from _template(spec)
    update = spec.get("updateStrategy") or {}
    rolling = update.get("rollingUpdate") or {}
    path = "spec.updateStrategy"
    if update.get("type") not in {"RollingUpdate", "OnDelete"}:
        supported = ("RollingUpdate", "OnDelete")
        yield Cause.unsupported(path, _shown_strategy(update), supported)
    elif update["type"] == "RollingUpdate" and not any(
        rolling.get(field, 0) not in {0, "0%"} for field in ("maxUnavailable", "maxSurge")
    ):
        why = "cannot be 0 when maxSurge is 0"
        yield Cause.required(f"{path}.rollingUpdate.maxUnavailable", why)
    yield from negative(spec, "minReadySeconds")
    yield from negative(spec, "revisionHistoryLimit")


def _shown_strategy(strategy: JSON) -> str:
    rolling = strategy.get("rollingUpdate")
    return shown({"Type": strategy.get("type", ""), "RollingUpdate": rolling})


def _strategy(strategy: JSON) -> Iterator[Cause]:
    path, kind, rolling = "spec.strategy", strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        if rolling:
            why = "may not be specified when strategy `type` is 'Recreate'"
            yield Cause.forbidden(f"{path}.rollingUpdate", why)
    elif kind == "RollingUpdate":
        yield from _rolling(rolling or {}, f"{path}.rollingUpdate")
    else:
        yield Cause.unsupported(path, _shown_strategy(strategy), ("Recreate", "RollingUpdate"))


def _rolling(rolling: JSON, path: str) -> Iterator[Cause]:
    for field in ("maxUnavailable", "maxSurge"):
        yield from share(rolling.get(field, 0), f"{path}.{field}")
    if rolling.get("maxUnavailable") in {0, "0%"} and rolling.get("maxSurge") in {0, "0%"}:
        value = shown(rolling["maxUnavailable"])
        yield Cause.invalid(f"{path}.maxUnavailable", value, "may not be 0 when `maxSurge` is 0")
    yield from more_than_all(rolling.get("maxUnavailable"), f"{path}.maxUnavailable")


def selector_causes(selector: JSON, path: str) -> Iterator[Cause]:
    yield from label_causes(selector.get("matchLabels") or {}, f"{path}.matchLabels")
    for index, one in enumerate(selector.get("matchExpressions") or ()):
        place, operator = f"{path}.matchExpressions[{index}]", one.get("operator")
        if operator in {"In", "NotIn"}:
            if not one.get("values"):
                why = "must be specified when `operator` is 'In' or 'NotIn'"
                yield Cause.required(f"{place}.values", why)
        elif operator in {"Exists", "DoesNotExist"}:
            if one.get("values"):
                why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
                yield Cause.forbidden(f"{place}.values", why)
        else:
            why = "not a valid selector operator"
            yield Cause.invalid(f"{place}.operator", shown(operator), why)
        key = one.get("key") or ""
        for problem in key_problems(key):
            yield Cause.invalid(f"{place}.key", shown(key), problem)
        for number, value in enumerate(one.get("values") or ()):
            if problem := label_value_problem(value):
                yield Cause.invalid(f"{place}.values[{number}]", shown(value), problem)


def _selector(spec: JSON, kind: str) -> Iterator[Cause]:
    """The selector is there, can be read, and finds the pods of the template."""
    selector = spec.get("selector")
    if selector is None:
        yield Cause.required("spec.selector")
        return
    problems = list(selector_causes(selector, "spec.selector"))
    yield from problems
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        why = f"empty selector is invalid for {kind}"
        yield Cause.invalid("spec.selector", "{}", why)
    elif problems:
        yield Cause.invalid("spec.selector", shown(selector), "invalid label selector")


def _template(spec: JSON) -> Iterator[Cause]:
    selector, template = spec.get("selector"), spec.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    if not _selects(selector, labels or {}):
        yield Cause.invalid("spec.template.metadata.labels", shown(labels), _LABELS_SAY)
    claims = spec.get("volumeClaimTemplates") or ()
    pod = template.get("spec") or {}
    yield from pod_spec(pod, "spec.template.spec", claims)
    if pod.get("restartPolicy") != "Always":
        value = shown(pod.get("restartPolicy"))
        yield Cause.unsupported("spec.template.spec.restartPolicy", value, ["Always"])


def _selects(selector: JSON | None, labels: JSON) -> bool:
    if selector is None:
        return False
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        return True  # complained about already
    if any(selector_causes(selector, "")):
        return True
    wanted = selector.get("matchLabels") or {}
    return wanted.items() <= labels.items()


def job(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    for field in ("parallelism", "completions"):
        yield from negative(spec, field)
    for field in ("activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        yield from negative(spec, field)
    own = {"matchLabels": {"batch.kubernetes.io/controller-uid": obj["metadata"]["uid"]}}
    if not spec.get("manualSelector") and spec.get("selector") != own:
        value = shown(spec.get("selector"))
        yield Cause.invalid("spec.selector", value, "`selector` not auto-generated")
    mode = spec.get("completionMode")
    if mode not in {"NonIndexed", "Indexed"}:
        yield Cause.unsupported("spec.completionMode", shown(mode), ("NonIndexed", "Indexed"))
    elif mode == "Indexed" and spec.get("completions") is None:
        yield Cause.required("spec.completions", "when completion mode is Indexed")
    if len(obj["metadata"]["name"]) > 63 and not spec.get("manualSelector"):
        why = "must be no more than 63 bytes"
        yield Cause.invalid("spec.template.labels", shown(obj["metadata"]["name"]), why)
    yield from _job_template(spec.get("template") or {}, "spec.template.spec")


def cron_job(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    template = ((spec.get("jobTemplate") or {}).get("spec") or {}).get("template") or {}
    yield from _job_template(template, "spec.jobTemplate.spec.template.spec")
    schedule = spec.get("schedule", "")
    if not schedule:
        yield Cause.required("spec.schedule")
    elif problem := _schedule_problem(schedule):
        yield Cause.invalid("spec.schedule", shown(schedule), problem)
    zone = spec.get("timeZone")
    if zone is not None and zone not in available_timezones():
        yield Cause.invalid("spec.timeZone", shown(zone), f"unknown time zone {zone}")
    policy, policies = spec.get("concurrencyPolicy"), ("Allow", "Forbid", "Replace")
    if policy not in policies:
        yield Cause.unsupported("spec.concurrencyPolicy", shown(policy), policies)
    for field in ("startingDeadlineSeconds", "successfulJobsHistoryLimit"):
        yield from negative(spec, field)
    yield from negative(spec, "failedJobsHistoryLimit")
    if len(obj["metadata"]["name"]) > 52:
        why = "must be no more than 52 characters"
        yield Cause.invalid("metadata.name", shown(obj["metadata"]["name"]), why)


_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 6))


def _schedule_problem(schedule: str) -> str:
    if schedule.startswith("@"):
        return ""
    fields = schedule.split()
    if len(fields) != 5:
        listed = " ".join(fields)
        return f"expected exactly 5 fields, found {len(fields)}: [{listed}]"
    for field, (least, most) in zip(fields, _RANGES, strict=True):
        for part in field.split(","):
            for number in re.findall(r"[0-9]+", part.partition("/")[0]):
                if int(number) > most:
                    return f"end of range ({number}) above maximum ({most}): {part}"
                if int(number) < least:
                    return f"beginning of range ({number}) below minimum ({least}): {part}"
    return ""


def _job_template(template: JSON, path: str) -> Iterator[Cause]:
    pod = template.get("spec") or {}
    yield from pod_spec(pod, path)
    if pod.get("restartPolicy") not in {"OnFailure", "Never"}:
        yield Cause.required(f"{path}.restartPolicy", 'valid values: "OnFailure", "Never"')
