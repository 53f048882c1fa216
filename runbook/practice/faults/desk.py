"""The faults over HTTP: beside the Kubernetes API, behind the same TLS and token, in no discovery.

    GET  /practice/v1/faults            the faults there are
    POST /practice/v1/faults/NAME       inject one
    GET  /practice/v1/fault             the one in place: solved or not, penalties, hints so far
    POST /practice/v1/hint              the next hint
    POST /practice/v1/reset             a healthy platform again

A refusal is `{"error": ..., "nearest": [...]}` with 404 for a name nobody knows and 409 for what
does not fit the moment.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from difflib import get_close_matches

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.messages import Request, Response, json_response
from runbook.practice.cluster import JSON
from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.faults.referee import Injected, NotNow, Referee

PREFIX = "/practice/v1/"


class Desk:
    """Answers for whichever referee is in office, and has the platform reset."""

    def __init__(
        self, referee: Callable[[], Referee], reset: Callable[[], Awaitable[list[str]]]
    ) -> None:
        self._referee = referee
        self._reset = reset

    async def answer(self, request: Request) -> Response:
        try:
            return await self._route(request)
        except NotNow as refusal:
            return json_response({"error": str(refusal)}, 409)
        except ApiError as refusal:
            return json_response({"error": f"the fault does not fit: {refusal.message}"}, 409)

    async def _route(self, request: Request) -> Response:
        wanted = request.path.removeprefix(PREFIX).strip("/").split("/")
        match request.method, wanted:
            case "GET", ["faults"]:
                listed = [{"name": f.name, "title": f.title} for f in FAULTS.values()]
                return json_response({"faults": listed})
            case "POST", ["faults", name]:
                return await self._inject(name)
            case "GET", ["fault"]:
                return json_response(told(await self._referee().look()))
            case "POST", ["hint"]:
                hint = self._referee().hint()
                return json_response({"hint": hint, **told(self._referee().injected)})
            case "POST", ["reset"]:
                return json_response({"unhealthy": await self._reset()})
        return json_response({"error": f"no such thing: {request.method} {request.path}"}, 404)

    async def _inject(self, name: str) -> Response:
        if name not in FAULTS:
            nearest = get_close_matches(name, FAULTS, n=3, cutoff=0.4)
            return json_response({"error": f"no fault is called {name!r}", "nearest": nearest}, 404)
        await self._referee().inject(name)
        return json_response(told(self._referee().injected), 201)


def told(injected: Injected | None) -> JSON:
    """What a trainee may know; how it is to be understood only when it is solved."""
    if injected is None:
        return {"fault": None}
    fault = injected.fault
    costs = {penalty.name: penalty.why for penalty in fault.penalties}
    answer: JSON = {
        "fault": {"name": fault.name, "title": fault.title, "story": fault.story},
        "since": injected.at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "developed": injected.bench.ready,
        "solved": injected.solved_after is not None,
        "penalties": [{"name": name, "why": costs[name]} for name in injected.penalties],
        "hints": list(fault.hints[: injected.hints]),
        "hints_left": len(fault.hints) - injected.hints,
    }
    if injected.solved_after is None:
        waits = "looks good; it must hold for a second look"
        return {**answer, "still": injected.wrong or waits}
    remedies = [{"title": one.title, "commands": one.commands} for one in fault.remedies]
    answer["solved_after"] = round(injected.solved_after)
    return {**answer, "diagnosis": fault.diagnosis, "remedies": remedies}
