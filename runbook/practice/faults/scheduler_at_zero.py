"""The runtime asks for no scheduler, and counts itself ready."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import (
    INFERENCE,
    MODELS,
    PREDICTORS,
    RUNTIME,
    RUNTIMES,
    SERVER,
    SERVERS,
)
from runbook.practice.faults.shortcuts import RUNTIME_DELETED, was_deleted
from runbook.practice.faults.symptoms import AGENT_CUT_OFF

_SCHEDULER = "seldon-scheduler"


async def inject(bench: Bench) -> None:
    bench.remember(RUNTIMES, INFERENCE, RUNTIME)
    bench.remember(SERVERS, INFERENCE, SERVER)
    bench.remember_all(MODELS, INFERENCE)
    runtime = bench.get(RUNTIMES, INFERENCE, RUNTIME)
    overrides = [
        {**one, "replicas": 0} if one["name"] == _SCHEDULER else one
        for one in dig(runtime, "spec", "overrides", default=[])
    ]
    await bench.patch(RUNTIMES, INFERENCE, RUNTIME, {"spec": {"overrides": overrides}})


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    runtime = await case.read.get(RUNTIMES, INFERENCE, RUNTIME)
    for override in dig(runtime, "spec", "overrides", default=[]):
        if override["name"] == _SCHEDULER and override.get("replicas", 1) < 1:
            return "the runtime asks for no scheduler"
    return ""


FAULT = Fault(
    name="scheduler-at-zero",
    title="All conditions are green, and no model server is ready",
    story=(
        "Every condition of the runtime is True and the models still say READY True, but the model"
        " server lost its readiness and a model that is changed now would never come up."
    ),
    symptoms=(
        Symptom(f"kubectl get statefulset {_SCHEDULER} -n {INFERENCE}", "0/0"),
        AGENT_CUT_OFF,
        Symptom(
            f"kubectl get seldonruntime {RUNTIME} -n {INFERENCE} -o yaml",
            "StatefulSet replicas matches desired replicas",
        ),
    ),
    diagnosis=(
        "An override of the SeldonRuntime asks for 0 schedulers. Zero of zero counts as ready, and"
        " without a scheduler nobody rewrites what the models said last."
    ),
    remedies=(
        Remedy(
            "Ask for one scheduler",
            (
                f"kubectl patch seldonruntime {RUNTIME} -n {INFERENCE} --type=json -p"
                ' \'[{"op":"replace","path":"/spec/overrides/0/replicas","value":1}]\'',
            ),
        ),
        Remedy("Apply the manifests again", ("kubectl apply -k k8s/base",)),
    ),
    penalties=(
        RUNTIME_DELETED,
        Penalty(
            "model-deleted",
            "a model was deleted while nobody could unload it: it hangs now",
            was_deleted(MODELS, INFERENCE, *PREDICTORS),
            (f"kubectl delete model {PREDICTORS[0]} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "A condition is only as fresh as who writes it. Which pods are there, and which should be?",
        "There is no seldon-scheduler-0. Look at its StatefulSet and at who owns that.",
        "The SeldonRuntime's override says replicas 0 for seldon-scheduler: make it 1 there.",
    ),
    inject=inject,
    check=check,
)
