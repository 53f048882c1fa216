"""Somebody scales the model server's StatefulSet, which belongs to a Server that says otherwise."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import models_available, pod_ready, stale
from runbook.practice.faults.places import (
    DEPLOYMENTS,
    INFERENCE,
    MODELS,
    OPERATOR,
    SERVER,
    SERVERS,
    STATEFUL_SETS,
)
from runbook.practice.faults.shortcuts import SERVER_DELETED

_WANTED = 3


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    bench.remember_all(MODELS, INFERENCE)
    await bench.patch(STATEFUL_SETS, INFERENCE, SERVER, {"spec": {"replicas": _WANTED}})


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    for index in range(_WANTED):
        if wrong := await pod_ready(case, INFERENCE, f"{SERVER}-{index}"):
            return wrong
    server = await case.read.get(SERVERS, INFERENCE, SERVER)
    if dig(server, "spec", "replicas", default=1) != _WANTED:
        return f"server {SERVER} does not ask for {_WANTED} replicas"
    if server is not None and stale(server):
        return f"the status of server {SERVER} is of an older generation"
    return ""


async def _operator_stopped(case: Case) -> bool:
    deployment = await case.read.get(DEPLOYMENTS, *OPERATOR)
    return deployment is None or dig(deployment, "spec", "replicas", default=1) == 0


FAULT = Fault(
    name="stateful-set-scaled",
    title="Replicas of the model server go as soon as they come",
    story=(
        f"The load needs {_WANTED} model servers. A colleague scaled the StatefulSet {SERVER} in"
        f" {INFERENCE}; the command succeeded, and there is still one pod. Make them {_WANTED},"
        " for good."
    ),
    symptoms=(
        Symptom(f"kubectl get statefulset {SERVER} -n {INFERENCE}", "1/1"),
        Symptom(f"kubectl get events -n {INFERENCE}", f"Pod {SERVER}-2 in StatefulSet {SERVER}"),
        Symptom(f"kubectl get statefulset {SERVER} -n {INFERENCE} -o yaml", "kind: Server"),
    ),
    diagnosis=(
        "The StatefulSet belongs to the Server (see its ownerReferences). Seldon's operator makes it"
        " again what the Server's spec.replicas says, whenever it differs."
    ),
    remedies=(
        Remedy(
            "Scale the Server",
            (f"kubectl scale server {SERVER} -n {INFERENCE} --replicas={_WANTED}",),
        ),
        Remedy(
            "Say it in the Server's spec",
            (
                f"kubectl patch server {SERVER} -n {INFERENCE} --type=merge"
                f' -p \'{{"spec":{{"replicas":{_WANTED}}}}}\'',
            ),
        ),
    ),
    penalties=(
        Penalty(
            "operator-stopped",
            "the operator was stopped so that the StatefulSet stays: now nothing else is looked"
            " after either",
            _operator_stopped,
            (
                f"kubectl scale deployment {OPERATOR[1]} -n {OPERATOR[0]} --replicas=0",
                f"kubectl scale statefulset {SERVER} -n {INFERENCE} --replicas={_WANTED}",
            ),
        ),
        SERVER_DELETED,
    ),
    hints=(
        "The command was obeyed, and then somebody changed it back. The events tell when.",
        "Who owns the StatefulSet? Look at metadata.ownerReferences.",
        f"The Server {SERVER} owns it: set replicas there.",
    ),
    inject=inject,
    check=check,
)
