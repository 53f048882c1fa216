"""The quota refuses a workflow's pod, because Argo's own containers do not say what they need."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Remedy
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import (
    QUOTA_DELETED,
    QUOTA_LOOSENED,
    quota_stands,
    remember_quota,
    submit,
    submitting,
)
from runbook.practice.faults.places import TEMPLATES, TRAINING, TRAINING_TEMPLATE
from runbook.practice.faults.symptoms import workflow_says, workflows


async def inject(bench: Bench) -> None:
    remember_quota(bench)
    without = {"spec": {"podSpecPatch": None}}
    await bench.patch(TEMPLATES, TRAINING, TRAINING_TEMPLATE, without)
    await submit(bench, TRAINING_TEMPLATE)


async def check(case: Case) -> str:
    return await quota_stands(case) or await workflow_succeeded(case, TRAINING_TEMPLATE)


_LIMITS = f"""kubectl apply -f - <<'EOF'
apiVersion: v1
kind: LimitRange
metadata: {{name: container-defaults, namespace: {TRAINING}}}
spec:
  limits:
    - type: Container
      default: {{cpu: 500m, memory: 512Mi}}
      defaultRequest: {{cpu: 100m, memory: 128Mi}}
EOF"""

FAULT = Fault(
    name="executor-without-limits",
    title="A training ends at once, and there is no pod",
    story=(
        "The training template was tidied up. Every training since has failed within a second."
        " The quota is there on purpose. Get a training to succeed."
    ),
    symptoms=(
        workflows("Failed"),
        workflow_says("must specify limits.cpu for: init"),
    ),
    diagnosis=(
        "A quota on compute wants every container to name its requests and limits, Argo's init and"
        " wait included. The template's podSpecPatch gave them theirs and was removed."
    ),
    remedies=(
        Remedy(
            "Restore podSpecPatch in the template, and submit again",
            ("kubectl apply -k k8s/base", submitting(TRAINING_TEMPLATE)),
        ),
        Remedy(
            "Let a LimitRange give defaults, and submit again",
            (_LIMITS, submitting(TRAINING_TEMPLATE)),
        ),
    ),
    penalties=(QUOTA_DELETED, QUOTA_LOOSENED),
    hints=(
        "The workflow's own message says who refused its pod.",
        "Which containers does the message name? They are not in the template: Argo adds them.",
        "Bring back podSpecPatch with resources for init and wait (k8s/base has it), or a"
        " LimitRange with defaults; then submit a new training.",
    ),
    inject=inject,
    check=check,
)
