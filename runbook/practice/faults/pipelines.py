"""What the faults of the pipelines share: submitting a workflow, and a quota that stands."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Penalty
from runbook.practice.faults.places import TRAINING, TRAINING_QUOTA, WORKFLOWS
from runbook.practice.faults.shortcuts import was_deleted

QUOTAS = "resourcequotas"


def workflow_of(template: str) -> JSON:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"generateName": f"{template}-", "namespace": TRAINING},
        "spec": {"workflowTemplateRef": {"name": template}},
    }


async def submit(bench: Bench, template: str) -> None:
    """As somebody did before the trainee came; it does not count as the trainee's."""
    await bench.create(WORKFLOWS, workflow_of(template))
    remember_workflows(bench)


def remember_workflows(bench: Bench) -> None:
    found = bench.api.select(WORKFLOWS, TRAINING)
    bench.memory["workflows"] = [one["metadata"]["uid"] for one in found]


def submitting(template: str) -> str:
    """The command that submits a workflow of a template."""
    return (
        "kubectl create -f - <<'EOF'\n"
        "apiVersion: argoproj.io/v1alpha1\n"
        "kind: Workflow\n"
        f"metadata: {{generateName: {template}-, namespace: {TRAINING}}}\n"
        f"spec: {{workflowTemplateRef: {{name: {template}}}}}\n"
        "EOF"
    )


def remember_quota(bench: Bench) -> None:
    quota = bench.get(QUOTAS, TRAINING, TRAINING_QUOTA)
    bench.remember(QUOTAS, TRAINING, TRAINING_QUOTA)
    bench.memory["hard"] = quota["spec"]["hard"]


async def quota_stands(case: Case) -> str:
    if not await case.same(QUOTAS, TRAINING, TRAINING_QUOTA):
        return f"quota {TRAINING_QUOTA} is not the one it was"
    return f"quota {TRAINING_QUOTA} limits less than it did" if await loosened(case) else ""


async def loosened(case: Case) -> bool:
    """Whether the quota is there and limits something else than it did."""
    quota = await case.read.get(QUOTAS, TRAINING, TRAINING_QUOTA)
    return quota is not None and dig(quota, "spec", "hard") != case.memory["hard"]


QUOTA_DELETED = Penalty(
    "quota-deleted",
    "the quota was deleted: one runaway pipeline can now take the whole cluster",
    was_deleted(QUOTAS, TRAINING, TRAINING_QUOTA),
    (f"kubectl delete quota {TRAINING_QUOTA} -n {TRAINING}",),
)
QUOTA_LOOSENED = Penalty(
    "quota-loosened",
    "the quota limits less than it did, which hides the cause until the next time",
    loosened,
    (
        f"kubectl patch quota {TRAINING_QUOTA} -n {TRAINING} --type=merge -p"
        ' \'{"spec":{"hard":{"limits.memory":null,"count/workflows.argoproj.io":"500"}}}\'',
    ),
)
