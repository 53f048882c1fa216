"""Trainings go through to their end, and their models are nowhere: nobody stores them."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import pod_ready, workflow_succeeded
from runbook.practice.faults.pipelines import submit_as, submitting
from runbook.practice.faults.places import (
    CLAIMS,
    MINIO,
    STATEFUL_SETS,
    TRAINING,
    TRAINING_TEMPLATE,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import workflows

_NIGHTLY = "nightly-training"
_POD, _CLAIM = f"{MINIO[1]}-0", f"export-{MINIO[1]}-0"


async def inject(bench: Bench) -> None:
    bench.remember(CLAIMS, MINIO[0], _CLAIM)
    await bench.patch(STATEFUL_SETS, *MINIO, {"spec": {"replicas": 0}})

    def stopped() -> bool:
        return not dig(bench.find("endpoints", *MINIO), "subsets", default=[])

    async def train() -> None:
        await submit_as(bench, TRAINING_TEMPLATE, _NIGHTLY)

    bench.when(stopped, train)


async def check(case: Case) -> str:
    return (
        await pod_ready(case, MINIO[0], _POD)
        or await workflow_succeeded(case, TRAINING_TEMPLATE)
        or ("the claim of the artifact store is not the one it was" if await _emptied(case) else "")
    )


_emptied = was_deleted(CLAIMS, MINIO[0], _CLAIM)

FAULT = Fault(
    name="artifact-store-at-zero",
    title="A training reaches its last epoch, and there is no model",
    story=(
        f"This night's training ({_NIGHTLY}) went through every epoch, and MLflow shows its run as FINISHED."
        " Nevertheless its workflow failed, and there is no model to serve. The store's disk was"
        " looked after yesterday. Get a training to succeed; every model is kept in that store."
    ),
    symptoms=(
        workflows("Failed"),
        Symptom(
            f"kubectl logs -l workflows.argoproj.io/workflow={_NIGHTLY} -n {TRAINING} -c main",
            "FINISHED",
        ),
        Symptom(f"kubectl get statefulset {MINIO[1]} -n {MINIO[0]}", "0/0"),
    ),
    diagnosis=(
        "The store had been scaled to 0 for the work on its disk, and nobody scaled it back. A"
        " training only warns when the upload fails, so its run is FINISHED with a model that was"
        " never stored; the next step finds nothing to deploy."
    ),
    remedies=(
        Remedy(
            "Bring the store back, and train again",
            (
                f"kubectl scale statefulset {MINIO[1]} -n {MINIO[0]} --replicas=1",
                submitting(TRAINING_TEMPLATE),
            ),
        ),
    ),
    penalties=(
        Penalty(
            "store-emptied",
            "the claim that holds every model was deleted: the store comes back empty",
            _emptied,
            (f"kubectl delete pvc {_CLAIM} -n {MINIO[0]} --wait=false",),
        ),
    ),
    hints=(
        "Which step failed? Not the training: what did that leave behind, and where should it lie?",
        "MLflow keeps runs, the artifact store keeps files. Does that one answer?",
        f"Scale StatefulSet {MINIO[1]} in {MINIO[0]} to 1, and submit a training: what was not stored"
        " cannot be had otherwise.",
    ),
    inject=inject,
    check=check,
)
