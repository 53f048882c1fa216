"""Two owners of one name: a chart's own rclone secret has replaced the platform's."""

from __future__ import annotations

import base64
import json

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available, remote_s3, synced
from runbook.practice.faults.places import (
    INFERENCE,
    PREDICTORS,
    RCLONE_SECRET,
    SEALER,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.rclone_secret_missing import BY_HAND
from runbook.practice.faults.shortcuts import SERVER_DELETED
from runbook.practice.faults.symptoms import SERVER_WHOLE, copy_failed, log_of

_CHARTS = {"name": "gs", "type": "google cloud storage", "parameters": {"anonymous": "true"}}


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    secret = bench.get("secrets", INFERENCE, RCLONE_SECRET)
    content = base64.b64encode(json.dumps(_CHARTS).encode()).decode()
    patch = {
        "metadata": {
            "ownerReferences": None,
            "labels": {"app.kubernetes.io/managed-by": "Helm"},
            "annotations": {"meta.helm.sh/release-name": "seldon-core-v2-setup"},
        },
        "data": {**dict.fromkeys(secret["data"]), "rclone.yaml": content},
    }
    await bench.patch("secrets", INFERENCE, RCLONE_SECRET, patch)
    await bench.delete("pods", INFERENCE, SERVER_POD)


async def check(case: Case) -> str:
    return (
        await synced(case, INFERENCE, RCLONE_SECRET)
        or await models_available(case)
        or await remote_s3(case)
    )


async def _by_hand(case: Case) -> bool:
    """The right content, and still nobody who owns it."""
    secret = await case.read.get("secrets", INFERENCE, RCLONE_SECRET)
    if secret is None or dig(secret, "metadata", "ownerReferences"):
        return False
    contents = [base64.b64decode(one) for one in dig(secret, "data", default={}).values()]
    return any(b'"s3"' in content for content in contents)


_DELETE = f"kubectl delete secret {RCLONE_SECRET} -n {INFERENCE}"
_LOOK_AGAIN = f"kubectl rollout restart deployment/{SEALER[1]} -n {SEALER[0]}"
_RESTART = f"kubectl delete pod {SERVER_POD} -n {INFERENCE} --wait=false"

FAULT = Fault(
    name="rclone-secret-overwritten",
    title="Models fail to load after a chart was installed again",
    story=(
        "A chart of Seldon was installed again, and the model server restarted. The pod is ready,"
        " but both models fail. The platform's own sealed secret is to be the owner again."
    ),
    symptoms=(
        SERVER_WHOLE,
        copy_failed(PREDICTORS[0]),
        log_of("agent", "current set of remotes is [gs]"),
        log_of("rclone", "didn't find section"),
    ),
    diagnosis=(
        "The chart ships a secret under the same name, with an anonymous remote gs. Whoever wrote"
        " last has won: there is no remote s3, and the SealedSecret no longer owns its Secret,"
        " which its controller says only when it looks again."
    ),
    remedies=(
        Remedy(
            "Delete the chart's secret, restart the sealing controller and the server",
            (_DELETE, _LOOK_AGAIN, _RESTART),
        ),
        Remedy(
            "Hand the secret over to the SealedSecret, restart the sealing controller and the server",
            (
                f"kubectl annotate secret {RCLONE_SECRET} -n {INFERENCE}"
                " sealedsecrets.bitnami.com/managed=true",
                _LOOK_AGAIN,
                _RESTART,
            ),
        ),
    ),
    penalties=(
        SERVER_DELETED,
        Penalty(
            "secret-by-hand",
            "the secret was written by hand; nobody owns it, and the next install replaces it"
            " again",
            _by_hand,
            (_DELETE, BY_HAND),
        ),
    ),
    hints=(
        "The Model's condition names rclone's request only. The cause is in the rclone container's"
        " log; what remotes there are, in the agent's.",
        "Who owns the secret that the agents read? Look at its labels and owner references.",
        "Delete the Secret, restart the controller that opens the sealed one, and then restart"
        " mlserver-0.",
    ),
    inject=inject,
    check=check,
)
