"""The agents' rclone secret has got a second key, and may have only one."""

from __future__ import annotations

import base64

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Remedy
from runbook.practice.faults.judging import models_available, remote_s3
from runbook.practice.faults.places import (
    INFERENCE,
    RCLONE_SECRET,
    SERVER,
    SERVER_POD,
    SERVERS,
)
from runbook.practice.faults.shortcuts import SERVER_DELETED
from runbook.practice.faults.symptoms import AGENT_CRASHES, last_words_of_agent

_SECOND = "README"


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    note = base64.b64encode(b"rotated by the platform team").decode()
    await bench.patch("secrets", INFERENCE, RCLONE_SECRET, {"data": {_SECOND: note}})
    await bench.delete("pods", INFERENCE, SERVER_POD)


async def check(case: Case) -> str:
    if wrong := await models_available(case) or await remote_s3(case):
        return wrong
    secret = await case.read.get("secrets", INFERENCE, RCLONE_SECRET)
    if len(dig(secret, "data", default={})) != 1:
        return f"Secret {RCLONE_SECRET} does not have exactly one key"
    return ""


FAULT = Fault(
    name="rclone-secret-two-keys",
    title="The agent crashes over a secret that is there",
    story=(
        "Somebody left a note in the rclone secret. Since the model server's restart its agent"
        " crashes, and no model is served."
    ),
    symptoms=(
        AGENT_CRASHES,
        last_words_of_agent(f"Secret does not have 1 key {RCLONE_SECRET}"),
    ),
    diagnosis=(
        "The agent takes its remote from the one key of the secret, whatever it is called, and"
        " refuses a secret with none or two. What is changed in a Secret by hand stays: the sealed"
        " secrets controller does not look at it."
    ),
    remedies=(
        Remedy(
            "Remove the second key",
            (
                f"kubectl patch secret {RCLONE_SECRET} -n {INFERENCE} --type=json"
                f' -p \'[{{"op":"remove","path":"/data/{_SECOND}"}}]\'',
            ),
        ),
        Remedy(
            "Delete the secret: its SealedSecret makes it again",
            (f"kubectl delete secret {RCLONE_SECRET} -n {INFERENCE}",),
        ),
    ),
    penalties=(SERVER_DELETED,),
    hints=(
        "The secret exists. What does the agent's log say about it?",
        "Count the keys of the secret's data.",
        "Remove the key README, or delete the Secret: its SealedSecret makes it again as it was.",
    ),
    inject=inject,
    check=check,
)
