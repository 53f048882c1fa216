"""Serving is taken down in the wrong order: the runtime waits for a server that nobody deletes."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.places import (
    EXPERIMENT,
    EXPERIMENTS,
    INFERENCE,
    MODELS,
    PREDICTORS,
    RUNTIME,
    RUNTIMES,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.symptoms import operator_log


async def inject(bench: Bench) -> None:
    bench.remember(RUNTIMES, INFERENCE, RUNTIME)
    bench.remember(SERVERS, INFERENCE, SERVER)
    await bench.delete(EXPERIMENTS, INFERENCE, EXPERIMENT)
    for name in PREDICTORS:
        await bench.delete(MODELS, INFERENCE, name)

    async def delete() -> None:
        await bench.delete(RUNTIMES, INFERENCE, RUNTIME)

    bench.when(lambda: not bench.api.select(MODELS, INFERENCE), delete)


async def check(case: Case) -> str:
    if await case.read.get(SERVERS, INFERENCE, SERVER) is not None:
        return f"server {SERVER} is still there"
    if await case.read.get("pods", INFERENCE, SERVER_POD) is not None:
        return f"pod {SERVER_POD} is still there"
    if await case.read.get(RUNTIMES, INFERENCE, RUNTIME) is not None:
        return f"runtime {RUNTIME} is still there"
    return "the runtime went before its server" if await _patched(case) else ""


async def _patched(case: Case) -> bool:
    runtime = case.deletions.of(RUNTIMES, case.uid(RUNTIMES, INFERENCE, RUNTIME))
    server = case.deletions.of(SERVERS, case.uid(SERVERS, INFERENCE, SERVER))
    return runtime is not None and (server is None or server.order > runtime.order)


FAULT = Fault(
    name="runtime-deleted-first",
    title="A SeldonRuntime hangs in Terminating",
    story=(
        "Serving is being taken down for good; experiment and models are gone. The runtime was"
        " deleted and does not go. Finish the job: server, its pod and the runtime are to be gone."
    ),
    symptoms=(
        Symptom(f"kubectl get seldonruntime {RUNTIME} -n {INFERENCE} -o yaml", "deletionTimestamp"),
        operator_log(f"servers still running in namespace {INFERENCE}"),
    ),
    diagnosis=(
        "The operator lets a SeldonRuntime go only when its namespace holds no Server any more. The"
        " order is models, server, runtime."
    ),
    remedies=(
        Remedy(
            "Delete the server, and wait for its pod",
            (
                f"kubectl delete server {SERVER} -n {INFERENCE}",
                f"kubectl wait --for=delete pod/{SERVER_POD} -n {INFERENCE} --timeout=180s",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "runtime-finalizer-patched",
            "the runtime's finalizer was taken off by hand, and its server lost its scheduler",
            _patched,
            (
                f"kubectl patch seldonruntime {RUNTIME} -n {INFERENCE} --type=merge"
                ' -p \'{"metadata":{"finalizers":null}}\'',
            ),
        ),
    ),
    hints=(
        "The operator runs, and says why it does not let the runtime go.",
        "Read the operator's log for the runtime's name.",
        "Delete the Server first; the runtime then goes by itself.",
    ),
    inject=inject,
    check=check,
)
