"""MLflow runs and answers, and its Service looks for pods of another label."""

from __future__ import annotations

import base64

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import workflow_succeeded
from runbook.practice.faults.pipelines import submit, submitting
from runbook.practice.faults.places import (
    MLFLOW,
    PLATFORM_SECRET,
    TRAINING,
    TRAINING_TEMPLATE,
)
from runbook.practice.faults.symptoms import workflows

_URI = "MLFLOW_TRACKING_URI"
_WRONG = "mlflow-tracking"


async def inject(bench: Bench) -> None:
    secret = bench.get("secrets", TRAINING, PLATFORM_SECRET)
    bench.memory["uri"] = secret["data"][_URI]
    await bench.patch("services", *MLFLOW, {"spec": {"selector": {"app": _WRONG}}})

    def unreached() -> bool:
        return not dig(bench.find("endpoints", *MLFLOW), "subsets", default=[])

    async def train() -> None:
        await submit(bench, TRAINING_TEMPLATE)

    bench.when(unreached, train)


async def check(case: Case) -> str:
    endpoints = await case.read.get("endpoints", *MLFLOW)
    if not dig(endpoints, "subsets", default=[]):
        return "nobody stands behind the service of MLflow"
    if await _led_past(case):
        return "trainings do not go by the service of MLflow"
    return await workflow_succeeded(case, TRAINING_TEMPLATE)


async def _led_past(case: Case) -> bool:
    secret = await case.read.get("secrets", TRAINING, PLATFORM_SECRET)
    return bool(dig(secret, "data", _URI) != case.memory["uri"])


_ELSEWHERE = base64.b64encode(b"http://10.244.0.17:5000").decode()

FAULT = Fault(
    name="mlflow-without-endpoints",
    title="MLflow runs without a fault, and no training reaches it",
    story=(
        "Since a change of the chart that installs MLflow every training fails after some seconds."
        " Its pod is ready, has not restarted and says nothing unusual. Get a training to succeed;"
        " it is to find MLflow by the address that everybody uses."
    ),
    symptoms=(
        workflows("Failed"),
        Symptom(f"kubectl get pods -n {MLFLOW[0]}", "1/1"),
        Symptom(f"kubectl get endpoints {MLFLOW[1]} -n {MLFLOW[0]}", "<none>"),
    ),
    diagnosis=(
        "A Service leads to the pods that its selector finds. MLflow's selector names a label that"
        " its pods do not have, so nobody stands behind it and every connection is refused."
    ),
    remedies=(
        Remedy(
            "Have the Service look for the label that the pods have, and train again",
            (
                f"kubectl patch service {MLFLOW[1]} -n {MLFLOW[0]} --type=merge"
                ' -p \'{"spec":{"selector":{"app":"mlflow"}}}\'',
                submitting(TRAINING_TEMPLATE),
            ),
        ),
    ),
    penalties=(
        Penalty(
            "led-past-the-service",
            "trainings were given the address of a pod, which is another after its next restart",
            _led_past,
            (
                f"kubectl patch secret {PLATFORM_SECRET} -n {TRAINING} --type=merge"
                f' -p \'{{"data":{{"{_URI}":"{_ELSEWHERE}"}}}}\'',
            ),
        ),
    ),
    hints=(
        "The training's log says who refuses it. Does that one run, and who leads to it?",
        f"kubectl get endpoints {MLFLOW[1]} -n {MLFLOW[0]}: there is none. Compare the Service's"
        " selector with the labels of the pod.",
        f"Set the selector of Service {MLFLOW[1]} to app: mlflow, and submit a training.",
    ),
    inject=inject,
    check=check,
)
