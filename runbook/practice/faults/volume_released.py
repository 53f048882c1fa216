"""A claim was made again and got a new, empty volume; the data lies on the old one."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import submit, submitting
from runbook.practice.faults.places import (
    CLAIMS,
    DATA_CLAIM,
    TRAINING,
    TRAINING_TEMPLATE,
    VOLUMES,
)
from runbook.practice.faults.shortcuts import volume_deleted
from runbook.practice.faults.symptoms import workflows


async def inject(bench: Bench) -> None:
    claim = bench.get(CLAIMS, TRAINING, DATA_CLAIM)
    volume = bench.get(VOLUMES, None, claim["spec"]["volumeName"])
    bench.remember(VOLUMES, None, volume["metadata"]["name"])
    bench.memory["volume"] = volume["metadata"]["name"]
    bench.memory["handle"] = dig(volume, "spec", "csi", "volumeHandle")
    await bench.delete(CLAIMS, TRAINING, DATA_CLAIM)

    async def apply() -> None:
        await bench.apply(bench.documents)
        bench.when(bound, train)

    def bound() -> bool:
        made = bench.find(CLAIMS, TRAINING, DATA_CLAIM)
        return bool(dig(made, "status", "phase") == "Bound")

    async def train() -> None:
        await submit(bench, TRAINING_TEMPLATE)

    bench.when(lambda: bench.find(CLAIMS, TRAINING, DATA_CLAIM) is None, apply)


async def check(case: Case) -> str:
    claim = await case.read.get(CLAIMS, TRAINING, DATA_CLAIM)
    if dig(claim, "status", "phase") != "Bound":
        return f"claim {DATA_CLAIM} is not bound"
    volume = await case.read.get(VOLUMES, None, dig(claim, "spec", "volumeName", default=""))
    if dig(volume, "spec", "csi", "volumeHandle") != case.memory["handle"]:
        return f"claim {DATA_CLAIM} is not bound to the volume that holds the data"
    return await workflow_succeeded(case, TRAINING_TEMPLATE)


FIND_RELEASED = (
    "OLD=$(kubectl get pv -o jsonpath='{.items[?(@.status.phase==\"Released\")].metadata.name}')"
)

CLEAR_REFERENCE = (
    'kubectl patch pv $OLD --type=json -p \'[{"op":"remove","path":"/spec/claimRef"}]\''
)

FAULT = Fault(
    name="volume-released",
    title="A training finds no data after the claims were made again",
    story=(
        "The pipelines' claims were deleted and applied again. The claim is bound, and the training"
        " says that its files are missing. The data took weeks to collect: bring it back, and get a"
        " training to succeed with it."
    ),
    symptoms=(
        Symptom("kubectl get pv", "Released"),
        Symptom(f"kubectl get pvc {DATA_CLAIM} -n {TRAINING}", "Bound"),
        workflows("Failed"),
    ),
    diagnosis=(
        "The class retains volumes: the old one is Released and keeps the uid of the claim it had."
        " A claim that comes back under the old name has another uid, so it gets a new, empty"
        " volume."
    ),
    remedies=(
        Remedy(
            "Clear the old volume's claimRef, make the claim again, train again",
            (
                FIND_RELEASED,
                f"kubectl delete pvc {DATA_CLAIM} -n {TRAINING}",
                CLEAR_REFERENCE,
                "kubectl apply -k k8s/base",
                submitting(TRAINING_TEMPLATE),
            ),
        ),
    ),
    penalties=(
        Penalty(
            "volume-deleted",
            "the volume that held the data was deleted",
            volume_deleted,
            (FIND_RELEASED, "kubectl delete pv $OLD --wait=false"),
        ),
    ),
    hints=(
        "Bound to what? Compare the claim's volume with the volumes there are.",
        "One volume is Released. Its claimRef holds the uid of a claim that is gone.",
        "Delete the new claim, remove spec.claimRef from the Released volume, and apply the claim"
        " again: it takes a volume that is available before a new one is made.",
    ),
    inject=inject,
    check=check,
)
