"""A model's URI names a prefix under which nothing lies."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.model_sources import (
    ANOTHERS_MODEL,
    NEWEST_MODELS,
    model_deleted,
    pointing,
    points_at_newest,
    uri_of,
)
from runbook.practice.faults.places import ENHANCED, INFERENCE, MODELS
from runbook.practice.faults.symptoms import model_down, nothing_to_download

_NOWHERE = "m-b83a6e92c01f4d6d9e57f24ac6180d3f"
_RIGHT = NEWEST_MODELS[ENHANCED]


async def inject(bench: Bench) -> None:
    bench.remember(MODELS, INFERENCE, ENHANCED)
    await bench.patch(MODELS, INFERENCE, ENHANCED, {"spec": {"storageUri": uri_of(_NOWHERE)}})


async def check(case: Case) -> str:
    return await models_available(case) or await points_at_newest(case, ENHANCED)


FAULT = Fault(
    name="model-prefix-missing",
    title="One model cannot be downloaded",
    story=(
        f"{ENHANCED} was pointed at a newly trained model by hand. It fails; the credentials and"
        " the store are well, as the other model shows."
    ),
    symptoms=(
        model_down(ENHANCED),
        nothing_to_download(ENHANCED),
    ),
    diagnosis=(
        "An S3 prefix that does not exist is no error: it lists nothing. The last digit of the"
        " model id in storageUri is wrong."
    ),
    remedies=(
        Remedy(
            "Point the model at what its newest training logged (ask MLflow for the id)",
            (pointing(ENHANCED, _RIGHT),),
        ),
        Remedy("Apply the manifests, which have it right", ("kubectl apply -k k8s/base",)),
    ),
    penalties=(
        ANOTHERS_MODEL,
        model_deleted(ENHANCED),
    ),
    hints=(
        "The condition says that nothing was there to download, not that it was forbidden.",
        "List the store under that prefix, or ask MLflow for the logged models of the newest run.",
        f"The id is {_RIGHT}: compare it with the URI digit by digit.",
    ),
    inject=inject,
    check=check,
)
