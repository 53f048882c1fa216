"""Two schedulers: one half of envoy follows the one, one half the other, and all is green."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import being_deleted, dig, has_condition
from runbook.practice.controllers.seldon.names import ENVOY, NAME_LABEL, SCHEDULER
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import (
    DEPLOYMENTS,
    ENHANCED,
    INFERENCE,
    MODELS,
    OPERATOR,
    POLICIES,
    PREDICTORS,
    RUNTIME,
    RUNTIMES,
    SCHEDULER_POD,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import MODELS_UP

_CENTRAL = OPERATOR[0]
_MESH, _PATH = "seldon-mesh:http", f"/v2/models/{ENHANCED}"
_PROBES = 20
_DIALS_WITHIN = 10.0  # seconds a new envoy has for its stream before the alias goes again
_ONLY = ("seldon-modelgateway", "seldon-pipelinegateway", "seldon-dataflow-engine", "hodometer")


async def inject(bench: Bench) -> None:
    bench.remember(RUNTIMES, INFERENCE, RUNTIME)
    bench.remember_all(MODELS, INFERENCE)
    runtime = bench.get(RUNTIMES, INFERENCE, RUNTIME)
    overrides = [
        {**one, "replicas": 2} if one["name"] == ENVOY else one
        for one in dig(runtime, "spec", "overrides", default=[])
    ]
    await bench.patch(RUNTIMES, INFERENCE, RUNTIME, {"spec": {"overrides": overrides}})
    await bench.create(POLICIES, _policy())
    await bench.create(RUNTIMES, _central())

    async def stop_operator() -> None:
        await bench.patch(DEPLOYMENTS, *OPERATOR, {"spec": {"replicas": 0}})
        bench.when(lambda: not _pods_of_operator(bench), set_alias)

    async def set_alias() -> None:
        alias = f"{SCHEDULER}.{_CENTRAL}.svc.cluster.local"
        spec: JSON = {"type": "ExternalName", "externalName": alias}
        spec |= {"clusterIP": None, "clusterIPs": None}
        await bench.patch("services", INFERENCE, SCHEDULER, {"spec": spec})
        await bench.delete("pods", INFERENCE, _ready_envoys(bench)[0])
        bench.when(lambda: len(_ready_envoys(bench)) == 2, let_it_dial)

    async def let_it_dial() -> None:
        end = bench.api.timeline.elapsed() + _DIALS_WITHIN
        bench.when(lambda: bench.api.timeline.elapsed() >= end, start_operator)

    async def start_operator() -> None:
        await bench.patch(DEPLOYMENTS, *OPERATOR, {"spec": {"replicas": 1}})

    bench.when(
        lambda: len(_ready_envoys(bench)) == 2 and _is_ready(bench, _CENTRAL, SCHEDULER_POD),
        stop_operator,
    )


def _central() -> JSON:
    """A runtime for everybody, as a former plan had it."""
    overrides = [
        {"name": SCHEDULER, "replicas": 1, "serviceType": "ClusterIP"},
        {"name": ENVOY, "replicas": 1, "serviceType": "ClusterIP"},
        *({"name": name, "replicas": 0} for name in _ONLY),
    ]
    return {
        "apiVersion": "mlops.seldon.io/v1alpha1",
        "kind": "SeldonRuntime",
        "metadata": {"name": RUNTIME, "namespace": _CENTRAL},
        "spec": {"seldonConfig": "default", "overrides": overrides},
    }


def _policy() -> JSON:
    labels = {"kubernetes.io/metadata.name": _CENTRAL}
    rule = {
        "to": [{"namespaceSelector": {"matchLabels": labels}}],
        "ports": [{"port": port, "protocol": "TCP"} for port in (9002, 9004, 9005, 9008)],
    }
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "central-scheduler-egress", "namespace": INFERENCE},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": [rule]},
    }


def _pods_of_operator(bench: Bench) -> list[JSON]:
    pods = bench.api.select("pods", OPERATOR[0])
    return [pod for pod in pods if pod["metadata"]["name"].startswith(f"{OPERATOR[1]}-")]


def _ready_envoys(bench: Bench) -> list[str]:
    names = [pod["metadata"]["name"] for pod in bench.api.select("pods", INFERENCE, _ENVOYS)]
    return [name for name in names if _is_ready(bench, INFERENCE, name)]


def _is_ready(bench: Bench, namespace: str, name: str) -> bool:
    pod = bench.find("pods", namespace, name)
    return pod is not None and has_condition(pod, "Ready") and not being_deleted(pod)


_ENVOYS = {NAME_LABEL: ENVOY}


async def check(case: Case) -> str:
    failed = 0
    for _ in range(_PROBES):
        status, _ = await case.read.ask(INFERENCE, _MESH, _PATH, {"seldon-model": ENHANCED})
        failed += status != 200
    if failed:
        return f"{failed} of {_PROBES} requests are not answered with 200"
    schedulers = await case.read.list("pods", None, f"{NAME_LABEL}={SCHEDULER}")
    if len(schedulers) != 1:
        return f"there are {len(schedulers)} schedulers"
    return await models_available(case)


async def _wrong_one(case: Case) -> bool:
    """The scheduler that knows the models was taken away."""
    runtime = await case.read.get(RUNTIMES, INFERENCE, RUNTIME)
    overrides = dig(runtime, "spec", "overrides", default=[])
    return any(one["name"] == SCHEDULER and one.get("replicas") == 0 for one in overrides)


_RAW = f"/api/v1/namespaces/{INFERENCE}/services/{_MESH}/proxy{_PATH}"

FAULT = Fault(
    name="second-scheduler",
    title="Every second request is answered with 404",
    story=(
        "A central scheduler for all namespaces was tried out last night and given up again."
        f" Everything in {INFERENCE} is green, and since then about half of the requests end in"
        f" 404. Each namespace is to have its own scheduler; {_CENTRAL} needs none."
    ),
    symptoms=(
        MODELS_UP,
        Symptom(f"kubectl get --raw {_RAW}", ENHANCED),
        Symptom(f"kubectl get pods -n {_CENTRAL}", SCHEDULER_POD),
        Symptom(f"kubectl logs {SCHEDULER_POD} -n {_CENTRAL} -c scheduler", f".{INFERENCE}"),
    ),
    diagnosis=(
        f"While the name {SCHEDULER} was an alias of the central one, one envoy was restarted and"
        " opened its stream there. The operator has put the name right since, but a stream stays"
        " where it was opened: that envoy follows a scheduler that knows no model."
    ),
    remedies=(
        Remedy(
            "Delete the second runtime; its envoy comes back by itself",
            (f"kubectl delete seldonruntime {RUNTIME} -n {_CENTRAL}",),
        ),
        Remedy(
            "Scale the second scheduler to none",
            (
                f"kubectl patch seldonruntime {RUNTIME} -n {_CENTRAL} --type=json -p"
                ' \'[{"op":"replace","path":"/spec/overrides/0/replicas","value":0}]\'',
            ),
        ),
    ),
    penalties=(
        Penalty(
            "wrong-scheduler-removed",
            "the scheduler that knows the models was taken away, and nobody places them any more",
            _wrong_one,
            (
                f"kubectl patch seldonruntime {RUNTIME} -n {INFERENCE} --type=json -p"
                ' \'[{"op":"replace","path":"/spec/overrides/0/replicas","value":0}]\'',
            ),
        ),
        Penalty(
            "runtime-deleted",
            "the runtime of the models was deleted, and was not at fault",
            was_deleted(RUNTIMES, INFERENCE, RUNTIME),
            (f"kubectl delete seldonruntime {RUNTIME} -n {INFERENCE} --wait=false",),
        ),
        Penalty(
            "model-deleted",
            "a model was deleted, and was not at fault",
            was_deleted(MODELS, INFERENCE, *PREDICTORS),
            (f"kubectl delete model {PREDICTORS[0]} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "One request goes through, the next does not: how many envoys are there, and do they agree?",
        "Each envoy follows a scheduler. Count the schedulers in all namespaces and read their logs.",
        f"The one in {_CENTRAL} is too many: delete its SeldonRuntime.",
    ),
    inject=inject,
    check=check,
)
