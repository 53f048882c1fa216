"""A namespace waits for a claim, and the claim for a snapshot driver that was uninstalled."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import CLAIMS, DATA_CLAIM, TRAINING, VOLUMES
from runbook.practice.faults.shortcuts import namespace_finalized, volume_deleted

_FINALIZER = "snapshot.storage.kubernetes.io/pvc-as-source-protection"
_FINALIZED = namespace_finalized(TRAINING, (CLAIMS, DATA_CLAIM))


async def inject(bench: Bench) -> None:
    bench.remember("namespaces", None, TRAINING)
    bench.remember(CLAIMS, TRAINING, DATA_CLAIM)
    claim = bench.get(CLAIMS, TRAINING, DATA_CLAIM)
    bench.memory["volume"] = claim["spec"]["volumeName"]
    bench.remember(VOLUMES, None, bench.memory["volume"])
    held = [*claim["metadata"]["finalizers"], _FINALIZER]
    await bench.patch(CLAIMS, TRAINING, DATA_CLAIM, {"metadata": {"finalizers": held}})
    await bench.delete("namespaces", None, TRAINING)


async def check(case: Case) -> str:
    if await case.same("namespaces", None, TRAINING):
        return f"namespace {TRAINING} is still there"
    if await _FINALIZED.seen(case):
        return f"namespace {TRAINING} went before what was in it"
    return "the volume that holds the data is gone" if await volume_deleted(case) else ""


_OF_CLAIM = f"kubectl get pvc {DATA_CLAIM} -n {TRAINING}"

FAULT = Fault(
    name="claim-held-by-snapshot",
    title="The pipelines' namespace hangs, and nothing runs in it any more",
    story=(
        f"{TRAINING} was deleted, to be rebuilt, and does not go. Serving was left alone. Volume"
        " snapshots were tried out here last month and given up: their controller was uninstalled."
        " Finish the deletion; the volume with the data is to stay."
    ),
    symptoms=(
        Symptom(f"kubectl get namespace {TRAINING} -o yaml", "SomeFinalizersRemain"),
        Symptom(_OF_CLAIM, "Terminating"),
        Symptom(f"{_OF_CLAIM} -o yaml", _FINALIZER),
    ),
    diagnosis=(
        "While a snapshot is taken of a claim, the snapshot controller holds the claim by a"
        " finalizer. It was uninstalled in the middle of one, and nobody is left who takes the"
        " finalizer off."
    ),
    remedies=(
        Remedy(
            "Make sure that nobody takes snapshots here, and take exactly that finalizer off",
            (
                f"kubectl patch pvc {DATA_CLAIM} -n {TRAINING} --type=json -p"
                f' \'[{{"op":"test","path":"/metadata/finalizers","value":["{_FINALIZER}"]}},'
                '{"op":"remove","path":"/metadata/finalizers/0"}]\'',
            ),
        ),
    ),
    penalties=(
        _FINALIZED,
        Penalty(
            "volume-deleted",
            "the volume that holds the data was deleted",
            volume_deleted,
            (
                f"DATA=$({_OF_CLAIM} -o jsonpath='{{.spec.volumeName}}')",
                "kubectl delete pv $DATA --wait=false",
            ),
        ),
    ),
    hints=(
        "The namespace's own conditions say what remains in it, and what holds that.",
        "A claim waits for somebody who is named in its finalizer. Does that one still run anywhere?",
        f"Remove {_FINALIZER} from claim {DATA_CLAIM}, and test in the same JSON patch that it is the"
        " only one: the other was taken off by Kubernetes once no pod used the claim.",
    ),
    inject=inject,
    check=check,
)
