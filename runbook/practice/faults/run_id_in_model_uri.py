"""A script built both URIs from run ids; a logged model has an id of its own."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.model_sources import (
    VARIANTS,
    pointing,
    points_at_newest,
    share_a_model,
    source_of,
    uri_of,
)
from runbook.practice.faults.places import BASELINE, ENHANCED, INFERENCE, MODELS

_RUNS = {
    BASELINE: "2c6d84f1a0b94e3389d51f7ec2a8b673",
    ENHANCED: "7f19e5b2d3c8460ea4467b90dd15c2f8",
}
_RIGHT = {
    BASELINE: "m-4f0c1d7be2a84c55a6d3908e71bb25f0",
    ENHANCED: "m-b83a6e92c01f4d6d9e57f24ac6180d3b",
}
_OLD = "m-0d52c7be91a34f6f8b7e60d1c93a45ee"


async def inject(bench: Bench) -> None:
    for name, run in _RUNS.items():
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
        Symptom(f"kubectl get models -n {INFERENCE}", "False"),
        Symptom(f"kubectl get model {BASELINE} -n {INFERENCE} -o yaml", f"m-{_RUNS[BASELINE]}"),
        Symptom(f"kubectl get model {ENHANCED} -n {INFERENCE} -o yaml", "any files"),
    ),
    diagnosis=(
        "The script wrote m- and the run's id. A logged model's id is drawn by MLflow and has"
        " nothing to do with the run's: take it from the run's outputs, or search the logged models"
        " by their source run."
    ),
    remedies=(
        Remedy(
            "Look the ids up in MLflow, and write those",
            tuple(pointing(name, model) for name, model in _RIGHT.items()),
        ),
    ),
    penalties=(
        Penalty(
            "older-model",
            "a model of an older training was put in service as if it were the newest",
            _yesterdays,
            (pointing(BASELINE, _OLD),),
        ),
        Penalty(
            "anothers-model",
            "both candidates were pointed at the same files: green, and the test means nothing",
            share_a_model,
            tuple(pointing(name, _RIGHT[BASELINE]) for name in VARIANTS),
        ),
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
