"""The definition of Models was deleted before the Models, while their operator was away."""

from __future__ import annotations

from runbook.practice.controllers.objects import being_deleted, dig, has_condition
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import (
    CRDS,
    DEPLOYMENTS,
    INFERENCE,
    MODELS,
    OPERATOR,
    PREDICTORS,
)


async def inject(bench: Bench) -> None:
    bench.remember(CRDS, None, MODELS)
    for name in PREDICTORS:
        bench.remember(MODELS, INFERENCE, name)
    await bench.patch(DEPLOYMENTS, *OPERATOR, {"spec": {"replicas": 0}})

    def stopped() -> bool:
        deployment = bench.find(DEPLOYMENTS, *OPERATOR)
        return not dig(deployment, "status", "availableReplicas", default=0)

    async def delete() -> None:
        await bench.delete(CRDS, None, MODELS)

    bench.when(stopped, delete)


async def check(case: Case) -> str:
    crd = await case.read.get(CRDS, None, MODELS)
    if crd is None or being_deleted(crd) or not has_condition(crd, "Established"):
        return f"definition {MODELS} is not established"
    if crd["metadata"]["uid"] == case.uid(CRDS, None, MODELS):
        return f"definition {MODELS} is still the deleted one"
    for name in PREDICTORS:
        if case.deletions.of(MODELS, case.uid(MODELS, INFERENCE, name)) is None:
            return f"the old model {name} was never gone"
    return await models_available(case) or await experiment_ready(case)


async def _left_over(case: Case) -> bool:
    """Whether the definition went while one of its objects had not gone."""
    crd = case.deletions.of(CRDS, case.uid(CRDS, None, MODELS))
    if crd is None:
        return False
    for name in PREDICTORS:
        model = case.deletions.of(MODELS, case.uid(MODELS, INFERENCE, name))
        if model is None or model.order > crd.order:
            return True
    return False


_RELEASE = '--type=merge -p \'{"metadata":{"finalizers":null}}\''
_START = f"kubectl scale deployment {OPERATOR[1]} -n {OPERATOR[0]} --replicas=1"
_WAIT = f"kubectl wait --for=delete crd/{MODELS} --timeout=300s"
_INSTALL = "kubectl apply -f runbook/practice/seed/crds.yaml"
_APPLY = "kubectl apply -k k8s/base"

FAULT = Fault(
    name="crd-deleted-first",
    title="A definition hangs in Terminating, and its objects with it",
    story=(
        "An upgrade of Seldon went wrong: its operator was stopped and the definition of Models"
        " deleted. It does not go, so the new one cannot be installed. Get to a working definition"
        " and to both models being served again."
    ),
    symptoms=(
        Symptom(f"kubectl get crd {MODELS} -o yaml", "InstanceDeletionInProgress"),
        Symptom(f"kubectl get models -n {INFERENCE}", PREDICTORS[0]),
    ),
    diagnosis=(
        "A definition goes when the last of its objects is gone. The Models have a finalizer that"
        " only the operator takes off, and it was stopped first."
    ),
    remedies=(
        Remedy(
            "Bring the operator back; install the definition again when the old one is gone",
            (_START, _WAIT, _INSTALL, _APPLY),
        ),
        Remedy(
            "Release the Models by hand, install the definition, bring the operator back",
            (
                *(f"kubectl patch model {name} -n {INFERENCE} {_RELEASE}" for name in PREDICTORS),
                _WAIT,
                _INSTALL,
                _START,
                _APPLY,
            ),
        ),
    ),
    penalties=(
        Penalty(
            "definition-released",
            "the definition's own finalizer was taken off: its objects stay in the store, out of"
            " sight, and come back with the next definition",
            _left_over,
            (f"kubectl patch crd {MODELS} {_RELEASE}",),
        ),
    ),
    hints=(
        "The definition's conditions say what it waits for.",
        "Its objects have a finalizer of their own. Who takes that off, and does it run?",
        "Scale the operator to 1 and wait until the definition is gone; then apply"
        " runbook/practice/seed/crds.yaml and k8s/base. Leave the definition's finalizer alone.",
    ),
    inject=inject,
    check=check,
)
