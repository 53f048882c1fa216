"""A model's URI is the folder of its run: there are files in it, and no model."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.model_sources import (
    ANOTHERS_MODEL,
    NEWEST_MODELS,
    NEWEST_RUNS,
    model_deleted,
    pointing,
    points_at_newest,
    run_uri_of,
)
from runbook.practice.faults.places import ENHANCED, INFERENCE, MODELS
from runbook.practice.faults.symptoms import log_of, model_down, model_says

_RUNTIME = "mlflow"


async def inject(bench: Bench) -> None:
    bench.remember(MODELS, INFERENCE, ENHANCED)
    folder = {"spec": {"storageUri": run_uri_of(NEWEST_RUNS[ENHANCED])}}
    await bench.patch(MODELS, INFERENCE, ENHANCED, folder)


async def check(case: Case) -> str:
    if wrong := await models_available(case) or await points_at_newest(case, ENHANCED):
        return wrong
    return "the model does not ask for its runtime any more" if await _other_runtime(case) else ""


async def _other_runtime(case: Case) -> bool:
    model = await case.read.get(MODELS, INFERENCE, ENHANCED)
    return model is not None and _RUNTIME not in dig(model, "spec", "requirements", default=[])


FAULT = Fault(
    name="run-folder-in-model-uri",
    title="One model is downloaded and cannot be loaded",
    story=(
        f"{ENHANCED} was pointed at its newest training, with a path put together as it was in the"
        " days of MLflow 2. Something is there, credentials and store are well, and the model does"
        " not come up."
    ),
    symptoms=(
        model_down(ENHANCED),
        model_says(ENHANCED, "MLmodel"),
        log_of("mlserver", "MLmodel"),
    ),
    diagnosis=(
        "The URI is the run's own folder. It holds the training's history and settings, so there is"
        " something to download, but no MLmodel. MLflow 3 keeps a logged model beside the runs, in"
        " models/<its id>/artifacts."
    ),
    remedies=(
        Remedy(
            "Point the model at what the run logged (ask MLflow for the run's outputs)",
            (pointing(ENHANCED, NEWEST_MODELS[ENHANCED]),),
        ),
        Remedy("Apply the manifests, which have it right", ("kubectl apply -k k8s/base",)),
    ),
    penalties=(
        ANOTHERS_MODEL,
        model_deleted(ENHANCED),
        Penalty(
            "runtime-dropped",
            "the model was made to ask for another runtime than the one that can read it",
            _other_runtime,
            (
                f"kubectl patch model {ENHANCED} -n {INFERENCE} --type=merge"
                ' -p \'{"spec":{"requirements":["scikit-learn"]}}\'',
            ),
        ),
    ),
    hints=(
        "The condition does not speak of a download that failed, but of a file that was missing.",
        "List the store under that URI. Where does MLflow say that the run's model lies?",
        f"Put models/{NEWEST_MODELS[ENHANCED]}/artifacts/ in the place of the run's folder.",
    ),
    inject=inject,
    check=check,
)
