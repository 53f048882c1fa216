"""Which trained model a Model points at: the id in its storage URI, and whose it should be."""

from __future__ import annotations

import re

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Penalty
from runbook.practice.faults.places import BASELINE, ENHANCED, INFERENCE, MODELS
from runbook.practice.faults.shortcuts import was_deleted

VARIANTS = {BASELINE: "baseline", ENHANCED: "enhanced"}
NEWEST_RUNS = {
    BASELINE: "2c6d84f1a0b94e3389d51f7ec2a8b673",
    ENHANCED: "7f19e5b2d3c8460ea4467b90dd15c2f8",
}
NEWEST_MODELS = {
    BASELINE: "m-4f0c1d7be2a84c55a6d3908e71bb25f0",
    ENHANCED: "m-b83a6e92c01f4d6d9e57f24ac6180d3b",
}
"""Of the history that a practice cluster begins with; what a judge wants is asked of MLflow."""
_ID = re.compile(r"/models/(m-[0-9a-f]+)/")


def uri_of(model_id: str) -> str:
    return f"s3://mlflow-artifacts/1/models/{model_id}/artifacts/"


def run_uri_of(run_id: str) -> str:
    """The folder of the run itself."""
    return f"s3://mlflow-artifacts/1/{run_id}/artifacts/"


def pointing(name: str, model_id: str) -> str:
    """The command that points a Model at a trained model."""
    return (
        f"kubectl patch model {name} -n {INFERENCE} --type=merge"
        f' -p \'{{"spec":{{"storageUri":"{uri_of(model_id)}"}}}}\''
    )


async def source_of(case: Case, name: str) -> str:
    model = await case.read.get(MODELS, INFERENCE, name)
    found = _ID.search(dig(model, "spec", "storageUri", default=""))
    return found[1] if found is not None else ""


async def points_at_newest(case: Case, name: str) -> str:
    """The Model's URI holds the model that the newest finished training of its variant logged."""
    wanted = case.newest_model(VARIANTS[name])
    if await source_of(case, name) == wanted:
        return ""
    return f"{name} does not point at what the newest {VARIANTS[name]} training logged"


async def share_a_model(case: Case) -> bool:
    """Whether both candidates of the experiment are the same model."""
    sources = [await source_of(case, name) for name in VARIANTS]
    return bool(sources[0]) and sources[0] == sources[1]


ANOTHERS_MODEL = Penalty(
    "anothers-model",
    "both candidates were pointed at the same files: green, and the test means nothing",
    share_a_model,
    tuple(pointing(name, NEWEST_MODELS[BASELINE]) for name in VARIANTS),
)


def model_deleted(name: str) -> Penalty:
    """For one whose uid was remembered."""
    return Penalty(
        "model-deleted",
        "the model was deleted and made again where one field was wrong",
        was_deleted(MODELS, INFERENCE, name),
        (f"kubectl delete model {name} -n {INFERENCE} --wait=false",),
    )
