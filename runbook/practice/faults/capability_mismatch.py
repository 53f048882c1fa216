"""Models ask for `sklearn`, the server offers `scikit-learn`: nearly the same is not the same."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import INFERENCE, MODELS, PREDICTORS, SERVER, SERVERS
from runbook.practice.faults.shortcuts import SERVER_DELETED
from runbook.practice.faults.symptoms import MODELS_DOWN, SERVER_WHOLE, no_server_fits

_WANTED = ["mlflow", "torch", "numpy", "sklearn"]


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    for name in PREDICTORS:
        bench.remember(MODELS, INFERENCE, name)
        await bench.patch(MODELS, INFERENCE, name, {"spec": {"requirements": _WANTED}})


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    server = await case.read.get(SERVERS, INFERENCE, SERVER)
    offered = dig(server, "spec", "capabilities", default=[])
    for model in await case.read.list(MODELS, INFERENCE):
        wanted = dig(model, "spec", "requirements", default=[])
        if missing := [one for one in wanted if one not in offered]:
            return f"{SERVER} does not offer {', '.join(missing)}"
    return "a model asks for nothing any more" if await _asks_for_nothing(case) else ""


async def _asks_for_nothing(case: Case) -> bool:
    models = await case.read.list(MODELS, INFERENCE)
    return any(not dig(model, "spec", "requirements", default=[]) for model in models)


def _patch(requirements: str) -> tuple[str, ...]:
    spec = f'{{"spec":{{"requirements":{requirements}}}}}'
    return tuple(
        f"kubectl patch model {name} -n {INFERENCE} --type=merge -p '{spec}'" for name in PREDICTORS
    )


FAULT = Fault(
    name="capability-mismatch",
    title="No server takes the models",
    story=(
        "Since the last change both models are refused, although the server is up, has room, and"
        " takes part. Make them available again; they are to go on saying what they need."
    ),
    symptoms=(
        MODELS_DOWN,
        no_server_fits(PREDICTORS[0]),
        SERVER_WHOLE,
    ),
    diagnosis=(
        "A requirement must equal an entry of the server's capability list letter for letter. The"
        " models ask for sklearn, the server lists scikit-learn."
    ),
    remedies=(
        Remedy(
            "Spell the requirement as the server does",
            _patch('["mlflow","torch","numpy","scikit-learn"]'),
        ),
        Remedy(
            "Let the server offer it (its pod restarts)",
            (
                f"kubectl patch server {SERVER} -n {INFERENCE} --type=merge -p"
                ' \'{"spec":{"capabilities":["mlflow","torch","numpy","scikit-learn",'
                '"sklearn"]}}\'',
            ),
        ),
    ),
    penalties=(
        SERVER_DELETED,
        Penalty(
            "requirements-removed",
            "a model no longer says what it needs, and would be put on any server",
            _asks_for_nothing,
            _patch("[]"),
        ),
    ),
    hints=(
        "The reason is in the Model's condition; the server itself is well.",
        "Put spec.requirements of a model beside spec.capabilities of the server.",
        "The match is exact: sklearn is not scikit-learn. Change either side.",
    ),
    inject=inject,
    check=check,
)
