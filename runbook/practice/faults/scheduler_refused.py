"""The scheduler's pod is refused by a quota, and nothing that is looked at first shows it."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.pipelines import QUOTAS
from runbook.practice.faults.places import (
    BASELINE,
    INFERENCE,
    MODELS,
    PREDICTORS,
    SCHEDULER_POD,
    SERVER_POD,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import model_says

_QUOTA = "serving-quota"
_NEW = "risk-predictor"
_SCHEDULER = "seldon-scheduler"


async def inject(bench: Bench) -> None:
    bench.remember(QUOTAS, INFERENCE, _QUOTA)
    bench.remember("pods", INFERENCE, SERVER_POD)
    bench.remember_all(MODELS, INFERENCE)
    bench.memory["hard"] = bench.get(QUOTAS, INFERENCE, _QUOTA)["spec"]["hard"]
    await bench.patch(QUOTAS, INFERENCE, _QUOTA, {"spec": {"hard": {"limits.cpu": "40"}}})
    await bench.delete("pods", INFERENCE, SCHEDULER_POD)

    async def deploy() -> None:
        spec = bench.get(MODELS, INFERENCE, BASELINE)["spec"]
        metadata = {"name": _NEW, "namespace": INFERENCE}
        model = {"apiVersion": "mlops.seldon.io/v1alpha1", "kind": "Model", "metadata": metadata}
        await bench.create(MODELS, {**model, "spec": spec})
        bench.remember(MODELS, INFERENCE, _NEW)

    bench.when(lambda: bench.find("pods", INFERENCE, SCHEDULER_POD) is None, deploy)


async def check(case: Case) -> str:
    if wrong := await models_available(case, (*PREDICTORS, _NEW)):
        return wrong
    return f"quota {_QUOTA} is not what it was" if await _loosened(case) else ""


async def _loosened(case: Case) -> bool:
    """Something the quota held before is no longer held."""
    quota = await case.read.get(QUOTAS, INFERENCE, _QUOTA)
    hard = dig(quota, "spec", "hard", default={})
    return any(hard.get(name) != value for name, value in case.memory["hard"].items())


_LIMITS = f"""kubectl apply -f - <<'EOF'
apiVersion: v1
kind: LimitRange
metadata: {{name: container-defaults, namespace: {INFERENCE}}}
spec:
  limits:
    - type: Container
      default: {{cpu: 500m}}
EOF"""

FAULT = Fault(
    name="scheduler-refused",
    title="Everything is green, and a new model never shows anything",
    story=(
        f"In {INFERENCE} a node was drained an hour ago. Models, server and experiment are green."
        f" The model {_NEW}, applied since, shows nothing, and requests fail. Have all three models"
        " served; the quota is to go on holding what it held yesterday."
    ),
    symptoms=(
        Symptom(f"kubectl get model {BASELINE} -n {INFERENCE}", "True"),
        Symptom(f"kubectl get server mlserver -n {INFERENCE}", "True"),
        Symptom(f"kubectl get statefulset {_SCHEDULER} -n {INFERENCE}", "0/1"),
        Symptom(f"kubectl get events -n {INFERENCE}", "must specify limits.cpu for: scheduler"),
        model_says(_NEW, "connection refused"),
    ),
    diagnosis=(
        "There is no scheduler, so nobody rewrites what was said last: green is an hour old."
        f" {_QUOTA} asks every new container for limits.cpu since today, Seldon's declare none, and"
        " the refusal is told by an event of the StatefulSet only."
    ),
    remedies=(
        Remedy(
            "Take limits.cpu out of the quota",
            (
                f"kubectl patch resourcequota {_QUOTA} -n {INFERENCE} --type=merge"
                ' -p \'{"spec":{"hard":{"limits.cpu":null}}}\'',
            ),
        ),
        Remedy("Let a LimitRange give the containers a default", (_LIMITS,)),
    ),
    penalties=(
        Penalty(
            "quota-deleted",
            "the quota was deleted, with all it held",
            was_deleted(QUOTAS, INFERENCE, _QUOTA),
            (f"kubectl delete resourcequota {_QUOTA} -n {INFERENCE}",),
        ),
        Penalty(
            "model-deleted",
            "a model was deleted while nobody could unload it: it hangs now",
            was_deleted(MODELS, INFERENCE, *PREDICTORS),
            (f"kubectl delete model {PREDICTORS[0]} -n {INFERENCE} --wait=false",),
        ),
        Penalty(
            "server-restarted",
            "the model server's pod was deleted, and the quota refuses its successor too",
            was_deleted("pods", INFERENCE, SERVER_POD),
            (f"kubectl delete pod {SERVER_POD} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "A condition is only as fresh as who writes it. Count the pods against their workloads.",
        f"{SCHEDULER_POD} is missing although one is wanted. The events of its StatefulSet say who"
        " refuses it.",
        f"{_QUOTA} wants limits.cpu, which the scheduler does not declare: take that one line out.",
    ),
    inject=inject,
    check=check,
)
