"""Faults of a practice cluster, as its operator asks for them: by HTTP, like that whole machine."""

from __future__ import annotations

import asyncio
import json
import textwrap
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from runbook.cli.practice_cluster import PracticeCluster
from runbook.clock import Clock, RealClock
from runbook.errors import UsageError
from runbook.model.values import format_duration
from runbook.target.client import ClusterClient, connect

JSON = dict[str, Any]
ROOT = "/practice/v1"
WIDTH = 78
LOOK = 0.3
DEVELOPS_WITHIN = 60.0
"""Seconds; at the usual speed a fault needs a few."""
REQUESTS = {
    "faults": ("GET", "/faults"),
    "inject": ("POST", "/faults/{}"),
    "status": ("GET", "/fault"),
    "hint": ("POST", "/hint"),
    "reset": ("POST", "/reset"),
}


async def ask_through(client: ClusterClient, action: str, name: str = "") -> JSON:
    """One request; a refusal is raised as UsageError, with the nearest names when there are any."""
    method, path = REQUESTS[action]
    answer = await client.ask(method, ROOT + path.format(quote(name, safe="")))
    try:
        document = json.loads(answer.body)
    except ValueError:
        document = {"error": answer.text.strip()}
    if answer.status >= 400:
        nearest = document.get("nearest") or []
        said = document.get("error") or document.get("message") or f"status {answer.status}"
        hint = f"nearest: {', '.join(nearest)}" if nearest else ""
        raise UsageError(str(said), hint=hint or _WAY_OUT.get(answer.status, ""))
    found: JSON = document
    return found


async def inject_through(client: ClusterClient, name: str, clock: Clock) -> JSON:
    """Inject a fault and wait until it is in place: nobody should repair what is not broken."""
    state = await ask_through(client, "inject", name)
    end = clock.monotonic() + DEVELOPS_WITHIN
    while not state["developed"] and clock.monotonic() < end:
        await clock.sleep(LOOK)
        state = await ask_through(client, "status")
    return state


_WAY_OUT = {
    404: "`runbook practice faults` lists them",
    409: "`runbook practice reset` rebuilds it",
}


def ask(cluster: PracticeCluster, action: str, name: str = "") -> JSON:
    """The same for a program without a loop of its own."""

    async def once() -> JSON:
        async with await connect(cluster.kubeconfig, cluster.context) as client:
            if action == "inject":
                return await inject_through(client, name, RealClock())
            return await ask_through(client, action, name)

    return asyncio.run(once())


def lines_of(action: str, answer: JSON) -> list[str]:
    """An answer in words."""
    match action:
        case "faults":
            listed = answer["faults"]
            width = max((len(one["name"]) for one in listed), default=0)
            return [f"{one['name']:<{width}}  {one['title']}" for one in listed]
        case "inject":
            fault = answer["fault"]
            look = "Look around with kubectl. `runbook practice status` tells how it stands."
            return [f"{fault['name']}: {fault['title']}", "", *wrapped(fault["story"]), "", look]
        case "hint":
            given = len(answer["hints"])
            of = given + answer["hints_left"]
            return wrapped(f"hint {given} of {of}: {answer['hint']}")
        case "reset":
            return [*answer["unhealthy"], *([] if answer["unhealthy"] else ["healthy again"])]
        case _:
            return status_lines(answer)


def status_lines(state: JSON) -> list[str]:
    """How the repair stands; once it is solved, also what it was."""
    if "error" in state:
        return [state["error"]]
    fault = state["fault"]
    if fault is None:
        return ["no fault"]
    lines = [f"fault {fault['name']}: {fault['title']}", verdict(state)]
    lines += [f"penalty {one['name']}: {one['why']}" for one in state["penalties"]]
    asked = len(state["hints"])
    lines.append(
        f"penalties {len(state['penalties'])}, hints {asked} of {asked + state['hints_left']}"
    )
    if state["solved"]:
        lines += wrapped(state["diagnosis"])
    return lines


def verdict(state: JSON) -> str:
    if state["solved"]:
        return f"solved after {format_duration(state['solved_after'])} of the cluster's time"
    return f"not solved: {state['still']}"


def wrapped(text: str, width: int = WIDTH) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False)


def news(before: JSON, after: JSON) -> Sequence[str]:
    """What is to be noted in a run's record between two looks at the same fault."""
    fault = after.get("fault")
    if fault is None:
        return ()
    known = [one["name"] for one in before.get("penalties") or []]
    notes = [
        f"practice fault {fault['name']}: penalty {one['name']}: {one['why']}"
        for one in after["penalties"]
        if one["name"] not in known
    ]
    if after["solved"] and not before.get("solved"):
        penalties = ", ".join(one["name"] for one in after["penalties"]) or "none"
        told = f"penalties: {penalties}; hints: {len(after['hints'])}"
        notes.append(f"practice fault {fault['name']}: {verdict(after)}; {told}")
    return notes
