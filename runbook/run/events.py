"""What happened in a run: past-tense facts, immutable, the only thing ever stored.

Each fact can be read without the runbook it came from: `RunOpened` carries the outline of the plan, so
a report, a replay or an auditor needs the journal alone. Once released, a kind is never renamed.
Times are aware UTC datetimes, durations float seconds.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from runbook.run.outline import Outline
from runbook.run.readings import Verdict
from runbook.run.record_events import RecordEvent
from runbook.run.terms import Mode, Result
from runbook.run.workflow_events import WorkflowProgressed


@dataclass(frozen=True, slots=True, kw_only=True)
class Preauthorisation:
    """A gate that was opened before the run. `step` is a step id, or `*` in practice only."""

    step: str
    by: str
    reason: str
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunOpened:
    kind: Literal["run.opened"] = "run.opened"
    run: str
    name: str
    title: str
    owner: str = ""
    mode: Mode
    operator: str
    attended: bool
    host: str
    pid: int
    version: str
    context: str
    server: str
    cluster_uid: str
    ca_sha256: str = ""
    source: str
    working_directory: str = ""
    source_digest: str
    parts: dict[str, str] = field(default_factory=dict)
    """SHA-256 (hex) of every other file that the runbook is made of, by its path."""
    plan_digest: str
    inputs: dict[str, str | int | float | bool | None] = field(default_factory=dict)
    outage: datetime | None = None
    """When the outage began, if the operator said so: then the recovery clock started there."""
    preauthorised: tuple[Preauthorisation, ...] = ()
    allowed_signers: str = ""
    """SHA-256 (hex) of the file that says whose keys may approve; empty when no gate wants one."""
    speed: float = 1.0
    """How many times faster than life the target's own time runs; 1 for a real cluster."""
    outline: Outline


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResumed:
    kind: Literal["run.resumed"] = "run.resumed"
    operator: str
    attended: bool
    host: str
    pid: int
    despite: tuple[str, ...] = ()
    """Files of the runbook that had changed; the operator decided to go on with the copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHeld:
    """No further step starts. `leaving`: the process is about to end as well."""

    kind: Literal["run.held"] = "run.held"
    by: str
    reason: str
    leaving: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunContinued:
    kind: Literal["run.continued"] = "run.continued"
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AbortRequested:
    kind: Literal["run.abort-requested"] = "run.abort-requested"
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunJumped:
    """A person has the run go on at another step; what that skips or opens again is recorded with it."""

    kind: Literal["run.jumped"] = "run.jumped"
    to: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackRequested:
    """What was done is undone from here on, last started first; then the run ends."""

    kind: Literal["rollback.requested"] = "rollback.requested"
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnding:
    """How the run ends is decided; what is always done comes first."""

    kind: Literal["run.ending"] = "run.ending"
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFinished:
    kind: Literal["run.finished"] = "run.finished"
    result: Result
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAdded:
    kind: Literal["note.added"] = "note.added"
    by: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthRead:
    """The verdict of a health check changed, or was confirmed after the platform was touched."""

    kind: Literal["health.read"] = "health.read"
    check: str
    verdict: Verdict
    expected: str
    observed: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepStarted:
    kind: Literal["step.started"] = "step.started"
    step: str
    attempt: int
    by: str = ""
    """Who asked for this attempt; empty when the plan did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepPassed:
    kind: Literal["step.passed"] = "step.passed"
    step: str
    detail: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    registered: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFailed:
    kind: Literal["step.failed"] = "step.failed"
    step: str
    reason: str
    retry_at: datetime | None = None
    """When the plan tries again by itself; None when it does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTimedOut:
    kind: Literal["step.timed-out"] = "step.timed-out"
    step: str
    reason: str
    retry_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepInterrupted:
    """Its outcome is unknown: it was stopped, or we died while it ran."""

    kind: Literal["step.interrupted"] = "step.interrupted"
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepSkipped:
    kind: Literal["step.skipped"] = "step.skipped"
    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepAccepted:
    """A person declares that an interrupted step did what it should."""

    kind: Literal["step.accepted"] = "step.accepted"
    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepReopened:
    kind: Literal["step.reopened"] = "step.reopened"
    step: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureHandled:
    """The runbook says how this failure goes on: past it, or at another step."""

    kind: Literal["step.failure-handled"] = "step.failure-handled"
    step: str
    goto: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StopRequested:
    kind: Literal["step.stop-requested"] = "step.stop-requested"
    step: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRequested:
    kind: Literal["approval.requested"] = "approval.requested"
    step: str
    message: str
    confirm_text: str | None = None
    approvers: tuple[str, ...] = ()
    expires: datetime | None = None
    request: str = ""
    """A number that no other request has: an answer fits once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalGranted:
    kind: Literal["approval.granted"] = "approval.granted"
    step: str
    by: str
    how: Literal["person", "pre-authorised", "countersigned", "practice"]
    """practice: a trainee answered for the approvers, on a cluster of their own."""
    reason: str = ""
    signature: str = ""
    """countersigned: by the approver's SSH key, over the text of `runbook.run.countersigning`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRefused:
    kind: Literal["approval.refused"] = "approval.refused"
    step: str
    by: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalExpired:
    kind: Literal["approval.expired"] = "approval.expired"
    step: str
    reason: ClassVar[str] = "the approval expired, which is a refusal"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRequested:
    """Something a person does by hand."""

    kind: Literal["task.requested"] = "task.requested"
    step: str
    instructions: str
    evidence: Literal["none", "text", "file"] = "none"
    expires: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskConfirmed:
    kind: Literal["task.confirmed"] = "task.confirmed"
    step: str
    by: str
    evidence: str = ""
    """What the person saw, or the name of the file they handed in."""
    output: str = ""
    """SHA-256 (hex) of that file, kept as stored outputs are; empty without one."""
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetVerified:
    """The cluster was asked who it is, right before it is touched, and gave the pinned answer."""

    kind: Literal["target.verified"] = "target.verified"
    step: str
    cluster_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandStarting:
    """The intent, durable before the process exists."""

    kind: Literal["command.starting"] = "command.starting"
    step: str
    attempt: int
    script: str
    shell: str
    env: tuple[str, ...] = ()
    """Names of the variables given to it, never their values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFinished:
    kind: Literal["command.finished"] = "command.finished"
    step: str
    attempt: int
    exit: int | None
    signal: str = ""
    duration: float
    output: str = ""
    """SHA-256 of the stored output; empty when there was none or it is sensitive."""
    bytes: int = 0
    lines: int = 0
    truncated: int = 0
    """Bytes that were read and not stored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRead:
    """A polled condition gave another verdict than before."""

    kind: Literal["check.read"] = "check.read"
    step: str
    attempt: int
    verdict: Verdict
    expected: str
    observed: str


StepEvent = (
    StepStarted
    | StepPassed
    | StepFailed
    | StepTimedOut
    | StepInterrupted
    | StepSkipped
    | StepAccepted
    | StepReopened
    | ApprovalRequested
    | ApprovalGranted
    | ApprovalRefused
    | ApprovalExpired
    | TaskRequested
    | TaskConfirmed
)
"""Facts that move a step from one status to another."""

Observation = TargetVerified | CommandStarting | CommandFinished | CheckRead | WorkflowProgressed
"""Facts an executor reports while a step runs."""

RunEvent = (
    RunOpened
    | RunResumed
    | RunHeld
    | RunContinued
    | AbortRequested
    | RunJumped
    | RollbackRequested
    | RunEnding
    | RunFinished
    | NoteAdded
    | HealthRead
    | RecordEvent
    | FailureHandled
    | StopRequested
)
Event = Annotated[StepEvent | Observation | RunEvent, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Record:
    """An event with its place and time in one run's history."""

    seq: int
    at: datetime
    event: Event
