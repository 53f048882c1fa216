"""Both candidates of the experiment serve the same files, and everything is green."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.model_sources import (
    NEWEST_MODELS,
    VARIANTS,
    pointing,
    points_at_newest,
    share_a_model,
)
from runbook.practice.faults.places import (
    BASELINE,
    ENHANCED,
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
)
from runbook.practice.faults.symptoms import EXPERIMENT_UP, MODELS_UP, model_says


async def inject(bench: Bench) -> None:
    bench.remember(EXPERIMENTS, INFERENCE, EXPERIMENT)
    uri = bench.get(MODELS, INFERENCE, BASELINE)["spec"]["storageUri"]
    await bench.patch(MODELS, INFERENCE, ENHANCED, {"spec": {"storageUri": uri}})


async def check(case: Case) -> str:
    if await share_a_model(case):
        return "the candidates still answer alike"
    for name in VARIANTS:
        if wrong := await points_at_newest(case, name):
            return wrong
    if await candidate_removed(case):
        return "the experiment does not compare both models any more"
    return await models_available(case) or await experiment_ready(case)


async def candidate_removed(case: Case) -> bool:
    """Whether the experiment is another one, or compares less than both models."""
    if not await case.same(EXPERIMENTS, INFERENCE, EXPERIMENT):
        return True
    experiment = await case.read.get(EXPERIMENTS, INFERENCE, EXPERIMENT)
    candidates = dig(experiment, "spec", "candidates", default=[])
    return {one["name"] for one in candidates} != set(VARIANTS)


CANDIDATE_REMOVED = Penalty(
    "candidate-removed",
    "a candidate was taken out of the experiment, so nothing is compared any more",
    candidate_removed,
    (
        f"kubectl patch experiment {EXPERIMENT} -n {INFERENCE} --type=merge"
        f' -p \'{{"spec":{{"candidates":[{{"name":"{BASELINE}","weight":100}}]}}}}\'',
    ),
)

FAULT = Fault(
    name="candidates-share-a-model",
    title="Everything is green, and the A/B test shows no difference",
    story=(
        "The two candidates of the experiment answer exactly alike, to the last digit, since"
        " somebody updated one of them. No condition is False."
    ),
    symptoms=(
        EXPERIMENT_UP,
        MODELS_UP,
        model_says(ENHANCED, NEWEST_MODELS[BASELINE]),
    ),
    diagnosis=(
        "Both Models have the same storageUri. Readiness says that a model was loaded, not that it"
        " is the right one; MLflow knows which run made which model."
    ),
    remedies=(
        Remedy("Give the candidate its own model", (pointing(ENHANCED, NEWEST_MODELS[ENHANCED]),)),
        Remedy("Apply the manifests, which have it right", ("kubectl apply -k k8s/base",)),
    ),
    penalties=(CANDIDATE_REMOVED,),
    hints=(
        "Conditions will not tell. Compare the two Models field by field.",
        "What stands in storageUri, and which training made that?",
        f"{ENHANCED} has {BASELINE}'s URI: ask MLflow for the enhanced variant's newest model.",
    ),
    inject=inject,
    check=check,
)
