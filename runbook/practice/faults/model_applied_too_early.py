"""A model is applied again while the scheduler is still unloading its predecessor."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import (
    ENHANCED,
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
    OPERATOR,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.shortcuts import SERVER_DELETED, was_deleted
from runbook.practice.faults.symptoms import EXPERIMENT_DOWN, model_down, model_says


async def inject(bench: Bench) -> None:
    bench.remember(EXPERIMENTS, INFERENCE, EXPERIMENT)
    bench.remember(SERVERS, INFERENCE, SERVER)
    bench.remember("pods", INFERENCE, SERVER_POD)
    bench.remember(MODELS, INFERENCE, ENHANCED)
    manifest = [
        one
        for one in bench.documents
        if (one["kind"], one["metadata"]["name"]) == ("Model", ENHANCED)
    ]
    await bench.delete(MODELS, INFERENCE, ENHANCED)

    async def force_and_apply() -> None:
        if bench.find(MODELS, INFERENCE, ENHANCED) is not None:
            await bench.patch(MODELS, INFERENCE, ENHANCED, {"metadata": {"finalizers": None}})
        await bench.apply(manifest)

    bench.when(lambda: _unloading(bench), force_and_apply)


def _unloading(bench: Bench) -> bool:
    model = bench.find(MODELS, INFERENCE, ENHANCED)
    conditions = dig(model, "status", "conditions", default=[])
    return any(one.get("message") == "ModelTerminating" for one in conditions)


async def check(case: Case) -> str:
    if await case.same(MODELS, INFERENCE, ENHANCED):
        return f"model {ENHANCED} is still the old one"
    return await models_available(case) or await experiment_ready(case)


FAULT = Fault(
    name="model-applied-too-early",
    title="A model that was deleted and applied again is refused",
    story=(
        f"{ENHANCED} was to be loaded afresh: somebody deleted it, lost patience, took its"
        " finalizer off, and applied it again at once. Since then it is not served, and the"
        " experiment is inactive. Have it served."
    ),
    symptoms=(
        model_down(ENHANCED),
        model_says(ENHANCED, "is in process of deletion - new model can not be created"),
        EXPERIMENT_DOWN,
    ),
    diagnosis=(
        "The scheduler knows models by name. It was still unloading the old one when the new one"
        " was announced, refused it, and the operator does not repeat what was refused for good."
    ),
    remedies=(
        Remedy(
            "Delete it, wait until it is gone, and apply it again",
            (
                f"kubectl delete model {ENHANCED} -n {INFERENCE}",
                "kubectl apply -k k8s/base",
            ),
        ),
        Remedy(
            "Have the operator announce everything again, now that the old one is unloaded",
            (f"kubectl rollout restart deployment/{OPERATOR[1]} -n {OPERATOR[0]}",),
        ),
    ),
    penalties=(
        Penalty(
            "server-restarted",
            "the model server was restarted: every model was out of service, and this one is"
            " refused as before",
            was_deleted("pods", INFERENCE, SERVER_POD),
            (f"kubectl delete pod {SERVER_POD} -n {INFERENCE}",),
        ),
        Penalty(
            "experiment-deleted",
            "the experiment was deleted, and was not at fault",
            was_deleted(EXPERIMENTS, INFERENCE, EXPERIMENT),
            (f"kubectl delete experiment {EXPERIMENT} -n {INFERENCE}",),
        ),
        SERVER_DELETED,
    ),
    hints=(
        "The model's own condition says who refused it, and why.",
        "What is in process of deletion was the predecessor, and that is over by now. Who has to"
        " ask again?",
        "Delete the model, wait until it is gone without touching the finalizer, then apply it.",
    ),
    inject=inject,
    check=check,
)
