"""`wait` steps: nothing happens for a while."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.clock import Clock
from runbook.executors.base import Attempt, Desk
from runbook.model.document import WaitStep
from runbook.model.values import format_duration
from runbook.run.signals import Outcome


@dataclass(frozen=True, slots=True)
class WaitExecutor:
    clock: Clock

    async def __call__(self, attempt: Attempt, desk: Desk) -> Outcome:
        step = attempt.step.step
        assert isinstance(step, WaitStep)
        await self.clock.sleep(step.wait)
        return attempt.passed(f"waited {format_duration(step.wait)}")
