"""The restored backup of the sealing keys is older than the newest key: one secret stays shut."""

from __future__ import annotations

import asyncio

from runbook.practice.controllers.sealing import new_key
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy, Symptom
from runbook.practice.faults.judging import synced
from runbook.practice.faults.places import (
    INFERENCE,
    PLATFORM_SECRET,
    RCLONE_SECRET,
    SEALED_SECRETS,
    TRAINING,
)
from runbook.practice.faults.sealing_key_lost import SEALED, SECRET_BY_HAND
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.seal import sealed

_BITS = 2048


async def inject(bench: Bench) -> None:
    bench.remember(SEALED_SECRETS, TRAINING, PLATFORM_SECRET)
    now = bench.api.timeline.now()
    # In a thread: arithmetic that takes long must not keep the API server from answering.
    _, certificate = await asyncio.to_thread(new_key, now, bits=_BITS)
    secret = bench.get("secrets", TRAINING, PLATFORM_SECRET)
    metadata = {"name": PLATFORM_SECRET, "namespace": TRAINING}
    closed = sealed({"kind": "Secret", "metadata": metadata, "data": secret["data"]}, certificate)
    patch = {"spec": {"encryptedData": closed["spec"]["encryptedData"]}}
    await bench.patch(SEALED_SECRETS, TRAINING, PLATFORM_SECRET, patch)
    await bench.delete("secrets", TRAINING, PLATFORM_SECRET)


async def check(case: Case) -> str:
    for place in SEALED:
        if wrong := await synced(case, *place):
            return wrong
    return ""


FAULT = Fault(
    name="sealing-key-backup-stale",
    title="One sealed secret opens, another does not",
    story=(
        "The sealing keys were restored from a backup after a rebuild. The older sealed secret is"
        " open; the one that was sealed last month, after the keys had been renewed, is not. Nobody"
        " has the newest key any more; its values are known (k8s/README.md says how to seal)."
    ),
    symptoms=(
        Symptom(f"kubectl get sealedsecret {RCLONE_SECRET} -n {INFERENCE}", "True"),
        Symptom(f"kubectl get sealedsecret {PLATFORM_SECRET} -n {TRAINING}", "False"),
        Symptom(
            f"kubectl get sealedsecret {PLATFORM_SECRET} -n {TRAINING} -o yaml",
            "no key could decrypt secret",
        ),
    ),
    diagnosis=(
        "Keys are renewed every month, and the newest one seals. A backup opens only what was"
        " sealed before it was made. What is newer has to be sealed again, from its plain values"
        " and for the certificate the controller has now."
    ),
    remedies=(
        Remedy(
            "Apply the file that is sealed for the present certificate",
            (f"kubectl apply -f k8s/secrets/{PLATFORM_SECRET}.yaml",),
        ),
    ),
    penalties=(
        SECRET_BY_HAND,
        Penalty(
            "sealed-secret-deleted",
            "the SealedSecret was deleted instead of being sealed again",
            was_deleted(SEALED_SECRETS, TRAINING, PLATFORM_SECRET),
            (f"kubectl delete sealedsecret {PLATFORM_SECRET} -n {TRAINING}",),
        ),
    ),
    hints=(
        "One of two opens: the controller works, and has a key.",
        "For which key was the other one sealed, and is that key among the controller's?",
        "Seal it again for the present certificate: k8s/secrets/ml-platform.yaml is such a file.",
    ),
    inject=inject,
    check=check,
)
