"""A rebuild was started while the old namespace was still going."""

from __future__ import annotations

from runbook.practice.controllers.objects import being_deleted
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
    RUNTIME,
    RUNTIMES,
    SERVER,
    SERVERS,
    TRAINING,
    resource_of,
)

_EXPORT, _FINALIZER = "model-export", "archive.ml-platform.io/export"
_EXPORT_TAKES = 300.0  # seconds until the archive lets the namespace go


async def inject(bench: Bench) -> None:
    bench.remember("namespaces", None, INFERENCE)
    bench.memory["manifests"] = [
        (resource_of(bench.api, one), one["metadata"].get("namespace"), one["metadata"]["name"])
        for one in bench.documents
    ]
    metadata = {"name": _EXPORT, "namespace": INFERENCE, "finalizers": [_FINALIZER]}
    await bench.create(
        "configmaps", {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
    )
    bench.remember("configmaps", INFERENCE, _EXPORT)
    await bench.delete(EXPERIMENTS, INFERENCE, EXPERIMENT)
    for name in PREDICTORS:
        await bench.delete(MODELS, INFERENCE, name)

    async def delete_serving() -> None:
        await bench.delete(SERVERS, INFERENCE, SERVER)
        await bench.delete(RUNTIMES, INFERENCE, RUNTIME)
        bench.when(lambda: not bench.api.select(RUNTIMES, INFERENCE), delete_namespaces)

    async def delete_namespaces() -> None:
        for namespace in (INFERENCE, TRAINING):
            await bench.delete("namespaces", None, namespace)
        bench.after(_EXPORT_TAKES, finish_export)
        bench.when(lambda: bench.find("namespaces", None, TRAINING) is None, rebuild)

    async def rebuild() -> None:
        await bench.apply(bench.documents)

    async def finish_export() -> None:
        bench.memory["exported"] = True
        if bench.find("configmaps", INFERENCE, _EXPORT) is not None:
            patch = {"metadata": {"finalizers": None}}
            await bench.patch("configmaps", INFERENCE, _EXPORT, patch)

    bench.when(lambda: not bench.api.select(MODELS, INFERENCE), delete_serving)


async def check(case: Case) -> str:
    namespace = await case.read.get("namespaces", None, INFERENCE)
    if namespace is None or being_deleted(namespace):
        return f"namespace {INFERENCE} is not there yet"
    if namespace["metadata"]["uid"] == case.uid("namespaces", None, INFERENCE):
        return f"namespace {INFERENCE} is still the old one"
    for resource, inside, name in case.memory["manifests"]:
        if await case.read.get(resource, inside, name) is None:
            return f"{resource} {name} is missing"
    return await models_available(case) or await experiment_ready(case)


async def _finalized(case: Case) -> bool:
    gone = case.deletions.of("namespaces", case.uid("namespaces", None, INFERENCE))
    export = case.deletions.of("configmaps", case.uid("configmaps", INFERENCE, _EXPORT))
    return gone is not None and (export is None or export.order > gone.order)


async def _export_cut_off(case: Case) -> bool:
    export = case.deletions.of("configmaps", case.uid("configmaps", INFERENCE, _EXPORT))
    return export is not None and not case.memory.get("exported")


_EMPTY = (
    '{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"financial-inference"},'
    '"spec":{"finalizers":[]}}'
)

FAULT = Fault(
    name="rebuild-too-early",
    title="A rebuild is refused in one of two namespaces",
    story=(
        "The application was deleted and applied again at once. Half of it is there; everything in"
        f" {INFERENCE} was refused. An archive job is still exporting from the old namespace and"
        " takes some minutes. Bring the whole application up."
    ),
    symptoms=(
        Symptom(f"kubectl get namespace {INFERENCE}", "Terminating"),
        Symptom(f"kubectl get namespace {INFERENCE} -o yaml", _FINALIZER),
        Symptom("kubectl apply -k k8s/base", "because it is being terminated"),
    ),
    diagnosis=(
        "Nothing can be created in a namespace that is being deleted. It goes when the last"
        " finalizer in it has been taken off by its owner; an apply before that is refused object"
        " by object."
    ),
    remedies=(
        Remedy(
            "Wait until the namespace is gone, then apply everything again",
            (
                f"kubectl wait --for=delete namespace/{INFERENCE} --timeout=900s",
                "kubectl apply -k k8s/base",
                "kubectl apply -f k8s/secrets",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "namespace-finalized",
            "the namespace was finalized over its content, which comes back with its next namesake",
            _finalized,
            (
                f"kubectl replace --raw /api/v1/namespaces/{INFERENCE}/finalize -f - <<'EOF'\n"
                f"{_EMPTY}\nEOF",
            ),
        ),
        Penalty(
            "export-cut-off",
            "the archive's finalizer was taken off by hand before it had finished its export",
            _export_cut_off,
            (
                f"kubectl patch configmap {_EXPORT} -n {INFERENCE} --type=merge"
                ' -p \'{"metadata":{"finalizers":null}}\'',
            ),
        ),
    ),
    hints=(
        "Read what the refused objects have in common, and how that namespace is.",
        "Its conditions name a finalizer. Whose is it, and is that one alive?",
        "The archive takes its finalizer off by itself. Wait until the namespace is NotFound, then"
        " apply k8s/base and k8s/secrets again.",
    ),
    inject=inject,
    check=check,
)
