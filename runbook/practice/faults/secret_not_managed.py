"""A Secret made by hand stands in a SealedSecret's way."""

from __future__ import annotations

import base64

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import synced
from runbook.practice.faults.places import PLATFORM_SECRET, SEALED_SECRETS, SEALER, TRAINING
from runbook.practice.faults.shortcuts import was_deleted


async def inject(bench: Bench) -> None:
    bench.remember(SEALED_SECRETS, TRAINING, PLATFORM_SECRET)
    secret = bench.get("secrets", TRAINING, PLATFORM_SECRET)
    bench.memory["data"] = secret["data"]
    stale = {"MLFLOW_TRACKING_PASSWORD": base64.b64encode(b"of-last-year").decode()}
    by_hand = {"metadata": {"ownerReferences": None}, "data": stale}
    await bench.patch("secrets", TRAINING, PLATFORM_SECRET, by_hand)
    touched = {"metadata": {"annotations": {"applied-by": "rebuild"}}}
    await bench.patch(SEALED_SECRETS, TRAINING, PLATFORM_SECRET, touched)


async def check(case: Case) -> str:
    if wrong := await synced(case, TRAINING, PLATFORM_SECRET):
        return wrong
    secret = await case.read.get("secrets", TRAINING, PLATFORM_SECRET)
    if dig(secret, "data") != case.memory["data"]:
        return f"Secret {PLATFORM_SECRET} does not hold what was sealed"
    return ""


_RESTART = f"kubectl rollout restart deployment/{SEALER[1]} -n {SEALER[0]}"

FAULT = Fault(
    name="secret-not-managed",
    title="A sealed secret opens and is not taken over",
    story=(
        "During a rebuild somebody wrote a Secret by hand to get on. Its password is of last year,"
        " and the sealed secret of the same name cannot take its place."
    ),
    symptoms=(
        Symptom(
            f"kubectl get sealedsecret {PLATFORM_SECRET} -n {TRAINING}",
            "already exists and is not managed by SealedSecret",
        ),
        Symptom(f"kubectl get sealedsecret {PLATFORM_SECRET} -n {TRAINING}", "False"),
    ),
    diagnosis=(
        "The controller overwrites only Secrets that the SealedSecret owns, or that say they may be"
        " taken over. It gives up after five tries, and looks again when it is started or when what is"
        " sealed changes."
    ),
    remedies=(
        Remedy(
            "Say that the Secret may be taken over, and restart the controller",
            (
                f"kubectl annotate secret {PLATFORM_SECRET} -n {TRAINING}"
                " sealedsecrets.bitnami.com/managed=true",
                _RESTART,
            ),
        ),
        Remedy(
            "Delete the Secret, and restart the controller",
            (f"kubectl delete secret {PLATFORM_SECRET} -n {TRAINING}", _RESTART),
        ),
    ),
    penalties=(
        Penalty(
            "sealed-secret-deleted",
            "the SealedSecret was deleted, and the Secret written by hand kept",
            was_deleted(SEALED_SECRETS, TRAINING, PLATFORM_SECRET),
            (f"kubectl delete sealedsecret {PLATFORM_SECRET} -n {TRAINING}",),
        ),
    ),
    hints=(
        "The SealedSecret's status says what is in its way.",
        "Who owns the Secret of that name? Nobody: look at its ownerReferences.",
        "Annotate the Secret with sealedsecrets.bitnami.com/managed=true or delete it, and restart"
        " the controller: it has given up.",
    ),
    inject=inject,
    check=check,
)
