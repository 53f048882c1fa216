"""A whole-platform delete hangs: the scheduler went with the models that wait for its answer."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import replaced
from runbook.practice.faults.places import (
    CRDS,
    DEPLOYMENTS,
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
    OPERATOR,
    PREDICTORS,
    TRAINING,
)
from runbook.practice.faults.shortcuts import namespace_finalized
from runbook.practice.faults.symptoms import operator_log

_HELD = (*((MODELS, name) for name in PREDICTORS), (EXPERIMENTS, EXPERIMENT))
_OTHERS = (
    (CRDS, None, MODELS),
    (CRDS, None, EXPERIMENTS),
    ("namespaces", None, OPERATOR[0]),
    (DEPLOYMENTS, *OPERATOR),
    ("namespaces", None, "mlflow"),
    ("namespaces", None, "minio"),
)
_FINALIZED = namespace_finalized(INFERENCE, *_HELD)


async def inject(bench: Bench) -> None:
    for resource, name in _HELD:
        bench.remember(resource, INFERENCE, name)
    for place in (("namespaces", None, INFERENCE), *_OTHERS):
        bench.remember(*place)
    for namespace in (INFERENCE, TRAINING):
        await bench.delete("namespaces", None, namespace)


async def check(case: Case) -> str:
    for namespace in (INFERENCE, TRAINING):
        if await case.read.get("namespaces", None, namespace) is not None:
            return f"namespace {namespace} is still there"
    if await _FINALIZED.seen(case):
        return f"namespace {INFERENCE} went before what was in it"
    return "something outside the application was deleted" if await _others(case) else ""


async def _others(case: Case) -> bool:
    return any([await replaced(case, *place) for place in _OTHERS])


_DECIDE = f'runbook release-finalizers -n {INFERENCE} --context "$(kubectl config current-context)"'


def _release(kind: str, name: str) -> str:
    """The patch that takes off this one finalizer, if it is the only one."""
    held = f'{{"op":"test","path":"/metadata/finalizers","value":["seldon.{kind}.finalizer"]}}'
    patch = f'[{held},{{"op":"remove","path":"/metadata/finalizers"}}]'
    return f"kubectl patch {kind} {name} -n {INFERENCE} --type=json -p '{patch}'"


FAULT = Fault(
    name="finalizers-stuck",
    title="A deleted platform hangs in Terminating",
    story=(
        "The application was deleted with both its namespaces, to be rebuilt. One of them does not"
        " go. Finish the deletion; the rebuild is somebody else's."
    ),
    symptoms=(
        Symptom(f"kubectl get namespace {INFERENCE} -o yaml", "SomeFinalizersRemain"),
        Symptom(f"kubectl get models -n {INFERENCE}", PREDICTORS[0]),
        operator_log("Scheduler not ready"),
    ),
    diagnosis=(
        "The finalizer of a Model or an Experiment goes when the scheduler says that it is"
        " unloaded. The scheduler was in the same namespace and went first, so nobody will ever say"
        " so."
    ),
    remedies=(
        Remedy(
            "Have it decided for each object whether it may be released, and release what may",
            (f"{_DECIDE} --wait 3m",),
        ),
        Remedy(
            "Make sure that the scheduler, its volume and the servers are gone too, and take the"
            " operator's finalizer off exactly these objects",
            (*(_release("model", name) for name in PREDICTORS), _release("experiment", EXPERIMENT)),
        ),
    ),
    penalties=(
        _FINALIZED,
        Penalty(
            "platform-deleted",
            "something that others stand on was deleted: a definition, an operator, a store",
            _others,
            (f"kubectl delete crd {MODELS} --wait=false",),
        ),
    ),
    hints=(
        "The namespace's own conditions say what remains in it, and what holds that.",
        "Ask who takes those finalizers off, and whether it can still be asked: look for the"
        " scheduler's pod and read the operator's log.",
        "Once scheduler, its volume and all servers have gone, nothing stays loaded. This decides for"
        f" each object, says why, and releases what may be released: {_DECIDE}",
    ),
    inject=inject,
    check=check,
)
