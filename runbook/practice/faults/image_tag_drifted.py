"""The training's image is named by a tag that moves, and something newer lies under it now."""

from __future__ import annotations

import copy

from runbook.practice.cluster import JSON
from runbook.practice.controllers.images import APPLICATION, image_id, is_pinned
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import (
    adding,
    submit_as,
    submitting,
)
from runbook.practice.faults.places import TEMPLATES, TRAINING, TRAINING_TEMPLATE
from runbook.practice.faults.symptoms import workflow_says, workflows

_FLOATING, _KNOWN = f"{APPLICATION}:latest", f"{APPLICATION}:2.4.1"
_NIGHTLY = "nightly-training"
_SWITCH = "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD"
_CONTAINER = "/spec/templates/0/container"


async def inject(bench: Bench) -> None:
    found = bench.get(TEMPLATES, TRAINING, TRAINING_TEMPLATE)
    templates = copy.deepcopy(found["spec"]["templates"])
    for template in templates[:1]:  # the training itself
        template["container"]["image"] = _FLOATING
    await bench.patch(TEMPLATES, TRAINING, TRAINING_TEMPLATE, {"spec": {"templates": templates}})
    await submit_as(bench, TRAINING_TEMPLATE, _NIGHTLY)


async def _containers(case: Case) -> list[JSON]:
    found = await case.read.get(TEMPLATES, TRAINING, TRAINING_TEMPLATE)
    templates = dig(found, "spec", "templates", default=[])
    return [one["container"] for one in templates if "container" in one]


async def check(case: Case) -> str:
    for container in await _containers(case):
        if not is_pinned(container["image"]):
            return f"{container['image']} may be another image tomorrow"
    if await _switched_off(case):
        return "the training unpickles whatever it is given"
    return await workflow_succeeded(case, TRAINING_TEMPLATE)


async def _switched_off(case: Case) -> bool:
    return any(
        variable["name"] == _SWITCH
        for container in await _containers(case)
        for variable in container.get("env") or []
    )


def _name(image: str) -> str:
    patch = f'[{{"op":"replace","path":"{_CONTAINER}/image","value":"{image}"}}]'
    return (
        f"kubectl patch workflowtemplate {TRAINING_TEMPLATE} -n {TRAINING} --type=json -p '{patch}'"
    )


FAULT = Fault(
    name="image-tag-drifted",
    title="A training fails that nobody changed",
    story=(
        f"The nightly training ({_NIGHTLY}) failed in its first seconds. Its code and its data are"
        " those of last week. Get a training to succeed, and see to it that this night's luck does"
        " not decide about it again."
    ),
    symptoms=(
        workflows("Failed"),
        workflow_says("Error (exit code 1)"),
        Symptom(
            f"kubectl logs -l workflows.argoproj.io/workflow={_NIGHTLY} -n {TRAINING} -c main",
            "weights_only",
        ),
    ),
    diagnosis=(
        "The template names its image by :latest, and what was pushed there last holds a newer"
        " PyTorch, which does not unpickle the datasets. A version's tag or a digest leads to the"
        " same content tomorrow."
    ),
    remedies=(
        Remedy(
            "Name the version that is known to work, and submit again",
            (_name(_KNOWN), submitting(TRAINING_TEMPLATE)),
        ),
        Remedy(
            "Name its digest, and submit again",
            (_name(image_id(_KNOWN)), submitting(TRAINING_TEMPLATE)),
        ),
        Remedy(
            "Apply the manifests, which name the version, and submit again",
            ("kubectl apply -k k8s/base", submitting(TRAINING_TEMPLATE)),
        ),
    ),
    penalties=(
        Penalty(
            "unpickles-anything",
            "torch was told to unpickle whatever it is given: a data file may now run code",
            _switched_off,
            (
                adding(
                    "workflowtemplate",
                    TRAINING_TEMPLATE,
                    f"{_CONTAINER}/env/-",
                    f'{{"name":"{_SWITCH}","value":"1"}}',
                ),
                submitting(TRAINING_TEMPLATE),
            ),
        ),
    ),
    hints=(
        "The exit code says little. Read the last line that the training printed.",
        "A default of torch.load changed between two versions of PyTorch. Which one is in the image,"
        " and who decided that?",
        "The template names its image by :latest. Name 2.4.1 as k8s/base does (or a digest), and"
        " submit a training.",
    ),
    inject=inject,
    check=check,
)
