"""An experiment is inactive because one of its models is not served."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.candidates_share_a_model import CANDIDATE_REMOVED, candidate_removed
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import ENHANCED, EXPERIMENT, EXPERIMENTS, INFERENCE, MODELS
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import EXPERIMENT_DOWN, model_down, no_server_fits


async def inject(bench: Bench) -> None:
    bench.remember(EXPERIMENTS, INFERENCE, EXPERIMENT)
    wanted = {"spec": {"requirements": ["mlflow", "torch", "numpy", "xgboost"]}}
    await bench.patch(MODELS, INFERENCE, ENHANCED, wanted)
    # A restart of the server takes the version away that was still being served.
    await bench.delete("pods", INFERENCE, "mlserver-0")


async def check(case: Case) -> str:
    if await candidate_removed(case):
        return "the experiment is not the one it was"
    return await models_available(case) or await experiment_ready(case)


FAULT = Fault(
    name="candidate-not-loaded",
    title="The experiment is inactive",
    story=(
        "The A/B test answers 404 under its own name since the model server's restart; the default"
        " model answers under its name. The experiment itself was not touched."
    ),
    symptoms=(
        EXPERIMENT_DOWN,
        model_down(ENHANCED),
        no_server_fits(ENHANCED),
    ),
    diagnosis=(
        "An experiment is active while all its candidates are available, and follows them by"
        f" itself. {ENHANCED} asks for xgboost, which the server does not offer."
    ),
    remedies=(
        Remedy(
            "Repair the model; the experiment follows",
            (
                f"kubectl patch model {ENHANCED} -n {INFERENCE} --type=merge"
                ' -p \'{"spec":{"requirements":["mlflow","torch","numpy"]}}\'',
            ),
        ),
    ),
    penalties=(
        CANDIDATE_REMOVED,
        Penalty(
            "experiment-deleted",
            "the experiment was deleted, and was not at fault",
            was_deleted(EXPERIMENTS, INFERENCE, EXPERIMENT),
            (f"kubectl delete experiment {EXPERIMENT} -n {INFERENCE}",),
        ),
    ),
    hints=(
        "An experiment is as ready as its candidates (-o wide shows more columns).",
        f"{ENHANCED} is not available; its condition says why.",
        "It asks for xgboost. Take that requirement out; leave the experiment alone.",
    ),
    inject=inject,
    check=check,
)
