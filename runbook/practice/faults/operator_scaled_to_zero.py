"""A model is deleted while nobody is there to take its finalizer off."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import is_loaded, operator_runs
from runbook.practice.faults.places import DEPLOYMENTS, ENHANCED, INFERENCE, MODELS, OPERATOR
from runbook.practice.faults.symptoms import model_says


async def inject(bench: Bench) -> None:
    bench.remember(MODELS, INFERENCE, ENHANCED)
    await bench.patch(DEPLOYMENTS, *OPERATOR, {"spec": {"replicas": 0}})

    async def delete() -> None:
        await bench.delete(MODELS, INFERENCE, ENHANCED)

    bench.when(lambda: not _available(bench), delete)


def _available(bench: Bench) -> int:
    deployment = bench.find(DEPLOYMENTS, *OPERATOR)
    return int(dig(deployment, "status", "availableReplicas", default=0))


async def _gone(case: Case) -> bool:
    uid = case.uid(MODELS, INFERENCE, ENHANCED)
    return case.deletions.of(MODELS, uid) is not None


async def check(case: Case) -> str:
    if not await _gone(case):
        return f"model {ENHANCED} is still there"
    if await is_loaded(case, ENHANCED):
        return f"the model server still holds {ENHANCED}"
    return await operator_runs(case)


async def _left_loaded(case: Case) -> bool:
    return await _gone(case) and await is_loaded(case, ENHANCED)


FAULT = Fault(
    name="operator-scaled-to-zero",
    title="A deleted model stays, and nobody works on it",
    story=(
        f"{ENHANCED} was deleted on purpose: it is to be unloaded and gone. It hangs, and the"
        " namespace was not deleted."
    ),
    symptoms=(
        model_says(ENHANCED, "deletionTimestamp"),
        Symptom(f"kubectl get deployment {OPERATOR[1]} -n {OPERATOR[0]}", "0/0"),
    ),
    diagnosis=(
        "The operator takes a Model's finalizer off once the scheduler has unloaded it. The"
        " operator was scaled to 0; scheduler and server are alive and still hold the model."
    ),
    remedies=(
        Remedy(
            "Bring the operator back and let it do its work",
            (f"kubectl scale deployment {OPERATOR[1]} -n {OPERATOR[0]} --replicas=1",),
        ),
    ),
    penalties=(
        Penalty(
            "finalizer-patched",
            "the finalizer was taken off by hand, so the model stayed in the server's memory",
            _left_loaded,
            (
                f"kubectl patch model {ENHANCED} -n {INFERENCE} --type=merge"
                ' -p \'{"metadata":{"finalizers":null}}\'',
            ),
        ),
    ),
    hints=(
        "The model has a finalizer. Whose is it, and does that one run?",
        "The scheduler answers; nobody asks it. Look at the deployments in seldon-system.",
        "Scale the operator to 1 and wait. Do not touch the finalizer: nobody would unload the"
        " model.",
    ),
    inject=inject,
    check=check,
)
