"""The object store's password was changed, and the model server still has the old one."""

from __future__ import annotations

import base64

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import INFERENCE, PREDICTORS, SERVER_POD
from runbook.practice.faults.symptoms import SERVER_WHOLE, copy_failed, log_of

_STORE, _USERS, _USER = "minio", "minio-users", "seldon"
_RIGHT = "practice-seldon-reader-5e81c7"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


async def inject(bench: Bench) -> None:
    users = {"data": {_USER: _encoded("rotated-by-mistake-0000")}}
    await bench.patch("secrets", _STORE, _USERS, users)
    await bench.delete("pods", INFERENCE, SERVER_POD)


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    return "the account has lost its password" if await _without_password(case) else ""


async def _without_password(case: Case) -> bool:
    users = await case.read.get("secrets", _STORE, _USERS)
    return not dig(users, "data", _USER)


async def _as_root(case: Case) -> bool:
    """Whether the model server was given the store's root account."""
    secrets = await case.read.list("secrets", INFERENCE)
    contents = [one for s in secrets for one in dig(s, "data", default={}).values()]
    return any(b"practice-root" in base64.b64decode(one) for one in contents)


_ROOT = """kubectl apply -f - <<'EOF'
apiVersion: v1
kind: Secret
metadata:
  name: seldon-rclone-gs-public
  namespace: financial-inference
stringData:
  rclone.conf: >-
    {"name": "s3", "type": "s3", "parameters": {"provider": "Minio",
    "access_key_id": "practice-root", "secret_access_key": "practice-root-minio-77c1e0",
    "endpoint": "http://minio.minio.svc.cluster.local:9000", "region": "us-east-1"}}
EOF"""

FAULT = Fault(
    name="store-password-wrong",
    title="Models fail to load, and nothing says why",
    story=(
        "After a restart of the model server no model loads. The platform team rotated a password"
        " of the object store by mistake; the sealed one is the right one, and theirs is in Secret"
        f" {_USERS} in namespace {_STORE}, which you may correct."
    ),
    symptoms=(
        SERVER_WHOLE,
        copy_failed(PREDICTORS[0]),
        log_of("rclone", "SignatureDoesNotMatch"),
    ),
    diagnosis=(
        "The store knows the account, and another password for it. rclone hides that from the"
        " Model's condition: only the rclone container's log names the store's answer."
    ),
    remedies=(
        Remedy(
            "Give the account its password back, and restart the server",
            (
                f"kubectl patch secret {_USERS} -n {_STORE} --type=merge"
                f' -p \'{{"data":{{"{_USER}":"{_encoded(_RIGHT)}"}}}}\'',
                f"kubectl delete pod {SERVER_POD} -n {INFERENCE} --wait=false",
            ),
        ),
    ),
    penalties=(
        Penalty(
            "root-account-used",
            "the model server was given the store's root account, which may delete everything",
            _as_root,
            (_ROOT,),
        ),
    ),
    hints=(
        "The condition names only rclone's own request. Read the log of the rclone container.",
        "SignatureDoesNotMatch: the account is known, its password is not. Compare both sides.",
        f"Put the password that the rclone secret holds into key {_USER} of {_USERS} in {_STORE},"
        " and restart mlserver-0: a model that failed is tried again when an agent comes.",
    ),
    inject=inject,
    check=check,
)
