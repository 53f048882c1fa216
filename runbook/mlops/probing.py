"""Sends requests to an experiment through the mesh, a few at a time, and keeps what each came to.

No request carries the route of an earlier answer, and no request is tried again: both would change the
very split that is measured.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from runbook.clock import Clock
from runbook.errors import RunbookError, TargetUnreachable
from runbook.mlops.inference import InferenceAnswer, Mesh
from runbook.mlops.split import Sample

JSON = dict[str, Any]
NO_ROUTE = "HTTP 404: the mesh has no route for it"
NOT_HEALTHY = "HTTP 503: there is a route, but nothing healthy behind it"
HOPELESS = 20
"""Requests in a row that nobody answers, after which a probe gives up."""


class NoInputs(RunbookError):
    """What the models take is not known."""


@dataclass
class Probe:
    """One probe, which may be ended at any moment; `samples` holds what was seen until then."""

    mesh: Mesh
    experiment: str
    inputs: Sequence[JSON]
    clock: Clock
    timeout: float
    """Seconds one request may take."""
    samples: list[Sample] = field(default_factory=list)
    gave_up: bool = False
    _texts: dict[str, str] = field(default_factory=dict)

    async def send(
        self, requests: int, at_once: int, ended: asyncio.Event, told: Callable[[int], None]
    ) -> None:
        """Send so many requests; what is on its way when it is ended is left out."""
        left = iter(range(requests))

        async def one_after_another() -> None:
            for _ in left:
                if self.gave_up:
                    return
                self.samples.append(await self._one())
                told(len(self.samples))
                latest = self.samples[-HOPELESS:]
                self.gave_up = len(latest) == HOPELESS and not any(one.answered for one in latest)

        async with asyncio.TaskGroup() as tasks:
            senders = [tasks.create_task(one_after_another()) for _ in range(at_once)]

            async def stop_when_ended() -> None:
                await ended.wait()
                for sender in senders:
                    sender.cancel()

            stopper = tasks.create_task(stop_when_ended())
            await asyncio.wait(senders)
            stopper.cancel()

    async def _one(self) -> Sample:
        asked = self.clock.monotonic()
        try:
            async with asyncio.timeout(self.timeout):
                answer = await self.mesh.infer(self.experiment, self.inputs, experiment=True)
        except (TimeoutError, httpx.TimeoutException):
            fault = f"no answer within {self.timeout:g}s"
            return Sample((), self.clock.monotonic() - asked, fault, answered=False)
        except (httpx.HTTPError, TargetUnreachable) as error:
            fault = f"no answer: {type(error).__name__}"
            return Sample((), self.clock.monotonic() - asked, fault, answered=False)
        took = self.clock.monotonic() - asked
        fault = _fault(answer)
        if fault and answer.status != 503 and answer.text:
            # The first text stands for all: one with a request's number in it would be a kind of its own.
            fault += f", such as: {self._texts.setdefault(fault, answer.text[:100])}"
        return Sample(answer.answered_by, took, fault)


async def inputs_of(mesh: Mesh, experiment: str) -> list[JSON]:
    """Tensors of zeros as the models' own description asks for them, one row each. None where there is
    no model behind the mesh, which no tensor would change. Raises NoInputs, TargetUnreachable.
    """
    try:
        answer = await mesh.described(experiment, experiment=True)
    except httpx.HTTPError as error:
        raise TargetUnreachable(
            f"the mesh does not answer: {str(error) or type(error).__name__}",
            hint="--endpoint says where it is",
        ) from error
    if _fault(answer) in (NO_ROUTE, NOT_HEALTHY):
        return []
    described = (answer.document or {}).get("inputs") if answer.status == 200 else None
    if not isinstance(described, list) or not described:
        why = "it describes none" if answer.status == 200 else _fault(answer)
        raise NoInputs(
            f"what experiment {experiment} takes cannot be read through the mesh: {why}",
            hint="give a request: --inputs FILE, with the tensors as JSON",
        )
    try:
        return [
            {
                "name": str(tensor["name"]),
                "datatype": str(tensor["datatype"]),
                "shape": [1 if int(size) < 0 else int(size) for size in tensor["shape"]],
            }
            for tensor in described
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise NoInputs(
            f"what experiment {experiment} takes makes no sense: {error!r}",
            hint="give a request: --inputs FILE, with the tensors as JSON",
        ) from error


def _fault(answer: InferenceAnswer) -> str:
    """What is wrong with an answer, in words that many answers share."""
    if answer.status == 404 and not answer.answered_by:
        return NO_ROUTE
    if answer.status == 503:
        return NOT_HEALTHY
    if answer.status != 200:
        by = ", ".join(answer.answered_by)
        return f"HTTP {answer.status}" + (f" by {by}" if by else "")
    return "" if answer.outputs else "HTTP 200 without outputs"
