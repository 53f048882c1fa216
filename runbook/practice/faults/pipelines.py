"""What the faults of the pipelines share: submitting a workflow; a quota and a role that stand."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Penalty
from runbook.practice.faults.places import (
    ROLES,
    TRAINING,
    TRAINING_QUOTA,
    TRAINING_ROLE,
    WORKFLOWS,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import workflow_says

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


async def submit_as(bench: Bench, template: str, name: str) -> None:
    """The same, under a name; one that an earlier fault left gives way."""
    if bench.find(WORKFLOWS, TRAINING, name) is not None:
        await bench.delete(WORKFLOWS, TRAINING, name)
    metadata = {"name": name, "namespace": TRAINING}
    await bench.create(WORKFLOWS, {**workflow_of(template), "metadata": metadata})
    remember_workflows(bench)


def remember_workflows(bench: Bench) -> None:
    found = bench.api.select(WORKFLOWS, TRAINING)
    bench.memory["workflows"] = [one["metadata"]["uid"] for one in found]


def submitting(template: str, **arguments: str) -> str:
    """The command that submits a workflow of a template; `_` in a name stands for `-`."""
    given = ", ".join(
        f"{{name: {name.replace('_', '-')}, value: {value}}}" for name, value in arguments.items()
    )
    more = f", arguments: {{parameters: [{given}]}}" if given else ""
    return (
        "kubectl create -f - <<'EOF'\n"
        "apiVersion: argoproj.io/v1alpha1\n"
        "kind: Workflow\n"
        f"metadata: {{generateName: {template}-, namespace: {TRAINING}}}\n"
        f"spec: {{workflowTemplateRef: {{name: {template}}}{more}}}\n"
        "EOF"
    )


def adding(resource: str, name: str, path: str, value: str) -> str:
    """The command that adds a JSON value to an object of the pipelines' namespace."""
    patch = f'[{{"op":"add","path":"{path}","value":{value}}}]'
    return f"kubectl patch {resource} {name} -n {TRAINING} --type=json -p '{patch}'"


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


async def role_is_narrow(case: Case) -> str:
    return f"role {TRAINING_ROLE} allows everything" if await widened(case) else ""


async def widened(case: Case) -> bool:
    """Whether the pipelines' role grants every verb, or every resource."""
    role = await case.read.get(ROLES, TRAINING, TRAINING_ROLE)
    rules = dig(role, "rules", default=[])
    return any("*" in [*rule.get("verbs", []), *rule.get("resources", [])] for rule in rules)


ROLE_WIDENED = Penalty(
    "role-widened",
    "the pipelines' role was given everything: training code may now read every secret there",
    widened,
    (
        adding(
            "role",
            TRAINING_ROLE,
            "/rules/-",
            '{"apiGroups":["*"],"resources":["*"],"verbs":["*"]}',
        ),
    ),
)
UNREPORTED = workflow_says("exit code 64")
"""The executor did not get rid of its report."""
