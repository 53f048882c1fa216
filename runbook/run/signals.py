"""What an operator, an executor or the clock tells a run. Imperative, and never stored.

`by` is the person's name as `runbook.settings` knows it. A signal that does not fit the moment changes
nothing; `runbook.run.machine.refusal` says why.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from runbook.run.events import Observation
from runbook.run.readings import Reading


@dataclass(frozen=True, slots=True)
class Approve:
    step: str
    by: str
    typed: str = ""
    roles: tuple[str, ...] = ()
    """What else the person is, as the file of allowed signers says."""
    signature: str = ""
    """Already found to be the person's, over the request that waits."""


@dataclass(frozen=True, slots=True)
class Countersign:
    """The answer of a second person, as it was pasted: nobody knows yet whose it is."""

    step: str
    answer: str


@dataclass(frozen=True, slots=True)
class Refuse:
    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Confirm:
    """A manual task is done."""

    step: str
    by: str
    evidence: str = ""
    """What was seen; or a file's name: typed first, and with `output` the name of a kept copy."""
    output: str = ""
    """SHA-256 (hex) of a file that has been kept."""
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class Retry:
    step: str
    by: str


@dataclass(frozen=True, slots=True)
class Skip:
    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Accept:
    """An interrupted step is known to have done its work."""

    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class StopStep:
    """End what the step is doing now; its outcome is then unknown."""

    step: str
    by: str


@dataclass(frozen=True, slots=True)
class Hold:
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Continue:
    by: str


@dataclass(frozen=True, slots=True)
class Abort:
    by: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at another step. Forward, what lies between is skipped; backward, it is open again."""

    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class RollBack:
    """Undo what was started, last first, and end the run."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Leave:
    """The process must end: ctrl-c, a closed terminal. The run is held, never rolled back."""

    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class AddNote:
    by: str
    text: str


@dataclass(frozen=True, slots=True)
class Tick:
    """Time passed, or something was recorded."""


class Ending(StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one attempt of one step ended."""

    step: str
    attempt: int
    ending: Ending
    reason: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Report:
    """A fact an executor wants on disk before it goes on."""

    event: Observation


@dataclass(frozen=True, slots=True)
class HealthReading:
    check: str
    reading: Reading
    asked: datetime | None = None
    """When the look began."""


Signal = (
    Approve
    | Countersign
    | Refuse
    | Confirm
    | Retry
    | Skip
    | Accept
    | StopStep
    | Hold
    | Continue
    | Abort
    | Jump
    | RollBack
    | Leave
    | AddNote
    | Tick
    | Outcome
    | Report
    | HealthReading
)
StepSignal = Approve | Countersign | Refuse | Confirm | Retry | Skip | Accept | StopStep
"""What a person says about one step."""
