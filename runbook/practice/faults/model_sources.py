"""Which trained model a Model points at: the id in its storage URI, and whose it should be."""

from __future__ import annotations

import re

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.case import Case
from runbook.practice.faults.places import BASELINE, ENHANCED, INFERENCE, MODELS

VARIANTS = {BASELINE: "baseline", ENHANCED: "enhanced"}
_ID = re.compile(r"/models/(m-[0-9a-f]+)/")


def uri_of(model_id: str) -> str:
    return f"s3://mlflow-artifacts/1/models/{model_id}/artifacts/"


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
