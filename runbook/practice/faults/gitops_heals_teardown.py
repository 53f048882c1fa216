"""Argo CD brings back what a teardown takes away."""

from __future__ import annotations

import json

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argocd import (
    APPLICATIONS,
    CONTROLLER_POD,
    NAMESPACE,
    SYNC_PERIOD,
)
from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import experiment_ready, models_available
from runbook.practice.faults.places import (
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
    PREDICTORS,
    SERVER,
    SERVERS,
    STATEFUL_SETS,
)
from runbook.practice.faults.symptoms import model_says

_APPLICATION = "financial-inference"
_CONTROLLER = CONTROLLER_POD.removesuffix("-0")
_STAYS = 2 * SYNC_PERIOD
_TAKEN = (
    (EXPERIMENTS, EXPERIMENT),
    *((MODELS, name) for name in PREDICTORS),
    (SERVERS, SERVER),
)


async def inject(bench: Bench) -> None:
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    await bench.apply((_definition(), namespace))
    await bench.apply((_controller(), _application()))
    for resource, name in _TAKEN:
        bench.remember(resource, INFERENCE, name)

    def watched() -> bool:
        application = bench.find(APPLICATIONS, NAMESPACE, _APPLICATION)
        return bool(dig(application, "status", "sync", "status") == "Synced")

    async def take_down() -> None:
        for resource, name in _TAKEN:
            await bench.delete(resource, INFERENCE, name)
        bench.when(healed, _nothing)

    def healed() -> bool:
        return all(_is_new(bench, resource, name) for resource, name in _TAKEN)

    bench.when(watched, take_down)


async def _nothing() -> None:
    """The fault is in place once everything has come back."""


def _is_new(bench: Bench, resource: str, name: str) -> bool:
    found = bench.find(resource, INFERENCE, name)
    known = bench.memory["uids"][f"{resource}/{INFERENCE}/{name}"]
    return found is not None and found["metadata"]["uid"] != known


async def check(case: Case) -> str:
    if not case.memory.get("stayed"):
        return await _stay(case)
    application = await case.read.get(APPLICATIONS, NAMESPACE, _APPLICATION)
    if not dig(application, "spec", "syncPolicy", "automated", "selfHeal"):
        return "torn down; Argo CD does not look after the application again"
    return await models_available(case) or await experiment_ready(case)


async def _stay(case: Case) -> str:
    """First half: everything taken down, for two of Argo CD's periods."""
    for resource, name in _TAKEN:
        if await case.read.get(resource, INFERENCE, name) is not None:
            case.memory["gone_from"] = None
            return f"{resource} {name} is there"
    since = case.memory.get("gone_from")
    if since is None:
        case.memory["gone_from"] = since = case.now()
    if case.now() - since < _STAYS:
        return "everything is down; it has to stay so for two sync periods"
    case.memory["stayed"] = True
    return "torn down; now have it rebuilt and looked after again"


async def _stopped(case: Case) -> bool:
    controller = await case.read.get(STATEFUL_SETS, NAMESPACE, _CONTROLLER)
    return controller is None or not dig(controller, "spec", "replicas", default=1)


def _definition() -> JSON:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    columns = {"Sync Status": ".status.sync.status", "Health Status": ".status.health.status"}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
        "additionalPrinterColumns": [
            {"name": name, "type": "string", "jsonPath": path} for name, path in columns.items()
        ],
    }
    names = {
        "kind": "Application",
        "listKind": "ApplicationList",
        "plural": "applications",
        "singular": "application",
        "shortNames": ["app", "apps"],
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": APPLICATIONS},
        "spec": {
            "group": "argoproj.io",
            "names": names,
            "scope": "Namespaced",
            "versions": [version],
        },
    }


def _controller() -> JSON:
    labels = {"app.kubernetes.io/name": _CONTROLLER}
    image = "quay.io/argoproj/argocd:v3.1.0"
    container = {"name": "application-controller", "image": image}
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": {"name": _CONTROLLER, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 1,
            "serviceName": _CONTROLLER,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _application() -> JSON:
    source = {"repoURL": "https://git.practice.internal/ml/platform.git", "path": "k8s/base"}
    spec = {
        "project": "default",
        "source": {**source, "targetRevision": "HEAD"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": INFERENCE},
        "syncPolicy": {"automated": {"selfHeal": True}},
    }
    metadata = {"name": _APPLICATION, "namespace": NAMESPACE}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": metadata,
        "spec": spec,
    }


def _automated(value: str) -> str:
    return (
        f"kubectl patch application {_APPLICATION} -n {NAMESPACE} --type=merge"
        f' -p \'{{"spec":{{"syncPolicy":{{"automated":{value}}}}}}}\''
    )


_TAKE_DOWN = (
    f"kubectl delete experiment {EXPERIMENT} -n {INFERENCE}",
    f"kubectl delete model {' '.join(PREDICTORS)} -n {INFERENCE}",
    f"kubectl delete server {SERVER} -n {INFERENCE}",
)

FAULT = Fault(
    name="gitops-heals-teardown",
    title="What is deleted comes back by itself",
    story=(
        f"Experiment, models and server in {INFERENCE} are to be taken down, must stay away for two"
        " of Argo CD's sync periods (6 minutes of the cluster's time), and are then to be rebuilt"
        " and looked after by Argo CD as before. The first try was undone within seconds."
    ),
    symptoms=(
        Symptom(f"kubectl get application {_APPLICATION} -n {NAMESPACE}", "Synced"),
        model_says(PREDICTORS[0], "argocd.argoproj.io/tracking-id"),
        Symptom(f"kubectl get events -n {NAMESPACE}", "Initiated automated sync"),
    ),
    diagnosis=(
        "An Argo CD Application with selfHeal owns these objects and makes again what is missing."
        " Suspend its automated sync before a teardown, and turn it on again for the rebuild."
    ),
    remedies=(
        Remedy(
            "Suspend the automated sync, take down, wait, and turn it on again",
            (
                _automated("null"),
                *_TAKE_DOWN,
                f"sleep {_STAYS + 40:.0f}",
                _automated('{"selfHeal":true}'),
            ),
        ),
        Remedy(
            "Delete the Application (it has no finalizer that cascades), and apply it again after",
            (
                f"kubectl delete application {_APPLICATION} -n {NAMESPACE}",
                *_TAKE_DOWN,
                f"sleep {_STAYS + 40:.0f}",
                f"kubectl apply -f - <<'EOF'\n{json.dumps(_application())}\nEOF",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "controller-stopped",
            "Argo CD's controller was stopped, and with it the care for every other application",
            _stopped,
            (f"kubectl scale statefulset {_CONTROLLER} -n {NAMESPACE} --replicas=0",),
        ),
    ),
    hints=(
        "Somebody makes them again. Look at a model's annotations, and at its age.",
        f"The annotation names an Application in {NAMESPACE}; look at its syncPolicy.",
        "Set spec.syncPolicy.automated to null, delete experiment, models and server, wait two"
        " periods, and set selfHeal again.",
    ),
    inject=inject,
    check=check,
)
