"""A model asks for a server by a name that no server has."""

from __future__ import annotations

from runbook.practice.controllers.objects import dig
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case
from runbook.practice.faults.fault import Fault, Penalty, Remedy
from runbook.practice.faults.judging import models_available
from runbook.practice.faults.places import BASELINE, INFERENCE, MODELS, SERVER, SERVERS
from runbook.practice.faults.shortcuts import SERVER_DELETED, was_deleted
from runbook.practice.faults.symptoms import model_down, no_server_fits

_UNKNOWN = "ml-server"


async def inject(bench: Bench) -> None:
    bench.remember(SERVERS, INFERENCE, SERVER)
    bench.remember(MODELS, INFERENCE, BASELINE)
    await bench.patch(MODELS, INFERENCE, BASELINE, {"spec": {"server": _UNKNOWN}})


async def check(case: Case) -> str:
    if wrong := await models_available(case):
        return wrong
    model = await case.read.get(MODELS, INFERENCE, BASELINE)
    if dig(model, "spec", "server") not in (None, "", SERVER):
        return f"{BASELINE} asks for another server than {SERVER}"
    return ""


FAULT = Fault(
    name="server-name-unknown",
    title="One of two models is refused by every server",
    story=(
        f"{BASELINE} was given a server of its own to run on. No server takes it, although the"
        " other model, which needs the same, is served."
    ),
    symptoms=(
        model_down(BASELINE),
        no_server_fits(BASELINE),
    ),
    diagnosis=(
        "spec.server of a Model must be the name of a Server. There is none called ml-server; the"
        " text is the same as for a capability that nobody offers."
    ),
    remedies=(
        Remedy(
            "Name the server as it is called",
            (
                f"kubectl patch model {BASELINE} -n {INFERENCE} --type=merge"
                f' -p \'{{"spec":{{"server":"{SERVER}"}}}}\'',
            ),
        ),
        Remedy(
            "Do not name a server at all",
            (
                f"kubectl patch model {BASELINE} -n {INFERENCE} --type=json"
                ' -p \'[{"op":"remove","path":"/spec/server"}]\'',
            ),
        ),
    ),
    penalties=(
        SERVER_DELETED,
        Penalty(
            "model-deleted",
            "the model was deleted and made again where one field was wrong",
            was_deleted(MODELS, INFERENCE, BASELINE),
            (f"kubectl delete model {BASELINE} -n {INFERENCE} --wait=false",),
        ),
    ),
    hints=(
        "Compare the model that is refused with the one that is served.",
        "Which servers are there, and which one does the model ask for?",
        f"spec.server says {_UNKNOWN}; the server is called {SERVER}.",
    ),
    inject=inject,
    check=check,
)
