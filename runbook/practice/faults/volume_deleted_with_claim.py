"""The pipelines' volumes no longer outlive their claims, and a deletion is planned."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import (
    ARTIFACTS_CLAIM,
    CLAIMS,
    CLASSES,
    DATA_CLAIM,
    TRAINING,
    VOLUMES,
)
from runbook.practice.faults.shortcuts import was_deleted

_HELD = (DATA_CLAIM, ARTIFACTS_CLAIM)
_POLICY = "persistentVolumeReclaimPolicy"
_CLASS = "nfs-shared"


async def inject(bench: Bench) -> None:
    bench.remember(CLASSES, None, _CLASS)
    for name in _HELD:
        bench.remember(CLAIMS, TRAINING, name)
        volume = bench.get(CLAIMS, TRAINING, name)["spec"]["volumeName"]
        await bench.patch(VOLUMES, None, volume, {"spec": {_POLICY: "Delete"}})


async def check(case: Case) -> str:
    for name in _HELD:
        if not await case.same(CLAIMS, TRAINING, name):
            return f"claim {name} is not the one it was"
        claim = await case.read.get(CLAIMS, TRAINING, name)
        volume = await case.read.get(VOLUMES, None, dig(claim, "spec", "volumeName", default=""))
        if dig(volume, "spec", _POLICY) != "Retain":
            return f"the volume of claim {name} goes with its claim"
    return ""


def _retain(claim: str, variable: str) -> tuple[str, str]:
    path = "jsonpath='{.spec.volumeName}'"
    return (
        f"{variable}=$(kubectl get pvc {claim} -n {TRAINING} -o {path})",
        f'kubectl patch pv ${variable} --type=merge -p \'{{"spec":{{"{_POLICY}":"Retain"}}}}\'',
    )


FAULT = Fault(
    name="volume-deleted-with-claim",
    title="A deletion that was safe last month would take the data with it",
    story=(
        "The platform is to be deleted and rebuilt tonight, and since somebody went over the storage"
        f" yesterday its preflight refuses: data would be lost. What lies on the volumes of {TRAINING}"
        " took weeks to collect. Make the deletion safe; nothing is to be deleted yet."
    ),
    symptoms=(
        Symptom("kubectl get pv", "Delete"),
        Symptom(f"kubectl get pvc {DATA_CLAIM} -n {TRAINING}", "Bound"),
        Symptom(f"kubectl get storageclass {_CLASS}", "Retain"),
    ),
    diagnosis=(
        "What becomes of a volume when its claim goes is written on the volume. The class gives its"
        " policy only to volumes that are made from it later; on two that were there it was changed"
        " to Delete."
    ),
    remedies=(
        Remedy(
            "Have both volumes retained",
            (*_retain(DATA_CLAIM, "DATA"), *_retain(ARTIFACTS_CLAIM, "ARTIFACTS")),
        ),
    ),
    penalties=(
        Penalty(
            "claim-deleted",
            "a claim was deleted while its volume went with it: what lay there is gone",
            was_deleted(CLAIMS, TRAINING, *_HELD),
            (f"kubectl delete pvc {ARTIFACTS_CLAIM} -n {TRAINING} --wait=false",),
        ),
        Penalty(
            "class-deleted",
            "the storage class was deleted: it was not at fault, and says nothing of volumes that"
            " are there",
            was_deleted(CLASSES, None, _CLASS),
            (f"kubectl delete storageclass {_CLASS} --wait=false",),
        ),
    ),
    hints=(
        "A claim that is deleted lets its volume go. Where is it written what happens to that then?",
        "kubectl get pv shows a reclaim policy for each volume. Compare it with the class's.",
        "Patch spec.persistentVolumeReclaimPolicy of the two claims' volumes to Retain. It may be"
        " changed while they are bound.",
    ),
    inject=inject,
    check=check,
)
