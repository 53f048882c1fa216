"""The restored backup of the sealing keys is older than the newest key: one secret stays shut."""

from __future__ import annotations

import asyncio
import base64

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import dig, labels_of
from runbook.practice.controllers.sealed_secrets import KEY_LABEL, KEY_PREFIX
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import synced
from runbook.practice.faults.places import (
    PLATFORM_SECRET,
    SEALED_SECRETS,
    SEALER,
    TRAINING,
)
from runbook.practice.faults.sealing_key_lost import SEALED, SECRET_BY_HAND
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import RCLONE_SECRET_OPEN, not_unsealed
from runbook.practice.seal import sealed
from runbook.sealing import new_key

_BITS = 2048
_BACKUP = "sealing-keys-backup"
_RENEWED = f"{KEY_PREFIX}t7w4m"


async def inject(bench: Bench) -> None:
    bench.remember(SEALED_SECRETS, TRAINING, PLATFORM_SECRET)
    await _forget_a_key(bench)
    await _renew(bench)
    bench.memory["keys"] = [_private(key) for key in _active(bench)]
    for pod in bench.api.select("pods", SEALER[0]):
        if pod["metadata"]["name"].startswith(f"{SEALER[1]}-"):  # keys are read at its start
            await bench.delete("pods", SEALER[0], pod["metadata"]["name"])


async def _forget_a_key(bench: Bench) -> None:
    """Seal one secret for a key that nobody has."""
    _, certificate = await _new_key(bench)
    secret = bench.get("secrets", TRAINING, PLATFORM_SECRET)
    metadata = {"name": PLATFORM_SECRET, "namespace": TRAINING}
    closed = sealed({"kind": "Secret", "metadata": metadata, "data": secret["data"]}, certificate)
    patch = {"spec": {"encryptedData": closed["spec"]["encryptedData"]}}
    await bench.patch(SEALED_SECRETS, TRAINING, PLATFORM_SECRET, patch)
    await bench.delete("secrets", TRAINING, PLATFORM_SECRET)


async def _renew(bench: Bench) -> None:
    """A backup of what was restored, and a key that the controller has made since."""
    if bench.find("secrets", SEALER[0], _BACKUP) is None:
        await bench.create("secrets", _tls(_BACKUP, _active(bench)[-1]["data"]))
    if bench.find("secrets", SEALER[0], _RENEWED) is None:
        key, certificate = await _new_key(bench)
        made = {"tls.key": key, "tls.crt": certificate}
        data = {name: base64.b64encode(pem).decode() for name, pem in made.items()}
        await bench.create("secrets", _tls(_RENEWED, data, labels={KEY_LABEL: "active"}))


async def _new_key(bench: Bench) -> tuple[bytes, bytes]:
    # In a thread: arithmetic that takes long must not keep the API server from answering.
    return await asyncio.to_thread(new_key, bench.api.timeline.now(), bits=_BITS)


def _tls(name: str, data: JSON, **metadata: JSON) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": SEALER[0], **metadata},
        "type": "kubernetes.io/tls",
        "data": data,
    }


def _active(bench: Bench) -> list[JSON]:
    return bench.api.select("secrets", SEALER[0], {KEY_LABEL: "active"})


def _private(key: JSON) -> str:
    return str(key["data"]["tls.key"])


async def check(case: Case) -> str:
    for place in SEALED:
        if wrong := await synced(case, *place):
            return wrong
    return await _backed_up(case)


async def _backed_up(case: Case) -> str:
    """Some Secret that the controller does not read holds every key that it does."""
    secrets = await case.read.list("secrets", SEALER[0])
    read = [one for one in secrets if labels_of(one).get(KEY_LABEL) == "active"]
    kept = {
        value
        for secret in secrets
        if labels_of(secret).get(KEY_LABEL) != "active"
        for value in dig(secret, "data", default={}).values()
    }
    for key in read:
        if _private(key) not in kept:
            return f"no backup holds the sealing key {key['metadata']['name']}"
    return ""


async def _key_deleted(case: Case) -> bool:
    keys = await case.read.list("secrets", SEALER[0], f"{KEY_LABEL}=active")
    return not set(case.memory["keys"]) <= {_private(key) for key in keys}


def _part(variable: str, name: str) -> str:
    """The command that reads one part of the renewed key into a variable."""
    path = f"{{.data.tls\\.{name}}}"
    return f"{variable}=$(kubectl get secret {_RENEWED} -n {SEALER[0]} -o jsonpath='{path}')"


FAULT = Fault(
    name="sealing-key-backup-stale",
    title="One sealed secret opens, another does not",
    story=(
        "The sealing keys were restored from a backup after a rebuild. The older sealed secret is"
        " open; the one that was sealed last month, after the keys had been renewed, is not. Nobody"
        " has that key any more; its values are known (k8s/README.md says how to seal). The"
        f" platform team keeps its backup in Secret {_BACKUP} in {SEALER[0]}: see to it that the"
        " next rebuild does not end like this one."
    ),
    symptoms=(RCLONE_SECRET_OPEN, *not_unsealed(TRAINING, PLATFORM_SECRET)),
    diagnosis=(
        "Keys are renewed every month, and the newest one seals. A backup opens only what was"
        " sealed before it was made. What is newer has to be sealed again, from its plain values"
        " and for a certificate of which the controller has the key. The backup lacks the key that"
        " the controller has made since, so it would be too old again."
    ),
    remedies=(
        Remedy(
            "Apply the file that is sealed for a key the controller has, and add the newest key to"
            " the backup",
            (
                f"kubectl apply -f k8s/secrets/{PLATFORM_SECRET}.yaml",
                _part("KEY", "key"),
                _part("CRT", "crt"),
                f"kubectl patch secret {_BACKUP} -n {SEALER[0]} --type=merge -p"
                ' \'{"data":{"newest.key":"\'$KEY\'","newest.crt":"\'$CRT\'"}}\'',
            ),
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
        Penalty(
            "sealing-key-deleted",
            "a sealing key was deleted: whatever was sealed for it opens for nobody",
            _key_deleted,
            (f"kubectl delete secret {_RENEWED} -n {SEALER[0]}",),
        ),
    ),
    hints=(
        "One of two opens: the controller works, and has a key.",
        "For which key was the other one sealed, and is that key among the controller's?",
        "Apply k8s/secrets/ml-platform.yaml, which is sealed for a key that is there. Then copy what"
        f" {KEY_LABEL}=active finds and the backup lacks into {_BACKUP}, without that label.",
    ),
    inject=inject,
    check=check,
)
