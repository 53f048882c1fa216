"""The experiment's default is none of its candidates."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.candidates_share_a_model import CANDIDATE_REMOVED, candidate_removed
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import BASELINE, EXPERIMENT, EXPERIMENTS, INFERENCE
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import EXPERIMENT_DOWN

_UNKNOWN = "baseline-model"


async def inject(bench: Bench) -> None:
    bench.remember(EXPERIMENTS, INFERENCE, EXPERIMENT)
    experiment = bench.get(EXPERIMENTS, INFERENCE, EXPERIMENT)
    bench.memory["candidates"] = experiment["spec"]["candidates"]
    await bench.patch(EXPERIMENTS, INFERENCE, EXPERIMENT, {"spec": {"default": _UNKNOWN}})


async def check(case: Case) -> str:
    if wrong := await experiment_ready(case) or await models_available(case):
        return wrong
    experiment = await case.read.get(EXPERIMENTS, INFERENCE, EXPERIMENT)
    if dig(experiment, "spec", "default") != BASELINE:
        return f"the experiment's default is not {BASELINE}"
    if dig(experiment, "spec", "candidates") != case.memory["candidates"]:
        return "the experiment shares out differently than before"
    return "the experiment is not the one it was" if await candidate_removed(case) else ""


FAULT = Fault(
    name="experiment-default-unknown",
    title="The experiment is refused, and both models are well",
    story=(
        "The A/B test was edited and is not ready any more. Both of its models are. Its weights, 70"
        " to 30, and its default are to be as they were."
    ),
    symptoms=(
        EXPERIMENT_DOWN,
        Symptom(
            f"kubectl get experiment {EXPERIMENT} -n {INFERENCE} -o yaml",
            f"default model/pipeline {_UNKNOWN} not found",
        ),
    ),
    diagnosis=(
        "The default of an experiment must be one of its candidates. The stray ModelReady condition"
        " beside it is the operator's own mistake and means nothing."
    ),
    remedies=(
        Remedy(
            "Name a candidate as the default",
            (
                f"kubectl patch experiment {EXPERIMENT} -n {INFERENCE} --type=merge"
                f' -p \'{{"spec":{{"default":"{BASELINE}"}}}}\'',
            ),
        ),
        Remedy("Apply the manifests", ("kubectl apply -k k8s/base",)),
    ),
    penalties=(
        CANDIDATE_REMOVED,
        Penalty(
            "experiment-deleted",
            "the experiment was deleted and made again where one field was wrong",
            was_deleted(EXPERIMENTS, INFERENCE, EXPERIMENT),
            (f"kubectl delete experiment {EXPERIMENT} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "The experiment's conditions hold the scheduler's own words.",
        "It looks for its default among its candidates.",
        f"spec.default must be {BASELINE}.",
    ),
    inject=inject,
    check=check,
)
