"""The agents' rclone secret was resealed with a comma too many."""

from __future__ import annotations

import base64

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Remedy
from runbook.practice.faults.judging import models_available, remote_s3, synced
from runbook.practice.faults.places import (
    INFERENCE,
    RCLONE_SECRET,
    SEALED_SECRETS,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.shortcuts import SERVER_DELETED
from runbook.practice.faults.symptoms import AGENT_CRASHES, RCLONE_SECRET_OPEN, last_words_of_agent
from runbook.practice.seal import practice_certificate, sealed


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    secret = bench.get("secrets", INFERENCE, RCLONE_SECRET)
    [(key, value)] = secret["data"].items()
    broken = base64.b64decode(value).decode().rstrip().removesuffix("}") + ",}"
    data = {key: base64.b64encode(broken.encode()).decode()}
    metadata = {"name": RCLONE_SECRET, "namespace": INFERENCE}
    closed = sealed({"kind": "Secret", "metadata": metadata, "data": data}, practice_certificate())
    patch = {"spec": {"encryptedData": closed["spec"]["encryptedData"]}}
    await bench.patch(SEALED_SECRETS, INFERENCE, RCLONE_SECRET, patch)

    async def restart() -> None:
        await bench.delete("pods", INFERENCE, SERVER_POD)

    def unsealed() -> bool:
        return bool(bench.get("secrets", INFERENCE, RCLONE_SECRET)["data"] == data)

    bench.when(unsealed, restart)


async def check(case: Case) -> str:
    return (
        await models_available(case)
        or await remote_s3(case)
        or await synced(case, INFERENCE, RCLONE_SECRET)
    )


FAULT = Fault(
    name="rclone-secret-not-json",
    title="The agent crashes over a secret that was just resealed",
    story=(
        "The rclone credentials were rotated and sealed anew. The SealedSecret is synced; since the"
        " model server's restart its agent crashes. The sealed secret is to hold what is right."
    ),
    symptoms=(
        RCLONE_SECRET_OPEN,
        AGENT_CRASHES,
        last_words_of_agent("Failed to unmarshall config as json or yaml."),
    ),
    diagnosis=(
        "Sealing keeps whatever it is given. The one key of the secret holds JSON with a comma too"
        " many, which neither of the agent's parsers takes."
    ),
    remedies=(
        Remedy(
            "Apply the sealed file with the right content",
            (f"kubectl apply -f k8s/secrets/{RCLONE_SECRET}.yaml",),
        ),
    ),
    penalties=(SERVER_DELETED,),
    hints=(
        "Synced says that it opened, not that it makes sense. Read the agent's log.",
        "Decode the one key of the secret and read it as a parser would.",
        "There is a comma before the last brace. Seal the right content again;"
        f" k8s/secrets/{RCLONE_SECRET}.yaml holds it.",
    ),
    inject=inject,
    check=check,
)
