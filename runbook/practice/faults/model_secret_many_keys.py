"""One model names a secret of its own, and that one has many keys."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import (
    ENHANCED,
    INFERENCE,
    MODELS,
    PLATFORM_SECRET,
    PREDICTORS,
    TRAINING,
)
from runbook.practice.faults.shortcuts import was_deleted
from runbook.practice.faults.symptoms import model_down, model_says


async def inject(bench: Bench) -> None:
    bench.remember(MODELS, INFERENCE, ENHANCED)
    source = bench.get("secrets", TRAINING, PLATFORM_SECRET)
    if bench.find("secrets", INFERENCE, PLATFORM_SECRET) is None:
        copied = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": PLATFORM_SECRET, "namespace": INFERENCE},
            "data": source["data"],
        }
        await bench.create("secrets", copied)
    await bench.patch(MODELS, INFERENCE, ENHANCED, {"spec": {"secretName": PLATFORM_SECRET}})


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    for name in PREDICTORS:
        model = await case.read.get(MODELS, INFERENCE, name)
        if dig(model, "spec", "secretName"):
            return f"model {name} still names a secret of its own"
    return ""


FAULT = Fault(
    name="model-secret-many-keys",
    title="One of two models fails to load",
    story=(
        f"{ENHANCED} was given the platform's credentials, and fails since. The other model reads"
        " from the same store and is well."
    ),
    symptoms=(
        model_down(ENHANCED),
        model_says(ENHANCED, f"Secret does not have 1 key {PLATFORM_SECRET}"),
    ),
    diagnosis=(
        "secretName on a Model makes the agent build a remote from that secret, under the same"
        " rule: exactly one key. ml-platform has six. The shared rclone remote needs no secretName."
    ),
    remedies=(
        Remedy(
            "Remove secretName from the model",
            (
                f"kubectl patch model {ENHANCED} -n {INFERENCE} --type=json"
                ' -p \'[{"op":"remove","path":"/spec/secretName"}]\'',
            ),
        ),
    ),
    penalties=(
        Penalty(
            "model-deleted",
            "the model was deleted and made again where one field was wrong",
            was_deleted(MODELS, INFERENCE, ENHANCED),
            (f"kubectl delete model {ENHANCED} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "Compare the two models; the condition of the one that fails names a secret.",
        "How many keys may a secret have that a Model names?",
        "Remove spec.secretName from the model. An apply of the manifest does not remove it: the"
        " field was not in what was applied before.",
    ),
    inject=inject,
    check=check,
)
