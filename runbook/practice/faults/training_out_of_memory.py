"""A training is ended by the kernel: its limit is below what it needs."""

from __future__ import annotations

import copy

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import (
    QUOTA_DELETED,
    quota_stands,
    remember_quota,
    submit,
    submitting,
)
from runbook.practice.faults.places import TEMPLATES, TRAINING, TRAINING_TEMPLATE
from runbook.practice.faults.symptoms import workflow_says, workflows
from runbook.quantities import parse_quantity

_FAR_TOO_MUCH = 16 * 2**30


async def inject(bench: Bench) -> None:
    remember_quota(bench)
    found = bench.get(TEMPLATES, TRAINING, TRAINING_TEMPLATE)
    templates = copy.deepcopy(found["spec"]["templates"])
    resources = templates[0]["container"]["resources"]  # the training's own
    resources["limits"]["memory"] = "2Gi"
    resources["requests"]["memory"] = "1Gi"
    await bench.patch(TEMPLATES, TRAINING, TRAINING_TEMPLATE, {"spec": {"templates": templates}})
    await submit(bench, TRAINING_TEMPLATE)


async def _limits(case: Case) -> list[str | None]:
    found = await case.read.get(TEMPLATES, TRAINING, TRAINING_TEMPLATE)
    templates = dig(found, "spec", "templates", default=[])
    return [
        dig(one, "container", "resources", "limits", "memory")
        for one in templates
        if "container" in one
    ]


async def check(case: Case) -> str:
    if wrong := await workflow_succeeded(case, TRAINING_TEMPLATE):
        return wrong
    return await quota_stands(case) or ("the limit was lifted" if await _lifted(case) else "")


async def _lifted(case: Case) -> bool:
    return any(
        limit is None or parse_quantity(limit) > _FAR_TOO_MUCH for limit in await _limits(case)
    )


def _limit(memory: str) -> str:
    path = "/spec/templates/0/container/resources/limits/memory"
    return (
        f"kubectl patch workflowtemplate {TRAINING_TEMPLATE} -n {TRAINING} --type=json"
        f' -p \'[{{"op":"replace","path":"{path}","value":"{memory}"}}]\''
    )


FAULT = Fault(
    name="training-out-of-memory",
    title="Every training is killed after some seconds",
    story=(
        "The templates' resources were cut to save money. Trainings begin, and end within seconds"
        " without a word in their log. Give them what they need, and no more than is reasonable."
    ),
    symptoms=(
        workflows("Failed"),
        workflow_says("OOMKilled (exit code 137)"),
    ),
    diagnosis=(
        "Exit code 137 with OOMKilled: the kernel ended the container at its memory limit of 2Gi."
        " The training needs 3Gi; k8s/base gives it 8Gi."
    ),
    remedies=(
        Remedy(
            "Raise the limit in the template, and submit again",
            (_limit("8Gi"), submitting(TRAINING_TEMPLATE)),
        ),
        Remedy(
            "Apply the manifests, and submit again",
            ("kubectl apply -k k8s/base", submitting(TRAINING_TEMPLATE)),
        ),
    ),
    penalties=(
        QUOTA_DELETED,
        Penalty(
            "limit-lifted",
            "the limit was set far above the need: one training can crowd out everything else",
            _lifted,
            (_limit("100Gi"),),
        ),
    ),
    hints=(
        "The log is empty, the exit code is not: read the workflow's nodes.",
        "137 is 128 + 9. Who sends a KILL to a container, and what for?",
        "Raise the template's memory limit to 8Gi as in k8s/base, and submit a training.",
    ),
    inject=inject,
    check=check,
)
