"""Parts of the runtime were disabled as if they were for pipelines only; one is everybody's way in."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Remedy, Symptom
from runbook.practice.faults.judging import available, experiment_ready, models_available
from runbook.practice.faults.places import INFERENCE, RUNTIME, RUNTIMES
from runbook.practice.faults.shortcuts import RUNTIME_DELETED
from runbook.practice.faults.symptoms import MODELS_UP

_NEEDED = ("seldon-envoy", "seldon-modelgateway")
_TRIMMED = (*_NEEDED, "seldon-pipelinegateway", "seldon-dataflow-engine")


async def inject(bench: Bench) -> None:
    bench.remember(RUNTIMES, INFERENCE, RUNTIME)
    runtime = bench.get(RUNTIMES, INFERENCE, RUNTIME)
    overrides = [
        {**one, "disable": True} if one["name"] in _TRIMMED else one
        for one in dig(runtime, "spec", "overrides", default=[])
    ]
    await bench.patch(RUNTIMES, INFERENCE, RUNTIME, {"spec": {"overrides": overrides}})


async def check(case: Case) -> str:
    for name in _NEEDED:
        if not await available(case, INFERENCE, name):
            return f"{name} does not run"
    return await models_available(case) or await experiment_ready(case)


_ENABLE = ",".join(
    f'{{"op":"remove","path":"/spec/overrides/{number}/disable"}}' for number in (1, 2)
)

FAULT = Fault(
    name="gateways-disabled",
    title="No request gets an answer, and every model is ready",
    story=(
        "There is no Kafka here and no pipeline, so yesterday the runtime was trimmed of what serves"
        " them. Since then every request fails, and a check of the platform misses its envoy and its"
        " modelgateway. Models, server and experiment are green, and are not to be touched."
    ),
    symptoms=(
        MODELS_UP,
        Symptom(f"kubectl get endpoints seldon-mesh -n {INFERENCE}", "<none>"),
        Symptom(f"kubectl get seldonruntime {RUNTIME} -n {INFERENCE} -o yaml", "disable: true"),
    ),
    diagnosis=(
        "An override with disable takes a component away, its Deployment included, and leaves its"
        " Service, which then leads nowhere. Envoy is the way in for every request; a model is ready"
        " when a server holds it, whether anybody gets there or not."
    ),
    remedies=(
        Remedy(
            "Take the two overrides back",
            (f"kubectl patch seldonruntime {RUNTIME} -n {INFERENCE} --type=json -p '[{_ENABLE}]'",),
        ),
        Remedy("Apply the manifests again", ("kubectl apply -k k8s/base",)),
    ),
    penalties=(RUNTIME_DELETED,),
    hints=(
        "Ready says that a model is loaded. Follow a request instead: from the Service on.",
        "seldon-mesh has no endpoint, and there is no Deployment of envoy. Who makes those?",
        f"SeldonRuntime {RUNTIME} has overrides with disable: true. Remove that from seldon-envoy and"
        " seldon-modelgateway.",
    ),
    inject=inject,
    check=check,
)
