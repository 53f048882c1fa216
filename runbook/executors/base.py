"""What a performer of steps is given, and what it owes.

An executor performs one attempt of one step and returns an `Outcome`; a failure is a value, an
exception is our bug. When it is cancelled it ends what it started before it returns. What it does
outside is recorded first: `desk.record` returns when the fact is on disk. What it only has to say of
what is over it tells, and goes on: that is on disk with the outcome. What it will do outside may be known
when the step starts: then the engine records it with the start, and the attempt is `announced`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from runbook.plan import PlannedStep, Scalar
from runbook.run.events import Observation
from runbook.run.outputs import StoredOutput
from runbook.run.readings import Reading, short
from runbook.run.signals import Ending, Outcome


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try at a step; `number` counts from 1."""

    step: PlannedStep
    number: int
    unheard: bool = False
    """Nobody heard how the attempt before ended: what it started may still be there."""
    announced: bool = False
    """What it will do outside is on disk."""

    def passed(
        self,
        detail: str = "",
        outputs: dict[str, str] | None = None,
        registered: dict[str, str] | None = None,
    ) -> Outcome:
        return Outcome(
            self.step.id, self.number, Ending.PASSED, short(detail), outputs or {}, registered or {}
        )

    def failed(self, reason: str) -> Outcome:
        return Outcome(self.step.id, self.number, Ending.FAILED, short(reason))

    def timed_out(self, reason: str) -> Outcome:
        return Outcome(self.step.id, self.number, Ending.TIMED_OUT, short(reason))

    def interrupted(self, reason: str) -> Outcome:
        return Outcome(self.step.id, self.number, Ending.INTERRUPTED, short(reason))


class Desk(Protocol):
    """What an executor may ask of the run."""

    async def record(self, event: Observation) -> None:
        """Return when the fact is durable. Raises JournalUnavailable: then do nothing more."""
        ...

    def tell(self, event: Observation) -> None:
        """Have a fact recorded, with the outcome that follows it. Raises JournalUnavailable.

        Nothing outside may be done on the strength of it.
        """
        ...

    def output(self, attempt: Attempt, data: bytes) -> None:
        """Let followers see a masked piece of what a command prints."""
        ...

    def seen(self, source: str, reading: Reading) -> None:
        """Let followers see what a polled condition sees now."""
        ...

    async def value(self, name: str) -> Scalar:
        """A value that exists only now: `secrets.x`, `steps.id.outputs.key`, `registered.x`."""
        ...


class Writer(Protocol):
    """Takes a command's masked output; closed when left."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

    def write(self, data: bytes) -> None:
        """Take one more piece. Raises JournalUnavailable."""
        ...

    def store(self) -> StoredOutput:
        """Make it durable. Raises JournalUnavailable."""
        ...


class Outputs(Protocol):
    """Where command output is kept."""

    def begin(self, step: str, attempt: int) -> Writer:
        """Raises JournalUnavailable."""
        ...

    def values_path(self, step: str, attempt: int) -> Path:
        """Where a command may write the values it hands on; private to this run."""
        ...


class Executor(Protocol):
    async def __call__(self, attempt: Attempt, desk: Desk) -> Outcome: ...


class Intent(Protocol):
    def __call__(self, attempt: Attempt) -> Observation | None:
        """What an attempt will do outside; None when that depends on what is found out meanwhile. Pure."""
        ...


def nothing_beforehand(attempt: Attempt) -> None:
    """Of executors that each record what they will do."""
