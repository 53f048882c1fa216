"""A rebuilt cluster made itself a new sealing key; nothing that was sealed before opens."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.controllers.sealed_secrets import KEY_LABEL
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import made_by_hand, models_available, synced
from runbook.practice.faults.places import (
    DEPLOYMENTS,
    INFERENCE,
    PLATFORM_SECRET,
    RCLONE_SECRET,
    SEALER,
    SERVER_POD,
    TRAINING,
)
from runbook.practice.faults.symptoms import AGENT_CRASHES, not_unsealed

_BACKUP = "sealing-key-backup"
SEALED = ((INFERENCE, RCLONE_SECRET), (TRAINING, PLATFORM_SECRET))


async def inject(bench: Bench) -> None:
    keys = bench.api.select("secrets", SEALER[0], {KEY_LABEL: "active"})
    if bench.find("secrets", SEALER[0], _BACKUP) is None:
        backup = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": _BACKUP, "namespace": SEALER[0]},
            "type": "kubernetes.io/tls",
            "data": keys[-1]["data"],
        }
        await bench.create("secrets", backup)
    bench.memory["certificates"] = [key["data"]["tls.crt"] for key in keys]
    await bench.patch(DEPLOYMENTS, *SEALER, {"spec": {"replicas": 0}})

    def stopped() -> bool:
        pods = bench.api.select("pods", SEALER[0])
        return not any(one["metadata"]["name"].startswith(f"{SEALER[1]}-") for one in pods)

    async def rebuild() -> None:
        for key in keys:
            await bench.delete("secrets", SEALER[0], key["metadata"]["name"])
        for namespace, name in SEALED:
            await bench.delete("secrets", namespace, name)
        await bench.patch(DEPLOYMENTS, *SEALER, {"spec": {"replicas": 1}})
        await bench.delete("pods", INFERENCE, SERVER_POD)

    bench.when(stopped, rebuild)


async def check(case: Case) -> str:
    for place in SEALED:
        if wrong := await synced(case, *place):
            return wrong
    if wrong := await models_available(case):
        return wrong
    keys = await case.read.list("secrets", SEALER[0], f"{KEY_LABEL}=active")
    active = {dig(key, "data", "tls.crt") for key in keys}
    if not set(case.memory["certificates"]) <= active:
        return "the lost sealing key is not among the active ones"
    return ""


async def by_hand(case: Case) -> bool:
    return any([await made_by_hand(case, *place) for place in SEALED])


SECRET_BY_HAND = Penalty(
    "secret-by-hand",
    "a secret was written by hand beside its SealedSecret, which will not take it over",
    by_hand,
    (
        "kubectl create -f - <<'EOF'\n"
        '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"ml-platform",'
        '"namespace":"financial-mlops-pytorch"},"stringData":{"MLFLOW_TRACKING_USERNAME":"mlflow"}}'
        "\nEOF",
    ),
)
_RESTART = f"kubectl rollout restart deployment/{SEALER[1]} -n {SEALER[0]}"

FAULT = Fault(
    name="sealing-key-lost",
    title="No sealed secret opens after a rebuild",
    story=(
        "The cluster was rebuilt, and everything was applied without an error. The model server's"
        " agent crashes, no training would start, and the sealed secrets controller is green. The"
        f" platform team keeps a backup of its key in Secret {_BACKUP} in {SEALER[0]}."
    ),
    symptoms=(
        *not_unsealed(INFERENCE, RCLONE_SECRET),
        *not_unsealed(TRAINING, PLATFORM_SECRET),
        AGENT_CRASHES,
        Symptom(f"kubectl logs deployment/{SEALER[1]} -n {SEALER[0]}", "New key written"),
    ),
    diagnosis=(
        "A sealed secrets controller that finds no key makes itself one, without a word. What was"
        " sealed for the former key stays shut; the Secrets are missing, and what needs them fails"
        " three levels further on."
    ),
    remedies=(
        Remedy(
            "Give the backup the label by which keys are found, and restart the controller",
            (f"kubectl label secret {_BACKUP} -n {SEALER[0]} {KEY_LABEL}=active", _RESTART),
        ),
        Remedy(
            "Apply the key from its file, and restart the controller",
            ("kubectl apply -f runbook/practice/seed/sealing-key.yaml", _RESTART),
        ),
    ),
    penalties=(SECRET_BY_HAND,),
    hints=(
        "Follow the chain down: pod, Secret, SealedSecret. What does its status say?",
        "The controller has a key, but which? Look at the age of the Secrets labelled"
        f" {KEY_LABEL} in {SEALER[0]}.",
        f"Label {_BACKUP} with {KEY_LABEL}=active and restart the controller: keys are read when it"
        " starts, and every SealedSecret is tried again then.",
    ),
    inject=inject,
    check=check,
)
