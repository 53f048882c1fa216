"""An apply fails on one object, whose field cannot be changed once it is there."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import BINDINGS, CLAIMS, ROLES, TRAINING
from runbook.practice.faults.shortcuts import was_deleted

_BINDING, _ROLE, _OLD = "financial-mlops-rolebinding", "financial-mlops-role", "pipeline-runner"
_PVCS = ("shared-data-pvc", "shared-artifacts-pvc")


async def inject(bench: Bench) -> None:
    bench.remember("namespaces", None, TRAINING)
    for name in _PVCS:
        bench.remember(CLAIMS, TRAINING, name)
    binding = bench.get(BINDINGS, TRAINING, _BINDING)
    bench.memory["subjects"] = binding["subjects"]
    metadata = {"name": _OLD, "namespace": TRAINING}
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}]
    if bench.find(ROLES, TRAINING, _OLD) is None:
        await bench.create(
            ROLES,
            {
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "Role",
                "metadata": metadata,
                "rules": rules,
            },
        )
    await bench.delete(BINDINGS, TRAINING, _BINDING)
    kept = {key: binding["metadata"][key] for key in ("name", "namespace", "annotations")}
    ref = {**binding["roleRef"], "name": _OLD}
    await bench.create(
        BINDINGS,
        {
            "apiVersion": binding["apiVersion"],
            "kind": binding["kind"],
            "metadata": kept,
            "roleRef": ref,
            "subjects": binding["subjects"],
        },
    )


async def check(case: Case) -> str:
    binding = await case.read.get(BINDINGS, TRAINING, _BINDING)
    if dig(binding, "roleRef", "name") != _ROLE:
        return f"{_BINDING} does not give the role {_ROLE}"
    if dig(binding, "subjects") != case.memory["subjects"]:
        return f"{_BINDING} gives it to others than before"
    for name in _PVCS:
        if not await case.same(CLAIMS, TRAINING, name):
            return f"claim {name} is not the one it was"
    return ""


FAULT = Fault(
    name="immutable-role-ref",
    title="An apply ends with exit code 1 over one object",
    story=(
        "The manifests are applied again after a change of hands, and one object is refused each"
        " time. Bring the cluster to what k8s/base says, without losing any data."
    ),
    symptoms=(
        Symptom("kubectl apply -k k8s/base", "roleRef: Invalid value"),
        Symptom(f"kubectl get rolebinding {_BINDING} -n {TRAINING} -o yaml", _OLD),
    ),
    diagnosis=(
        "A RoleBinding's roleRef cannot be changed. The binding that is there gives another role;"
        " it holds nothing, so it can be deleted and made again. A claim or a namespace cannot."
    ),
    remedies=(
        Remedy(
            "Delete this one binding, and apply again",
            (
                f"kubectl delete rolebinding {_BINDING} -n {TRAINING}",
                "kubectl apply -k k8s/base",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "claim-deleted",
            "a claim was deleted: its volume is out of reach, and the data on it",
            was_deleted(CLAIMS, TRAINING, *_PVCS),
            (f"kubectl delete pvc {_PVCS[0]} -n {TRAINING} --wait=false",),
        ),
        Penalty(
            "namespace-deleted",
            "the whole namespace was deleted for one object, with its claims and its history",
            was_deleted("namespaces", None, TRAINING),
            (f"kubectl delete namespace {TRAINING} --wait=false",),
        ),
    ),
    hints=(
        "Read which object was refused, and which of its fields.",
        "Is there anything in that object that would be lost if it were made again?",
        f"Delete RoleBinding {_BINDING} and apply k8s/base again. Nothing else.",
    ),
    inject=inject,
    check=check,
)
