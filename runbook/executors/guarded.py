"""Right before anything is destroyed the cluster is asked who it is, and must be the pinned one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from runbook.errors import RunbookError
from runbook.executors.base import Attempt, Desk, Executor
from runbook.run.events import TargetVerified
from runbook.run.signals import Outcome

Verify = Callable[[], Awaitable[str]]
"""The UID of the cluster, when it is the pinned one. Raises RunbookError when that is not certain."""


@dataclass(frozen=True, slots=True)
class GuardedExecutor:
    """Performs a step as another executor does; one that destroys, only on the pinned cluster."""

    executor: Executor
    verify: Verify

    async def __call__(self, attempt: Attempt, desk: Desk) -> Outcome:
        if attempt.step.effect == "destroy":
            try:
                uid = await self.verify()
            except RunbookError as fault:
                return attempt.failed(f"not started: {fault}")
            await desk.record(TargetVerified(step=attempt.step.id, cluster_uid=uid))
        return await self.executor(attempt, desk)
