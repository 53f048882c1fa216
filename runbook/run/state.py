"""The state machine of a run.

Rule 1: which fact may follow which is in `TRANSITIONS`, and nowhere else.
Rule 2: a run that finished stays finished.
Rule 3: the recovery clock starts where the outage began, if that was said, or with the run, if the
runbook says so; else at the first destructive step. It stops where the last unbroken
stretch began in which everything in `recovered_when` held. What was read before the platform was last
touched proves nothing, so touching it forgets every verdict.
Rule 4: nothing here waits, reads a clock, or asks whether a fact was wise.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import reduce
from types import MappingProxyType
from typing import TypeVar

from runbook.errors import IllegalTransition
from runbook.run.events import (
    AbortRequested,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    FailureHandled,
    HealthRead,
    Record,
    RollbackRequested,
    RunContinued,
    RunEnding,
    RunFinished,
    RunHeld,
    RunOpened,
    RunResumed,
    StepAccepted,
    StepEvent,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepReopened,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    StopRequested,
    TaskConfirmed,
    TaskRequested,
)
from runbook.run.readings import Verdict


class Status(StrEnum):
    """The words of the format for a step."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING = "waiting"
    PASSED = "passed"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


S = Status
_STARTS: Mapping[type[StepEvent], Status] = {
    StepStarted: S.RUNNING,
    ApprovalRequested: S.WAITING,
    TaskRequested: S.WAITING,
    StepSkipped: S.SKIPPED,
}
TRANSITIONS: Mapping[Status, Mapping[type[StepEvent], Status]] = {
    S.PENDING: _STARTS,
    S.RUNNING: {
        StepPassed: S.PASSED,
        StepFailed: S.FAILED,
        StepTimedOut: S.TIMED_OUT,
        StepInterrupted: S.INTERRUPTED,
    },
    S.WAITING: {
        ApprovalGranted: S.PASSED,
        ApprovalRefused: S.FAILED,
        ApprovalExpired: S.TIMED_OUT,
        TaskConfirmed: S.PASSED,
        StepTimedOut: S.TIMED_OUT,
        StepSkipped: S.SKIPPED,
        StepInterrupted: S.INTERRUPTED,
        StepReopened: S.PENDING,
    },
    S.FAILED: {**_STARTS, StepReopened: S.PENDING},
    S.TIMED_OUT: {**_STARTS, StepReopened: S.PENDING},
    S.INTERRUPTED: {**_STARTS, StepAccepted: S.PASSED, StepReopened: S.PENDING},
    S.PASSED: {StepReopened: S.PENDING},
    S.SKIPPED: {StepReopened: S.PENDING},
}
"""What a step's status becomes when a fact is recorded. A pair that is not here cannot happen."""

DONE = frozenset({S.PASSED, S.SKIPPED})
RESUMED = "resumed"
"""Why a run that was just taken up again stands still."""

UNDER_WAY = frozenset({S.RUNNING, S.WAITING})
"""Something, or a person, is at it."""

UNDECIDED = frozenset({S.FAILED, S.TIMED_OUT, S.INTERRUPTED})

K = TypeVar("K")
V = TypeVar("V")


def _frozen() -> Mapping[str, V]:
    return MappingProxyType({})


def _with(mapping: Mapping[str, V], key: str, value: V) -> Mapping[str, V]:
    return MappingProxyType({**mapping, key: value})


@dataclass(frozen=True, slots=True)
class StepState:
    status: Status = Status.PENDING
    attempt: int = 0
    """Attempts so far, counting from 1; 0 before the first."""
    tries: int = 0
    """Attempts since a person last asked for one: what the plan's retries are counted against."""
    since: datetime | None = None
    """When this status was entered."""
    request: ApprovalRequested | TaskRequested | None = None
    retry_at: datetime | None = None
    order: int = 0
    """Number of the record by which it was last started, or done by a person; 0: it never was."""
    reason: str = ""
    handled: bool = False
    """The runbook has said how this failure goes on."""
    jumps: int = 0
    """How often this step's failure has led to another step."""
    stopping: bool = False
    """Somebody asked to end what it is doing."""
    unheard: bool = False
    """Nobody heard how its last attempt that is over ended: what that started may still be there."""

    @property
    def done(self) -> bool:
        return self.status in DONE or self.handled


UNTOUCHED = StepState()
"""A step the run has not come to."""


@dataclass(frozen=True, slots=True)
class RecoveryClock:
    started: datetime | None = None
    green_since: datetime | None = None
    """Start of the present stretch in which everything in `recovered_when` holds."""


@dataclass(frozen=True, slots=True)
class RunState:
    opened: RunOpened | None = None
    operator: str = ""
    attended: bool = False
    held: RunHeld | None = None
    aborting: AbortRequested | None = None
    rolling_back: RollbackRequested | None = None
    ending: RunEnding | None = None
    """The result is decided; only what is always done is left."""
    cut_short: bool = False
    """Asked to abort while it was ending."""
    finished: RunFinished | None = None
    last: datetime | None = None
    """Time of the last record."""
    last_done: datetime | None = None
    """When a step was last finished, by whatever ending."""
    touched: datetime | None = None
    """When the platform was last touched; what was asked before that proves nothing."""
    steps: Mapping[str, StepState] = field(default_factory=_frozen)
    behind: int = 0
    """How many of the outline's first steps are done: nobody has to look at them again."""
    running: int = 0
    """Steps that are being performed."""
    health: Mapping[str, HealthRead] = field(default_factory=_frozen)
    outputs: Mapping[str, str] = field(default_factory=_frozen)
    """Late values by their names in expressions: `steps.ID.outputs.KEY`, `registered.NAME`."""
    clock: RecoveryClock = RecoveryClock()

    def step(self, step: str) -> StepState:
        return self.steps.get(step, UNTOUCHED)

    @property
    def leaving(self) -> bool:
        return self.held is not None and self.held.leaving

    @property
    def busy(self) -> bool:
        """Something is being performed."""
        return self.running > 0

    @property
    def abandoned(self) -> bool:
        """Somebody asked for the end: nothing more is performed before it is decided."""
        return self.cut_short or (self.aborting is not None and self.ending is None)

    @property
    def stopping(self) -> bool:
        """Nothing more is performed now: the end was asked for, or this process is left."""
        return self.leaving or self.abandoned

    @property
    def over(self) -> bool:
        """Nothing more will be decided in this process."""
        return self.finished is not None or (self.leaving and not self.busy)


def evolve(state: RunState, record: Record) -> RunState:
    """The state after one more record."""
    event = record.event
    if state.finished is not None:
        raise IllegalTransition(
            f"{event.kind} after the run has finished", where=f"record {record.seq}"
        )
    if state.opened is None and not isinstance(event, RunOpened):
        raise IllegalTransition(
            f"{event.kind} before the run was opened", where=f"record {record.seq}"
        )
    state = replace(state, last=record.at)
    match event:
        case RunOpened():
            return _opened(state, event, record)
        case RunResumed():
            # Taken up again, a run stands still until a person (or an unattended driver) goes on.
            held = RunHeld(by=event.operator, reason=RESUMED)
            return replace(state, operator=event.operator, attended=event.attended, held=held)
        case RunHeld():
            return replace(state, held=event)
        case RunContinued():
            return replace(state, held=None)
        case AbortRequested():
            return replace(state, aborting=event, cut_short=state.ending is not None)
        case RollbackRequested():
            return replace(state, rolling_back=event)
        case RunEnding():
            return replace(state, ending=event)
        case RunFinished():
            return replace(state, finished=event)
        case HealthRead():
            health = _with(state.health, event.check, event)
            # Once the result is decided the clock stands, whatever is cleaned up after it.
            clock = state.clock if state.ending else _read_clock(state, health, record.at)
            return replace(state, health=health, clock=clock)
        case StopRequested():
            return _change(state, event.step, stopping=True)
        case FailureHandled():
            jumps = state.step(event.step).jumps + (event.goto is not None)
            return _change(state, event.step, handled=True, jumps=jumps)
        case (
            StepStarted()
            | StepPassed()
            | StepFailed()
            | StepTimedOut()
            | StepInterrupted()
            | StepSkipped()
            | StepAccepted()
            | StepReopened()
            | ApprovalRequested()
            | ApprovalGranted()
            | ApprovalRefused()
            | ApprovalExpired()
            | TaskRequested()
            | TaskConfirmed()
        ):
            return _step(state, event, record)
        case _:
            return state  # observations and notes are for readers; they move nothing


def replay(records: Iterable[Record]) -> RunState:
    """The state that a journal describes."""
    return reduce(evolve, records, RunState())


def _opened(state: RunState, event: RunOpened, record: Record) -> RunState:
    if state.opened is not None:
        raise IllegalTransition("a run is opened once", where=f"record {record.seq}")
    began = event.outage or (record.at if event.outline.clock == "open" else None)
    return replace(
        state,
        opened=event,
        operator=event.operator,
        attended=event.attended,
        clock=RecoveryClock(started=began),
    )


def _change(state: RunState, step: str, **changes: object) -> RunState:
    after = replace(state.step(step), **changes)  # type: ignore[arg-type]  # fields of StepState
    return _put(state, step, after)


def _put(state: RunState, step: str, after: StepState) -> RunState:
    """The state with one step changed, and what is counted over all steps."""
    running = state.running - (state.step(step).status is Status.RUNNING)
    running += after.status is Status.RUNNING
    steps = _with(state.steps, step, after)
    behind = _behind(state, steps, step, after)
    return replace(state, steps=steps, running=running, behind=behind)


def _behind(state: RunState, steps: Mapping[str, StepState], step: str, after: StepState) -> int:
    if state.opened is None or step not in state.opened.outline.positions:
        return state.behind
    outline, behind = state.opened.outline, state.behind
    if not after.done:
        return min(behind, outline.positions[step])
    while behind < len(outline.steps) and steps.get(outline.steps[behind].id, UNTOUCHED).done:
        behind += 1
    return behind


def _step(state: RunState, event: StepEvent, record: Record) -> RunState:
    before = state.step(event.step)
    status = TRANSITIONS[before.status].get(type(event))
    if status is None:
        raise IllegalTransition(
            f"{event.kind} is not possible while step {event.step!r} is {before.status}",
            where=f"record {record.seq}",
        )
    started = isinstance(event, StepStarted | TaskRequested)
    asked = event if isinstance(event, ApprovalRequested | TaskRequested) else None
    after = StepState(
        status=status,
        attempt=event.attempt if isinstance(event, StepStarted) else before.attempt,
        tries=_tries(before, event),
        since=record.at,
        request=asked,
        retry_at=event.retry_at if isinstance(event, StepFailed | StepTimedOut) else None,
        order=record.seq if isinstance(event, StepStarted | TaskConfirmed) else before.order,
        reason=getattr(event, "reason", ""),
        jumps=before.jumps,
        unheard=isinstance(event, StepInterrupted)
        or (before.unheard and not isinstance(event, _HEARD)),
    )
    state = _put(state, event.step, after)
    if asked is None and not started and state.ending is None:
        state = replace(state, last_done=record.at)
    if isinstance(event, StepPassed):
        state = replace(state, outputs=_outputs(state, event))
    if _touches(state, event.step) and (started or before.status in UNDER_WAY):
        state = _forget_health(state, record.at)
    return state


_HEARD = (StepPassed, StepFailed, StepTimedOut, StepSkipped, StepAccepted)
"""How an attempt ends that somebody heard the end of."""


def _tries(before: StepState, event: StepEvent) -> int:
    match event:
        case StepStarted(by=""):
            return before.tries + 1
        case StepStarted():
            return 1
        case StepReopened():
            return 0
        case _:
            return before.tries


def _outputs(state: RunState, event: StepPassed) -> Mapping[str, str]:
    late = {f"steps.{event.step}.outputs.{key}": value for key, value in event.outputs.items()}
    kept = {f"registered.{name}": value for name, value in event.registered.items()}
    return MappingProxyType({**state.outputs, **late, **kept})


def _touches(state: RunState, step: str) -> bool:
    """Whether a step destroys: it starts the clock, and what was read before it proves nothing."""
    outline = state.opened.outline if state.opened else None
    if outline is None or step not in outline.positions:
        return False
    return outline.steps[outline.positions[step]].effect == "destroy"


def _forget_health(state: RunState, at: datetime) -> RunState:
    clock = RecoveryClock(started=state.clock.started or at)
    return replace(state, health=MappingProxyType({}), clock=clock, touched=at)


def _read_clock(state: RunState, health: Mapping[str, HealthRead], at: datetime) -> RecoveryClock:
    needed = state.opened.outline.recovered_when if state.opened else ()
    green = bool(needed) and all(
        name in health and health[name].verdict is Verdict.HOLDS for name in needed
    )
    since = (state.clock.green_since or at) if green else None
    return replace(state.clock, green_since=since)
