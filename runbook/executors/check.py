"""`check` steps: a condition is polled until it holds or time is up.

A change of verdict is recorded; what is seen in between is only shown. When time is up, red has failed,
and what could not be told has timed out: unreachable is not red.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.executors.base import Attempt, Desk
from runbook.executors.binding import bind_late
from runbook.model.checks import Check
from runbook.model.document import CheckStep
from runbook.model.values import format_duration
from runbook.run.events import CheckRead
from runbook.run.readings import Reading, Verdict, unknown
from runbook.run.signals import Outcome

ReadCheck = Callable[[Check], Awaitable[Reading]]


@dataclass(frozen=True, slots=True)
class CheckExecutor:
    read: ReadCheck
    clock: Clock

    async def __call__(self, attempt: Attempt, desk: Desk) -> Outcome:
        step = attempt.step.step
        assert isinstance(step, CheckStep)
        deadline = self.clock.monotonic() + step.until
        last: Reading | None = None
        while True:
            reading = await self._look(step, desk, deadline)
            desk.seen(attempt.step.id, reading)
            if last is None or reading.verdict is not last.verdict:
                await desk.record(_read(attempt, reading))
            last = reading
            if reading.verdict is Verdict.HOLDS:
                return attempt.passed(reading.observed)
            left = deadline - self.clock.monotonic()
            if left <= 0:
                return _too_late(attempt, step, reading)
            await self.clock.sleep(min(step.every, left))

    async def _look(self, step: CheckStep, desk: Desk, deadline: float) -> Reading:
        try:
            bound = await bind_late(step, desk)
        except RunbookError as fault:
            return unknown("its values", str(fault))
        try:
            # A reader has its own limit; this one only keeps a long look from outlasting the step.
            async with asyncio.timeout(max(1.0, deadline - self.clock.monotonic() + 1.0)):
                return await self.read(bound.check)
        except TimeoutError:
            return unknown("an answer", "no answer in time")


def _read(attempt: Attempt, reading: Reading) -> CheckRead:
    return CheckRead(
        step=attempt.step.id,
        attempt=attempt.number,
        verdict=reading.verdict,
        expected=reading.expected,
        observed=reading.observed,
    )


def _too_late(attempt: Attempt, step: CheckStep, reading: Reading) -> Outcome:
    waited = format_duration(step.until)
    if reading.verdict is Verdict.UNKNOWN:
        return attempt.timed_out(f"cannot be told after {waited}: {reading.observed}")
    return attempt.failed(f"after {waited}: expected {reading.expected}; saw {reading.observed}")
