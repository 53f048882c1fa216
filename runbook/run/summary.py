"""Records -> durations, attempts, approvals, the recovery clock, who spent the time. Pure.

The time of a run is split, without gap or overlap, by what the run was waiting for:
*approval* (a gate), *operator* (a manual task, a failure to decide about, a held run), *machine* (a
step being performed or about to be), *settle* (all steps done, health not yet proven).
Seconds are floats; a stretch that has not ended is measured to `now`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from runbook.errors import RunbookError
from runbook.plan import ALWAYS, ROLLBACK
from runbook.run import course
from runbook.run.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    CheckRead,
    CommandFinished,
    CommandStarting,
    FailureHandled,
    NoteAdded,
    Record,
    RollbackRequested,
    RunFinished,
    RunHeld,
    RunJumped,
    RunOpened,
    RunResumed,
    StepAccepted,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepSkipped,
    StepTimedOut,
    TaskConfirmed,
)
from runbook.run.outline import Outline, PhaseOutline, StepOutline
from runbook.run.record_events import JournalRecovered, OutputPurged, SecretExposed
from runbook.run.state import RunState, Status, StepState, evolve
from runbook.run.terms import RECOVERED
from runbook.run.words import describe


class Waiting(StrEnum):
    """What a moment of the run was spent on."""

    MACHINE = "machine"
    OPERATOR = "operator"
    APPROVAL = "approval"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True)
class StepSummary:
    outline: StepOutline
    status: Status = Status.PENDING
    attempts: int = 0
    seconds: float = 0.0
    """Time the run stood at this step."""
    started: datetime | None = None
    ended: datetime | None = None
    reason: str = ""
    decided_by: str = ""
    """The person who approved, confirmed, skipped or accepted it."""
    commands: tuple[tuple[CommandStarting, CommandFinished | None], ...] = ()
    reads: tuple[CheckRead, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    """What its last success handed on, by name."""


@dataclass(frozen=True, slots=True)
class PhaseSummary:
    outline: PhaseOutline
    seconds: float
    steps: tuple[StepSummary, ...]
    started: datetime | None
    done: bool

    @property
    def over_budget(self) -> float:
        """Seconds beyond the budget; 0 when within it or without one."""
        budget = self.outline.budget
        return max(0.0, self.seconds - budget) if budget is not None else 0.0


@dataclass(frozen=True, slots=True)
class Deviation:
    """Something an auditor will ask about."""

    at: datetime
    step: str
    text: str


@dataclass(frozen=True, slots=True)
class Recovery:
    """The recovery clock. `seconds` runs to `stopped`, or to now while it has not stopped."""

    started: datetime | None
    stopped: datetime | None
    seconds: float | None
    rto: float | None

    @property
    def within(self) -> bool | None:
        """Whether the objective was met; None when nothing was measured or no objective is set."""
        if self.seconds is None or self.rto is None:
            return None
        return self.seconds <= self.rto


@dataclass(frozen=True, slots=True)
class Summary:
    opened: RunOpened
    state: RunState
    at: datetime
    phases: tuple[PhaseSummary, ...]
    split: Mapping[Waiting, float]
    recovery: Recovery
    deviations: tuple[Deviation, ...]
    notes: tuple[tuple[datetime, NoteAdded], ...]
    started: datetime
    ended: datetime | None

    @property
    def seconds(self) -> float:
        return ((self.ended or self.at) - self.started).total_seconds()

    @property
    def status(self) -> str:
        """The word of the format for the run as a whole."""
        if self.state.finished is not None:
            return self.state.finished.result.value
        if self.state.leaving:
            return "interrupted"
        return "running"

    @property
    def steps(self) -> tuple[StepSummary, ...]:
        return tuple(step for phase in self.phases for step in phase.steps)


@dataclass
class Ledger:
    """Folds records one by one; `summary` may be asked at any moment, which is what a screen does."""

    state: RunState = field(default_factory=RunState)
    steps: dict[str, StepSummary] = field(default_factory=dict)
    split: dict[Waiting, float] = field(default_factory=lambda: dict.fromkeys(Waiting, 0.0))
    phases: dict[str, float] = field(default_factory=dict)
    """Seconds the run stood in each phase, steps that went on at once not counted twice."""
    started: datetime | None = None
    deviations: list[Deviation] = field(default_factory=list)
    notes: list[tuple[datetime, NoteAdded]] = field(default_factory=list)

    def add(self, record: Record) -> None:
        if self.started is None:
            self.started = record.at
        self.measure(record.at)
        self.state = evolve(self.state, record)
        event = record.event
        if isinstance(event, RunOpened):
            outline = event.outline
            self.steps = {s.id: StepSummary(outline=s) for s in (*outline.steps, *outline.rollback)}
        step = getattr(event, "step", None)
        if isinstance(step, str) and step in self.steps:
            self.steps[step] = _noted(self.steps[step], self.state.step(step), record)
        if isinstance(event, NoteAdded):
            self.notes.append((record.at, event))
        if text := _deviation(record):
            self.deviations.append(Deviation(record.at, step or "", text))

    def measure(self, until: datetime) -> None:
        """Charge the time since the last record to where the run stands."""
        steps, waiting = self._at()
        last = self.state.last
        if last is None or waiting is None:
            return
        seconds = max(0.0, (until - last).total_seconds())
        self.split[waiting] += seconds
        for step in steps:
            here = self.steps[step.id]
            self.steps[step.id] = replace(here, seconds=here.seconds + seconds)
        for phase in {step.phase for step in steps}:
            self.phases[phase] = self.phases.get(phase, 0.0) + seconds

    def _at(self) -> tuple[list[StepOutline], Waiting | None]:
        """The steps the run stands at, and what it waits for there."""
        state = self.state
        if state.opened is None or state.finished is not None or state.leaving:
            return [], None
        outline = state.opened.outline
        steps = course.front(outline.steps, outline.rollback, state)
        held = state.held is not None
        kinds = [_waiting(state.step(step.id), held=held) for step in steps]
        # While a neighbour is still performed, it is not only a person that is waited for.
        for kind in (Waiting.MACHINE, Waiting.APPROVAL, Waiting.OPERATOR):
            if kind in kinds:
                return steps, kind
        return [], Waiting.SETTLE

    def summary(self, now: datetime) -> Summary:
        """Everything so far, with what is still going on measured to `now`."""
        if self.state.opened is None or self.started is None:
            raise ValueError("a journal without run.opened has no summary")
        spent = replace(
            self, steps=dict(self.steps), split=dict(self.split), phases=dict(self.phases)
        )
        spent.measure(now)
        finished = self.state.finished is not None
        return Summary(
            opened=self.state.opened,
            state=self.state,
            at=now,
            phases=tuple(spent.phase_summaries(self.state.opened.outline)),
            split=dict(spent.split),
            recovery=self._recovery(now),
            deviations=tuple(self.deviations),
            notes=tuple(self.notes),
            started=self.started,
            ended=self.state.last if finished else None,
        )

    def phase_summaries(self, outline: Outline) -> Iterable[PhaseSummary]:
        last = [phase for phase in outline.phases if phase.id == ALWAYS]
        for phase in outline.phases:
            if phase not in last:
                yield self._phase(phase)
        if self.state.rolling_back is not None:
            undone = course.undoable(outline.rollback, self.state)
            yield self._phase(PhaseOutline(id=ROLLBACK, title="Rollback"), undone)
        for phase in last:
            yield self._phase(phase)

    def _phase(
        self, phase: PhaseOutline, outlines: Sequence[StepOutline] | None = None
    ) -> PhaseSummary:
        """Its steps in order; `outlines` where the run itself decides which there are."""
        if outlines is None:
            steps = tuple(s for s in self.steps.values() if s.outline.phase == phase.id)
        else:
            steps = tuple(self.steps[outline.id] for outline in outlines)
        return PhaseSummary(
            outline=phase,
            seconds=self.phases.get(phase.id, 0.0),
            steps=steps,
            started=min((s.started for s in steps if s.started), default=None),
            done=all(self.state.step(s.outline.id).done for s in steps),
        )

    def _recovery(self, now: datetime) -> Recovery:
        clock = self.state.clock
        outline = self.state.opened.outline if self.state.opened else None
        rto = outline.rto if outline else None
        stopped = clock.green_since
        decided = self.state.finished or self.state.ending
        if outline is not None and not outline.recovered_when and decided is not None:
            # Nothing says what health is: the last step stands for it, unless it did not get there.
            stopped = self.state.last_done if decided.result in RECOVERED else None
        if clock.started is None:
            return Recovery(None, None, None, rto)
        end = stopped or (self.state.last if self.state.finished else now) or now
        return Recovery(clock.started, stopped, (end - clock.started).total_seconds(), rto)


def summarise(records: Sequence[Record], now: datetime | None = None) -> Summary:
    """The summary of a journal; an unfinished run is measured to `now`, else to its last record."""
    if not records:
        raise RunbookError("the run was never opened; nothing was started")
    ledger = Ledger()
    for record in records:
        ledger.add(record)
    return ledger.summary(now or records[-1].at)


def _waiting(here: StepState, *, held: bool) -> Waiting:
    match here.status:
        case Status.WAITING:
            approval = here.request is not None and here.request.kind == "approval.requested"
            return Waiting.APPROVAL if approval else Waiting.OPERATOR
        case Status.FAILED | Status.TIMED_OUT | Status.INTERRUPTED:
            return Waiting.MACHINE if here.retry_at and not held else Waiting.OPERATOR
        case Status.PENDING:
            return Waiting.OPERATOR if held else Waiting.MACHINE
        case _:
            return Waiting.MACHINE


def _noted(step: StepSummary, state: StepState, record: Record) -> StepSummary:
    event = record.event
    match event:
        case CommandStarting():
            return replace(step, commands=(*step.commands, (event, None)))
        case CommandFinished():
            if not step.commands:
                return step
            starting, _ = step.commands[-1]
            return replace(step, commands=(*step.commands[:-1], (starting, event)))
        case CheckRead():
            return replace(step, reads=(*step.reads, event))
        case FailureHandled():
            return step  # it failed as it failed, whatever the runbook makes of it
    ended = record.at if state.done or state.status not in _GOING_ON else None
    by = getattr(event, "by", "") or step.decided_by
    return replace(
        step,
        status=state.status,
        attempts=state.attempt,
        started=step.started or record.at,
        ended=ended,
        reason=getattr(event, "reason", "") or getattr(event, "detail", ""),
        decided_by=by,
        outputs=event.outputs if isinstance(event, StepPassed) else step.outputs,
    )


_GOING_ON = frozenset({Status.PENDING, Status.RUNNING, Status.WAITING})


def _deviation(record: Record) -> str:
    match record.event:
        case StepSkipped(by=by, reason=reason) if by not in ("condition", "goto"):
            return f"skipped by {by}: {reason}"
        case StepSkipped(by="goto", reason=reason):
            return f"passed over: {reason}"
        case RunJumped(by=by, reason=reason, to=to):
            return f"{by} went on at {to}: {reason}"
        case RollbackRequested(by=by, reason=reason):
            return f"rolled back by {by}: {reason}"
        case StepAccepted(by=by, reason=reason):
            return f"declared done by {by}: {reason}"
        case StepFailed(reason=reason):
            return f"failed: {reason}"
        case StepTimedOut(reason=reason):
            return f"timed out: {reason}"
        case StepInterrupted(reason=reason):
            return f"outcome unknown: {reason}"
        case FailureHandled(goto=None):
            return "the failure was passed over (on_failure: continue)"
        case FailureHandled(goto=target):
            return f"the failure led to {target}"
        case ApprovalGranted(how="pre-authorised", by=by, reason=reason):
            return f"gate opened beforehand by {by}: {reason}"
        case ApprovalRefused(by=by, reason=reason):
            return f"refused by {by}: {reason}"
        case ApprovalExpired():
            return "the approval expired"
        case TaskConfirmed(by="practice"):
            return "a manual task was not done by a person (practice)"
        case RunHeld(by=by, reason=reason):
            return f"held by {by}: {reason}".removesuffix(": ")
        case RunResumed(operator=operator, despite=()):
            return f"taken up again by {operator}"
        case RunResumed(operator=operator, despite=changed):
            return f"taken up again by {operator} as started, although {', '.join(changed)} changed"
        case JournalRecovered(bytes=count):
            return f"a torn last line of {count} bytes was set aside"
        case OutputPurged() | SecretExposed():
            return describe(record.event)
        case RunFinished(result="aborted", reason=reason):
            return reason
        case _:
            return ""
