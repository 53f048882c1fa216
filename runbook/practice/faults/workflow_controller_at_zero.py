"""Nobody works on workflows: Argo's controller was scaled to 0, and its condition is still True."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import available, replaced
from runbook.practice.faults.pipelines import submit_as
from runbook.practice.faults.places import ARGO, DATA_TEMPLATE, DEPLOYMENTS, TRAINING, WORKFLOWS

_WAITS = "nightly-data"


async def inject(bench: Bench) -> None:
    namespace, name = ARGO
    await bench.patch(DEPLOYMENTS, namespace, name, {"spec": {"replicas": 0}})

    def stopped() -> bool:
        return not bench.api.select("pods", namespace)

    async def submit() -> None:
        await submit_as(bench, DATA_TEMPLATE, _WAITS)
        bench.remember(WORKFLOWS, TRAINING, _WAITS)

    bench.when(stopped, submit)


async def check(case: Case) -> str:
    if not await available(case, *ARGO):
        return "no controller works on workflows"
    if not await case.same(WORKFLOWS, TRAINING, _WAITS):
        return f"workflow {_WAITS} is not the one that waited"
    found = await case.read.get(WORKFLOWS, TRAINING, _WAITS)
    done = dig(found, "status", "phase") == "Succeeded"
    return "" if done else f"workflow {_WAITS} has not succeeded"


async def _given_up(case: Case) -> bool:
    submitted = bool(case.uid(WORKFLOWS, TRAINING, _WAITS))
    return submitted and await replaced(case, WORKFLOWS, TRAINING, _WAITS)


FAULT = Fault(
    name="workflow-controller-at-zero",
    title="A workflow was taken, and nothing at all becomes of it",
    story=(
        f"Last night's data pipeline ({_WAITS}) was accepted and has no phase, no node and no event"
        " since. There was a maintenance of the nodes before. Have it done; somebody waits for this"
        " very workflow."
    ),
    symptoms=(
        Symptom(f"kubectl get workflows -n {TRAINING}", _WAITS),
        Symptom(f"kubectl get deployment {ARGO[1]} -n {ARGO[0]}", "0/0"),
        Symptom(
            f"kubectl get deployment {ARGO[1]} -n {ARGO[0]} -o yaml", "MinimumReplicasAvailable"
        ),
    ),
    diagnosis=(
        "The API server takes a Workflow whether anybody works on it or not. Argo's controller had"
        " been scaled to 0; zero of zero replicas counts as available, so the Deployment's condition"
        " says nothing of it."
    ),
    remedies=(
        Remedy(
            "Bring the controller back; it goes on with what waits",
            (f"kubectl scale deployment {ARGO[1]} -n {ARGO[0]} --replicas=1",),
        ),
    ),
    penalties=(
        Penalty(
            "workflow-deleted",
            "the workflow that somebody waits for was deleted; it was well",
            _given_up,
            (f"kubectl delete workflow {_WAITS} -n {TRAINING}",),
        ),
    ),
    hints=(
        "No phase at all is not Pending: nobody has looked at the workflow yet. Who should?",
        f"Argo's controller is a Deployment in {ARGO[0]}. Count its pods; do not trust its condition.",
        f"Scale Deployment {ARGO[1]} in {ARGO[0]} to 1 and leave the workflow alone.",
    ),
    inject=inject,
    check=check,
)
