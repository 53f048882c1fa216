"""Finished workflows were kept until their count filled the quota."""

from __future__ import annotations

from runbook.practice.controllers.objects import being_deleted, dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import (
    QUOTA_DELETED,
    QUOTA_LOOSENED,
    quota_stands,
    remember_quota,
    remember_workflows,
    submitting,
    workflow_of,
)
from runbook.practice.faults.places import (
    DATA_TEMPLATE,
    TEMPLATES,
    TRAINING,
    TRAINING_TEMPLATE,
    WORKFLOWS,
)

_COUNT = "count/workflows.argoproj.io"
_RUNNING = "nightly-backfill"
_BOTH = (DATA_TEMPLATE, TRAINING_TEMPLATE)
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


async def inject(bench: Bench) -> None:
    remember_quota(bench)
    for name in _BOTH:
        await bench.patch(TEMPLATES, TRAINING, name, {"spec": {"ttlStrategy": None}})
    await bench.create(WORKFLOWS, _backfill(bench))
    bench.remember(WORKFLOWS, TRAINING, _RUNNING)
    limit = int(bench.memory["hard"][_COUNT])
    for number in range(limit - len(bench.api.select(WORKFLOWS, TRAINING))):
        await bench.create(WORKFLOWS, _finished(bench, number))
    remember_workflows(bench)


def _finished(bench: Bench, number: int) -> dict[str, object]:
    template = _BOTH[number % 2]
    stamp = bench.api.timeline.stamp()
    suffix = "".join(bench.chance.choice(_LETTERS) for _ in range(5))
    labels = {
        "workflows.argoproj.io/completed": "true",
        "workflows.argoproj.io/phase": "Succeeded",
        "workflows.argoproj.io/workflow-template": template,
    }
    metadata = {"name": f"{template}-{suffix}", "namespace": TRAINING, "labels": labels}
    status = {"phase": "Succeeded", "startedAt": stamp, "finishedAt": stamp, "progress": "1/1"}
    return {**workflow_of(template), "metadata": metadata, "status": status}


def _backfill(bench: Bench) -> dict[str, object]:
    resources = {
        "requests": {"cpu": "100m", "memory": "128Mi"},
        "limits": {"cpu": "500m", "memory": "512Mi"},
    }
    patch = bench.get(TEMPLATES, TRAINING, DATA_TEMPLATE)["spec"]["podSpecPatch"]
    container = {"image": "busybox:1.37", "command": ["sleep"], "args": ["86400"]}
    template = {"name": "backfill", "container": {**container, "resources": resources}}
    spec = {
        "entrypoint": "backfill",
        "serviceAccountName": "argo-workflow-sa",
        "podSpecPatch": patch,
        "templates": [template],
    }
    return {
        **workflow_of("backfill"),
        "metadata": {"name": _RUNNING, "namespace": TRAINING},
        "spec": spec,
    }


async def check(case: Case) -> str:
    if await _ended(case):
        return f"workflow {_RUNNING} was running and is gone"
    workflows = await case.read.list(WORKFLOWS, TRAINING)
    if len(workflows) >= int(case.memory["hard"][_COUNT]):
        return "there is no room for another workflow"
    for name in _BOTH:
        template = await case.read.get(TEMPLATES, TRAINING, name)
        if not dig(template, "spec", "ttlStrategy"):
            return f"template {name} keeps what has finished for ever"
    return await quota_stands(case) or await workflow_succeeded(case, DATA_TEMPLATE)


async def _ended(case: Case) -> bool:
    if not await case.same(WORKFLOWS, TRAINING, _RUNNING):
        return True
    found = await case.read.get(WORKFLOWS, TRAINING, _RUNNING)
    return found is None or being_deleted(found) or bool(dig(found, "spec", "shutdown"))


FAULT = Fault(
    name="workflow-quota-full",
    title="No workflow can be submitted any more",
    story=(
        "Submitting is refused since this morning. A backfill is running and must not be disturbed."
        " Make room, see to it that this does not come again, and get a data pipeline through."
    ),
    symptoms=(
        Symptom(f"kubectl get quota -n {TRAINING}", f"{_COUNT}: 50/50"),
        Symptom(submitting(DATA_TEMPLATE), "exceeded quota: training-quota"),
    ),
    diagnosis=(
        "The quota counts workflow objects, finished ones too. The templates lost their"
        " ttlStrategy, so nothing is ever cleared away."
    ),
    remedies=(
        Remedy(
            "Delete what has finished, bring ttlStrategy back, submit",
            (
                f"kubectl delete workflows -n {TRAINING} -l workflows.argoproj.io/completed=true",
                "kubectl apply -k k8s/base",
                submitting(DATA_TEMPLATE),
            ),
        ),
    ),
    penalties=(
        QUOTA_DELETED,
        QUOTA_LOOSENED,
        Penalty(
            "running-workflow-ended",
            "a workflow that was running was deleted or stopped",
            _ended,
            (f"kubectl delete workflow {_RUNNING} -n {TRAINING} --wait=false",),
        ),
    ),
    hints=(
        "The refusal names a quota and a count. How many of those do any work?",
        "Finished workflows have the label workflows.argoproj.io/completed=true. Why do they stay?",
        "Delete those with that label, give both templates a ttlStrategy again (k8s/base has it),"
        " and submit a data pipeline.",
    ),
    inject=inject,
    check=check,
)
