"""A new quota has less room than what runs already: nothing stops, and what is lost does not come back."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import available
from runbook.practice.faults.pipelines import QUOTAS
from runbook.practice.faults.places import INFERENCE
from runbook.practice.faults.shortcuts import was_deleted
from runbook.quantities import parse_quantity

_QUOTA = "namespace-budget"
_LOST = "seldon-modelgateway"
_GRANTED = 20


async def inject(bench: Bench) -> None:
    pods = bench.api.select("pods", INFERENCE)
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": _QUOTA, "namespace": INFERENCE},
        "spec": {"hard": {"pods": str(len(pods) - 1)}},
    }
    if bench.find(QUOTAS, INFERENCE, _QUOTA) is not None:
        await bench.delete(QUOTAS, INFERENCE, _QUOTA)
    await bench.create(QUOTAS, quota)
    bench.remember(QUOTAS, INFERENCE, _QUOTA)

    def counted() -> bool:
        found = bench.find(QUOTAS, INFERENCE, _QUOTA)
        return bool(dig(found, "status", "used", "pods"))

    async def drain() -> None:
        for pod in bench.api.select("pods", INFERENCE, {"app.kubernetes.io/name": _LOST}):
            await bench.delete("pods", INFERENCE, pod["metadata"]["name"])

    bench.when(counted, drain)


async def check(case: Case) -> str:
    if not await available(case, INFERENCE, _LOST):
        return f"{_LOST} does not run"
    if not await case.same(QUOTAS, INFERENCE, _QUOTA):
        return f"quota {_QUOTA} is not the one it was"
    return f"quota {_QUOTA} allows more than was granted" if await _exceeded(case) else ""


async def _exceeded(case: Case) -> bool:
    quota = await case.read.get(QUOTAS, INFERENCE, _QUOTA)
    pods = dig(quota, "spec", "hard", "pods")
    return quota is not None and (pods is None or parse_quantity(pods) > _GRANTED)


def _allow(pods: int) -> str:
    patch = f'{{"spec":{{"hard":{{"pods":"{pods}"}}}}}}'
    return f"kubectl patch quota {_QUOTA} -n {INFERENCE} --type=merge -p '{patch}'"


FAULT = Fault(
    name="namespace-budget-too-small",
    title="A pod was lost, and none takes its place",
    story=(
        f"Since yesterday the cluster's owners give each namespace a budget, {INFERENCE} too. Nothing"
        " stopped. This morning a node was drained, and one pod has not come back; a rebuild would"
        f" not come back at all. The owners grant {_GRANTED} pods, and want the budget to stay."
    ),
    symptoms=(
        Symptom(f"kubectl get deployment {_LOST} -n {INFERENCE}", "0/1"),
        Symptom(f"kubectl get events -n {INFERENCE}", f"exceeded quota: {_QUOTA}"),
        Symptom(f"kubectl get quota -n {INFERENCE}", _QUOTA),
    ),
    diagnosis=(
        "A quota is asked only when something is made. What ran before it was set or tightened goes"
        " on, and its successors are refused: the ReplicaSet says so, and no pod is there to say it."
    ),
    remedies=(
        Remedy("Raise the budget to what was granted", (_allow(_GRANTED),)),
        Remedy("Raise it to what runs here and a margin", (_allow(10),)),
    ),
    penalties=(
        Penalty(
            "budget-deleted",
            "the budget was deleted, which was not ours to take away",
            was_deleted(QUOTAS, INFERENCE, _QUOTA),
            (f"kubectl delete quota {_QUOTA} -n {INFERENCE}",),
        ),
        Penalty(
            "budget-exceeded",
            "the budget was raised beyond what was granted",
            _exceeded,
            (_allow(500),),
        ),
    ),
    hints=(
        "A Deployment wants a pod and has none. Who makes its pods, and what does that one say?",
        f"Compare used with hard: kubectl get quota -n {INFERENCE}.",
        f"Set pods of quota {_QUOTA} to no more than {_GRANTED}; the ReplicaSet tries again by itself.",
    ),
    inject=inject,
    check=check,
)
