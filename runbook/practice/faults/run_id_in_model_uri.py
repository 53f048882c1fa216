"""A script built both URIs from run ids; a logged model has an id of its own."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.model_sources import (
    ANOTHERS_MODEL,
    NEWEST_MODELS,
    NEWEST_RUNS,
    VARIANTS,
    pointing,
    points_at_newest,
    source_of,
    uri_of,
)
from runbook.practice.faults.places import BASELINE, ENHANCED, INFERENCE, MODELS
from runbook.practice.faults.symptoms import MODELS_DOWN, model_says, nothing_to_download

_OLD = "m-0d52c7be91a34f6f8b7e60d1c93a45ee"


async def inject(bench: Bench) -> None:
    for name, run in NEWEST_RUNS.items():
        bench.remember(MODELS, INFERENCE, name)
        await bench.patch(MODELS, INFERENCE, name, {"spec": {"storageUri": uri_of(f"m-{run}")}})


async def check(case: Case) -> str:
    if wrong := await models_available(case) or await experiment_ready(case):
        return wrong
    for name in VARIANTS:
        if wrong := await points_at_newest(case, name):
            return wrong
    return ""


async def _yesterdays(case: Case) -> bool:
    return _OLD in [await source_of(case, name) for name in VARIANTS]


FAULT = Fault(
    name="run-id-in-model-uri",
    title="Both models fail right after a successful update",
    story=(
        "After the newest training a script updated both models' URIs and reported success. Neither"
        " model can be downloaded. Each is to serve what its newest finished run logged."
    ),
    symptoms=(
        MODELS_DOWN,
        model_says(BASELINE, f"m-{NEWEST_RUNS[BASELINE]}"),
        nothing_to_download(ENHANCED),
    ),
    diagnosis=(
        "The script wrote m- and the run's id. A logged model's id is drawn by MLflow and has"
        " nothing to do with the run's: take it from the run's outputs, or search the logged models"
        " by their source run."
    ),
    remedies=(
        Remedy(
            "Look the ids up in MLflow, and write those",
            tuple(pointing(name, model) for name, model in NEWEST_MODELS.items()),
        ),
    ),
    penalties=(
        Penalty(
            "older-model",
            "a model of an older training was put in service as if it were the newest",
            _yesterdays,
            (pointing(BASELINE, _OLD),),
        ),
        ANOTHERS_MODEL,
    ),
    hints=(
        "The store is well. Compare what stands behind /models/ in the URIs with what MLflow"
        " knows.",
        "Those are run ids. A run's outputs name the model that it logged.",
        "Ask MLflow for the newest finished run of each variant and take its model's id; it begins"
        " with m- as well.",
    ),
    inject=inject,
    check=check,
)
