"""A model's URI names a prefix under which nothing lies."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.model_sources import (
    pointing,
    points_at_newest,
    share_a_model,
    uri_of,
)
from runbook.practice.faults.places import ENHANCED, INFERENCE, MODELS
from runbook.practice.faults.shortcuts import was_deleted

_NOWHERE = "m-b83a6e92c01f4d6d9e57f24ac6180d3f"
_RIGHT = "m-b83a6e92c01f4d6d9e57f24ac6180d3b"
_BASELINES = "m-4f0c1d7be2a84c55a6d3908e71bb25f0"


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
        Symptom(f"kubectl get model {ENHANCED} -n {INFERENCE}", "False"),
        Symptom(f"kubectl get model {ENHANCED} -n {INFERENCE} -o yaml", "any files"),
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
        Penalty(
            "anothers-model",
            "the model was pointed at the other candidate's files: green, and the test means"
            " nothing",
            share_a_model,
            (pointing(ENHANCED, _BASELINES),),
        ),
        Penalty(
            "model-deleted",
            "the model was deleted and made again where one field was wrong",
            was_deleted(MODELS, INFERENCE, ENHANCED),
            (f"kubectl delete model {ENHANCED} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "The condition says that nothing was there to download, not that it was forbidden.",
        "List the store under that prefix, or ask MLflow for the logged models of the newest run.",
        f"The id is {_RIGHT}: compare it with the URI digit by digit.",
    ),
    inject=inject,
    check=check,
)
