"""The pipelines' role lost the right by which a step reports what it did."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import (
    ROLE_WIDENED,
    UNREPORTED,
    adding,
    role_is_narrow,
    submit,
    submitting,
)
from runbook.practice.faults.places import (
    BINDINGS,
    CLUSTER_BINDINGS,
    DATA_TEMPLATE,
    ROLES,
    TRAINING,
    TRAINING_ROLE,
)
from runbook.practice.faults.symptoms import workflow_says

_REPORTS = "workflowtaskresults"
_ACCOUNT = "argo-workflow-sa"
_ADMINISTRATORS = {"cluster-admin", "admin", "edit"}
_EVERYBODYS_GROUPS = {"system:serviceaccounts", f"system:serviceaccounts:{TRAINING}"}


async def inject(bench: Bench) -> None:
    bench.remember(ROLES, TRAINING, TRAINING_ROLE)
    rules = bench.get(ROLES, TRAINING, TRAINING_ROLE)["rules"]
    kept = [rule for rule in rules if _REPORTS not in rule["resources"]]
    await bench.patch(ROLES, TRAINING, TRAINING_ROLE, {"rules": kept})
    await submit(bench, DATA_TEMPLATE)


async def check(case: Case) -> str:
    return await role_is_narrow(case) or await workflow_succeeded(case, DATA_TEMPLATE)


async def _as_administrator(case: Case) -> bool:
    """Whether a binding gives an account of the pipelines a role of an administrator."""
    bindings = [
        *await case.read.list(BINDINGS, TRAINING),
        *await case.read.list(CLUSTER_BINDINGS),
    ]
    return any(
        binding["roleRef"]["name"] in _ADMINISTRATORS
        and any(_is_pipelines(subject) for subject in binding.get("subjects") or [])
        for binding in bindings
    )


def _is_pipelines(subject: JSON) -> bool:
    account = subject["kind"] == "ServiceAccount" and subject.get("namespace") == TRAINING
    return account or subject["name"] in _EVERYBODYS_GROUPS


_RULE = '{"apiGroups":["argoproj.io"],"resources":["workflowtaskresults"],"verbs":[%s]}'
_SEPARATE = f"""kubectl apply -f - <<'EOF'
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {{name: executor, namespace: {TRAINING}}}
rules:
  - apiGroups: [argoproj.io]
    resources: [{_REPORTS}]
    verbs: [create, patch]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: executor, namespace: {TRAINING}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: Role, name: executor}}
subjects: [{{kind: ServiceAccount, name: {_ACCOUNT}, namespace: {TRAINING}}}]
EOF"""
_ADMIN = f"""kubectl apply -f - <<'EOF'
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {{name: pipelines-admin, namespace: {TRAINING}}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}}
subjects: [{{kind: ServiceAccount, name: {_ACCOUNT}, namespace: {TRAINING}}}]
EOF"""

FAULT = Fault(
    name="executor-not-allowed",
    title="A pipeline's step does its work and is in Error at once",
    story=(
        "The pipelines' role was cut down to what somebody thought it needs. Steps run to their"
        " end, and are in Error the moment they are done. Get the data pipeline to succeed; its"
        " account may do what it has to, and no more."
    ),
    symptoms=(UNREPORTED, workflow_says(f"{_REPORTS}.argoproj.io")),
    diagnosis=(
        "Argo's wait container writes each step's result as a workflowtaskresult, with the pod's"
        " own account. The role lost create and patch on those, so the API server forbids the"
        " report and wait exits 64."
    ),
    remedies=(
        Remedy(
            "Give the role the two verbs on that one resource, and submit again",
            (
                adding("role", TRAINING_ROLE, "/rules/-", _RULE % '"create","patch"'),
                submitting(DATA_TEMPLATE),
            ),
        ),
        Remedy(
            "Apply the manifests, which have the rule, and submit again",
            ("kubectl apply -k k8s/base", submitting(DATA_TEMPLATE)),
        ),
        Remedy(
            "Give them in a role of their own, and submit again",
            (_SEPARATE, submitting(DATA_TEMPLATE)),
        ),
    ),
    penalties=(
        ROLE_WIDENED,
        Penalty(
            "made-administrator",
            "the pipelines' account was bound to an administrator's role",
            _as_administrator,
            (_ADMIN,),
        ),
    ),
    hints=(
        "The step's message names the container that failed: it is not the one that worked.",
        "It is not cut off, it is refused: the message says who may not do what to which resource.",
        f"{TRAINING_ROLE} needs create and patch on {_REPORTS} of argoproj.io; then submit the"
        " data pipeline again.",
    ),
    inject=inject,
    check=check,
)
