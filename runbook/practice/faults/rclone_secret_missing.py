"""The agents' rclone configuration is gone."""

from __future__ import annotations

from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Remedy
from runbook.practice.faults.judging import models_available, remote_s3
from runbook.practice.faults.places import (
    INFERENCE,
    PREDICTORS,
    RCLONE_SECRET,
    SEALED_SECRETS,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.shortcuts import SERVER_DELETED
from runbook.practice.faults.symptoms import AGENT_CRASHES, last_words_of_agent, no_server_fits


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    await bench.delete(SEALED_SECRETS, INFERENCE, RCLONE_SECRET)

    async def restart() -> None:
        await bench.delete("pods", INFERENCE, SERVER_POD)

    bench.when(lambda: bench.find("secrets", INFERENCE, RCLONE_SECRET) is None, restart)


async def check(case: Case) -> str:
    return await models_available(case) or await remote_s3(case)


BY_HAND = """kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Secret
metadata:
  name: seldon-rclone-gs-public
  namespace: financial-inference
stringData:
  rclone.conf: >-
    {"name": "s3", "type": "s3", "parameters": {"provider": "Minio", "env_auth": "false",
    "access_key_id": "seldon", "secret_access_key": "practice-seldon-reader-5e81c7",
    "endpoint": "http://minio.minio.svc.cluster.local:9000", "region": "us-east-1"}}
EOF"""

FAULT = Fault(
    name="rclone-secret-missing",
    title="The agent crashes, and no server takes the models",
    story=(
        "After a clean-up of the namespace the model server was restarted. Its agent crashes, and"
        " both models are refused."
    ),
    symptoms=(
        AGENT_CRASHES,
        last_words_of_agent(f'secrets \\"{RCLONE_SECRET}\\" not found'),
        no_server_fits(PREDICTORS[0]),
    ),
    diagnosis=(
        "Agents read their rclone remote from the Secret that the ConfigMap seldon-agent names, and"
        " exit when it is not there. The SealedSecret was deleted, and its Secret went with it."
    ),
    remedies=(
        Remedy(
            "Apply the sealed secret again",
            ("kubectl apply -f k8s/secrets/seldon-rclone-gs-public.yaml",),
        ),
        Remedy("Write the secret by hand", (BY_HAND,)),
    ),
    penalties=(SERVER_DELETED,),
    hints=(
        "The pod is 2/3. Read the log of the container that is not ready, of its previous life.",
        "It looks for a Secret by name. Who made that Secret before?",
        "Apply k8s/secrets/seldon-rclone-gs-public.yaml; the agent finds it at its next restart.",
    ),
    inject=inject,
    check=check,
)
