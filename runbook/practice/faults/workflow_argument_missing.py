"""A step reads an argument of the workflow that nobody declares and nobody gives."""

from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import submit, submitting
from runbook.practice.faults.places import TEMPLATES, TRAINING, TRAINING_TEMPLATE, WORKFLOWS
from runbook.practice.faults.symptoms import workflow_says, workflows

_TRAIN, _STEP = "train-model", "update-model-deployments"
_ARGUMENT = "model-variant"
_READ = f"{{{{workflow.parameters.{_ARGUMENT}}}}}"
_STEP_PATH = "/spec/templates/1/steps/1/0"


async def inject(bench: Bench) -> None:
    train, *others = bench.get(TEMPLATES, TRAINING, TRAINING_TEMPLATE)["spec"]["templates"]
    default = {"parameters": [{"name": _ARGUMENT, "default": "baseline"}]}
    less = {"arguments": None, "templates": [{**train, "inputs": default}, *others]}
    await bench.patch(TEMPLATES, TRAINING, TRAINING_TEMPLATE, {"spec": less})
    await submit(bench, TRAINING_TEMPLATE)


async def check(case: Case) -> str:
    if wrong := await workflow_succeeded(case, TRAINING_TEMPLATE):
        return wrong
    if await _step_removed(case) or not await _updated(case):
        return f"no training has come through {_STEP}"
    return "the variant is fixed in the template" if await _variant_fixed(case) else ""


async def _updated(case: Case) -> bool:
    """Whether the last step of a training since the fault has succeeded."""
    known = case.memory["workflows"]
    nodes: list[JSON] = [
        node
        for workflow in await case.read.list(WORKFLOWS, TRAINING)
        if workflow["metadata"]["uid"] not in known
        for node in dig(workflow, "status", "nodes", default={}).values()
    ]
    return any((one["displayName"], one["phase"]) == (_STEP, "Succeeded") for one in nodes)


async def _step(case: Case) -> JSON | None:
    """The step as the template has it now."""
    template = await case.read.get(TEMPLATES, TRAINING, TRAINING_TEMPLATE)
    entrypoint = dig(template, "spec", "entrypoint")
    for one in dig(template, "spec", "templates", default=[]):
        for group in one.get("steps") or [] if one["name"] == entrypoint else []:
            for step in group:
                if step["name"] == _STEP:
                    found: JSON = step
                    return found
    return None


async def _step_removed(case: Case) -> bool:
    return await _step(case) is None


async def _variant_fixed(case: Case) -> bool:
    """Whether the step is given a variant that does not come from the workflow."""
    given: list[Any] = dig(await _step(case), "arguments", "parameters", default=[])
    return any(one["name"] == _ARGUMENT and "{{" not in one.get("value", "") for one in given)


def _patch(operation: str, path: str, value: str) -> str:
    patch = f'[{{"op":"{operation}","path":"{path}","value":{value}}}]'
    return (
        f"kubectl patch workflowtemplate {TRAINING_TEMPLATE} -n {TRAINING} --type=json -p '{patch}'"
    )


FAULT = Fault(
    name="workflow-argument-missing",
    title="Every training fails at once, and nothing of it ever runs",
    story=(
        "The training template was tidied up yesterday. A submission is accepted and the workflow"
        f" fails in the same second. Get a training through all of its steps, {_STEP} included."
    ),
    symptoms=(
        workflows("Failed"),
        workflow_says("invalid spec"),
        workflow_says(f"failed to resolve {_READ}"),
    ),
    diagnosis=(
        "The steps read a parameter of the workflow. Whoever tidied up took away the template's"
        " declaration, and the submission gives none, so the controller finds the whole spec"
        " invalid before anything is run. The template itself was accepted: its schema does not"
        " look that far."
    ),
    remedies=(
        Remedy(
            "Declare the argument with a default, and submit again",
            (
                _patch(
                    "add",
                    "/spec/arguments",
                    f'{{"parameters":[{{"name":"{_ARGUMENT}","value":"baseline"}}]}}',
                ),
                submitting(TRAINING_TEMPLATE),
            ),
        ),
        Remedy(
            "Give the argument with the submission",
            (submitting(TRAINING_TEMPLATE, model_variant="enhanced"),),
        ),
    ),
    penalties=(
        Penalty(
            "step-removed",
            "the last step was taken out, where one declaration was missing",
            _step_removed,
            (_patch("replace", "/spec/entrypoint", f'"{_TRAIN}"'),),
        ),
        Penalty(
            "variant-fixed",
            "the step was given one variant for good: a training of the other updates the wrong"
            " model",
            _variant_fixed,
            (_patch("replace", f"{_STEP_PATH}/arguments/parameters/0/value", '"baseline"'),),
        ),
    ),
    hints=(
        "There is no pod and no log. The workflow's own message says what the controller did not"
        " like.",
        f"Who gives {_READ} a value? Look for arguments in the template, and in the submission.",
        f"Add spec.arguments with parameter {_ARGUMENT} and a default to {TRAINING_TEMPLATE} (or"
        " pass it with the submission), and submit again.",
    ),
    inject=inject,
    check=check,
)
