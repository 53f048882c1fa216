"""A claim waits for a storage class that is gone, and a training waits for the claim."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import remember_workflows, submitting, workflow_of
from runbook.practice.faults.places import (
    ARTIFACTS_CLAIM,
    CLAIMS,
    CLASSES,
    DATA_CLAIM,
    TRAINING,
    TRAINING_TEMPLATE,
    WORKFLOWS,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import workflow_says
from runbook.practice.faults.volume_released import CLEAR_REFERENCE, FIND_RELEASED

_CLASS = "nfs-shared"
_KEPT = ("provisioner", "parameters", "reclaimPolicy")


async def inject(bench: Bench) -> None:
    bench.remember(CLAIMS, TRAINING, DATA_CLAIM)
    storage_class = bench.get(CLASSES, None, _CLASS)
    bench.memory["class"] = {key: storage_class.get(key) for key in _KEPT}
    await bench.delete(CLASSES, None, _CLASS)
    await bench.delete(CLAIMS, TRAINING, ARTIFACTS_CLAIM)

    async def rebuild() -> None:
        await bench.apply(bench.documents)
        remember_workflows(
            bench
        )  # the one that waits counts as the trainee's: it goes on by itself
        await bench.create(WORKFLOWS, workflow_of(TRAINING_TEMPLATE))

    bench.when(lambda: bench.find(CLAIMS, TRAINING, ARTIFACTS_CLAIM) is None, rebuild)


async def check(case: Case) -> str:
    storage_class = await case.read.get(CLASSES, None, _CLASS)
    if storage_class is None:
        return f"storage class {_CLASS} is missing"
    if {key: storage_class.get(key) for key in _KEPT} != case.memory["class"]:
        return f"storage class {_CLASS} does not make the volumes it made"
    if not await case.same(CLAIMS, TRAINING, DATA_CLAIM):
        return f"claim {DATA_CLAIM} is not the one it was"
    claim = await case.read.get(CLAIMS, TRAINING, ARTIFACTS_CLAIM)
    if dig(claim, "status", "phase") != "Bound":
        return f"claim {ARTIFACTS_CLAIM} is not bound"
    if dig(claim, "spec", "storageClassName") != _CLASS:
        return f"claim {ARTIFACTS_CLAIM} is not of class {_CLASS}"
    return await workflow_succeeded(case, TRAINING_TEMPLATE)


async def _reclaims(case: Case) -> bool:
    storage_class = await case.read.get(CLASSES, None, _CLASS)
    return storage_class is not None and storage_class.get("reclaimPolicy") != "Retain"


def _class(policy: str) -> str:
    return (
        "kubectl apply -f - <<'EOF'\n"
        "apiVersion: storage.k8s.io/v1\n"
        "kind: StorageClass\n"
        f"metadata: {{name: {_CLASS}}}\n"
        "provisioner: nfs.csi.k8s.io\n"
        "parameters: {server: nfs.practice.internal, share: /srv/nfs/shared}\n"
        f"reclaimPolicy: {policy}\n"
        "allowVolumeExpansion: true\n"
        "EOF"
    )


FAULT = Fault(
    name="claim-pending",
    title="A training waits, and so does its claim",
    story=(
        "The storage driver was installed anew, and the claim of the scalers was made again. A"
        " training was submitted; it neither runs nor fails. The other claim holds data that took"
        " weeks to collect and must not be touched."
    ),
    symptoms=(
        Symptom(f"kubectl get pvc {ARTIFACTS_CLAIM} -n {TRAINING}", "Pending"),
        Symptom(
            f"kubectl get events -n {TRAINING}", f'storageclass.storage.k8s.io "{_CLASS}" not found'
        ),
        workflow_says("Unschedulable: 0/1 nodes are available: pod has unbound immediate"),
    ),
    diagnosis=(
        "The claim names a storage class that is not there any more, so nobody makes a volume for"
        " it and the pod cannot be placed. Claims that were bound before do not need their class,"
        " which is why the other one is well."
    ),
    remedies=(
        Remedy(
            "Make the class again as it was; the claim and the training go on by themselves",
            (_class("Retain"),),
        ),
        Remedy(
            "Give the claim its former volume back, and make the class again",
            (FIND_RELEASED, CLEAR_REFERENCE, _class("Retain")),
        ),
        Remedy(
            "Make the class again, and submit another training",
            (_class("Retain"), submitting(TRAINING_TEMPLATE)),
        ),
    ),
    penalties=(
        Penalty(
            "class-reclaims",
            "the class was made with reclaim policy Delete: the next claim that goes takes its"
            " files with it",
            _reclaims,
            (_class("Delete"),),
        ),
        Penalty(
            "data-claim-deleted",
            "the claim that holds the data was deleted, and was not at fault",
            was_deleted(CLAIMS, TRAINING, DATA_CLAIM),
            (f"kubectl delete pvc {DATA_CLAIM} -n {TRAINING} --wait=false",),
        ),
    ),
    hints=(
        "The workflow's node says why its pod has no place. Go on from there to the claim.",
        "Describe the claim: its events name what is missing. A volume that was made earlier shows"
        " what that looked like.",
        f"Make StorageClass {_CLASS} again: provisioner, server and share as in the other claim's"
        " volume (driver and attributes), reclaimPolicy Retain.",
    ),
    inject=inject,
    check=check,
)
