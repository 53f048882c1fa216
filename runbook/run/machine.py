"""The decisions of a run: what a signal means now, and what is to be done next. Pure.

Rules, each with a test in the same words:
- a gate passes only when one of its approvers, in time and with the asked text, says so, or when it
  was opened before the run by a pre-authorisation that names it and has not expired;
- `*` in a pre-authorisation opens gates of practice only;
- a refused or expired gate stops the run;
- without an operator, a gate that nobody opened beforehand is refused;
- a gate is never skipped, and skipping anything needs a reason;
- an interrupted step is never started again by itself;
- while the run is held nothing starts, and what runs goes on;
- an outcome of an attempt that is not the present one changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from runbook.model import binding, expressions
from runbook.model.document import ApproveStep, ManualStep, RunStep, WorkflowStep
from runbook.plan import Plan, PlannedStep
from runbook.run import course, detours, ending, gates, late
from runbook.run.events import (
    AbortRequested,
    CommandFinished,
    Event,
    HealthRead,
    NoteAdded,
    RollbackRequested,
    RunContinued,
    RunHeld,
    StepAccepted,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    StopRequested,
)
from runbook.run.refusals import refusal
from runbook.run.signals import (
    Abort,
    Accept,
    AddNote,
    Approve,
    Confirm,
    Continue,
    Countersign,
    Ending,
    HealthReading,
    Hold,
    Jump,
    Leave,
    Outcome,
    Refuse,
    Report,
    Retry,
    RollBack,
    Signal,
    Skip,
    StopStep,
    Tick,
)
from runbook.run.state import UNDECIDED, RunState, Status, StepState


@dataclass(frozen=True, slots=True)
class Execute:
    """An effect: perform this attempt of this step."""

    step: str
    attempt: int


@dataclass(frozen=True, slots=True)
class WakeAt:
    """An effect: send a Tick at this moment."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Observe:
    """An effect: keep reading this health check."""

    check: str


Effect = Execute | WakeAt | Observe


def front(plan: Plan, state: RunState) -> list[PlannedStep]:
    """The steps at which the run stands: one, or the neighbours of a group that are not done."""
    return course.front(plan.steps, plan.rollback, state)


def current(plan: Plan, state: RunState) -> PlannedStep | None:
    """The step to look at: of several that are performed at once, the first that needs a person."""
    steps = front(plan, state)
    asking = [s for s in steps if _needs_a_person(state.step(s.id))]
    return next(iter(asking or steps), None)


def _needs_a_person(here: StepState) -> bool:
    return here.status is Status.WAITING or (here.status in UNDECIDED and here.retry_at is None)


def pending(plan: Plan, state: RunState) -> list[Effect]:
    """What must be going on now. Derived from state alone, so resume, abort and expiry need no code."""
    if state.finished is not None or state.opened is None:
        return []
    effects: list[Effect] = [] if state.stopping else [Observe(name) for name in plan.health]
    steps = front(plan, state)
    if not steps and course.part(state) == "steps":
        return effects + [WakeAt(at) for at in ending.settling(plan, state)]
    for step in steps:
        effects += _of_step(step, state)
    return effects


def _of_step(step: PlannedStep, state: RunState) -> list[Effect]:
    here = state.step(step.id)
    match here.status:
        case Status.RUNNING:
            stop = state.stopping or here.stopping
            return [] if stop else [Execute(step.id, here.attempt)]
        case Status.WAITING:
            expires = getattr(here.request, "expires", None)
            return [WakeAt(expires)] if expires else []
        case Status.FAILED | Status.TIMED_OUT:
            return [WakeAt(here.retry_at)] if here.retry_at else []
        case Status.PENDING | Status.INTERRUPTED | Status.PASSED | Status.SKIPPED:
            return []
        case unreachable:
            assert_never(unreachable)


def interrupted(state: RunState, alive: Mapping[str, str] | None = None) -> list[Event]:
    """After a crash: what was running when we died has an unknown outcome. `alive` says, by step, what of
    it still goes on.
    """
    still = alive or {}
    return [
        StepInterrupted(
            step=step,
            reason="the program ended while it ran"
            + (f"; its command still runs: {still[step]}" if step in still else ""),
        )
        for step, here in state.steps.items()
        if here.status is Status.RUNNING
    ]


def decide(plan: Plan, state: RunState, signal: Signal, now: datetime) -> list[Event]:
    """The facts that follow from a signal. An empty list means: noted, nothing changes."""
    if state.finished is not None or state.opened is None:
        return []
    if refusal(plan, state, signal):
        return []
    match signal:
        case Tick():
            return _tick(plan, state, now)
        case Outcome():
            return _outcome(plan, state, signal, now)
        case Report(event=event):
            here = state.step(event.step)
            late = isinstance(event, CommandFinished) or here.status is Status.RUNNING
            return [event] if late else []
        case HealthReading(check=check, reading=reading, asked=asked):
            if asked and state.touched and asked < state.touched:
                return []  # it may have seen the platform as it was before
            known = state.health.get(check)
            if known is not None and known.verdict is reading.verdict:
                return []
            return [
                HealthRead(
                    check=check,
                    verdict=reading.verdict,
                    expected=reading.expected,
                    observed=reading.observed,
                )
            ]
        case Countersign():
            return []  # the engine finds out whose it is, and says so
        case Approve() | Refuse() | Confirm():
            return gates.answer(plan.step(signal.step), state, signal, now)
        case Retry(step=step, by=by):
            return [
                *_taken_up(state, by),
                _start(plan.step(step), state, now, by=by),
            ]
        case Skip(step=step, by=by, reason=reason):
            return [*_taken_up(state, by), StepSkipped(step=step, by=by, reason=reason.strip())]
        case Accept(step=step, by=by, reason=reason):
            return [*_taken_up(state, by), StepAccepted(step=step, by=by, reason=reason.strip())]
        case StopStep(step=step, by=by):
            return [StopRequested(step=step, by=by)]
        case Hold(by=by, reason=reason):
            return [RunHeld(by=by, reason=reason)]
        case Leave(by=by, reason=reason):
            return [RunHeld(by=by, reason=reason, leaving=True)]
        case Continue(by=by):
            return [RunContinued(by=by)]
        case Abort(by=by, reason=reason):
            return [AbortRequested(by=by, reason=reason)]
        case Jump(by=by):
            return [*_taken_up(state, by), *detours.by_person(plan, state, signal)]
        case RollBack(by=by, reason=reason):
            return [*_taken_up(state, by), RollbackRequested(by=by, reason=reason.strip())]
        case AddNote(by=by, text=text):
            return [NoteAdded(by=by, text=text)]
        case unreachable:
            assert_never(unreachable)


def _taken_up(state: RunState, by: str) -> list[Event]:
    """To decide about a step of a resumed run is to go on with it."""
    return [RunContinued(by=by)] if detours.just_resumed(state) else []


def _tick(plan: Plan, state: RunState, now: datetime) -> list[Event]:
    if state.abandoned:
        return [] if state.busy else [ending.aborted(plan, state)]
    if state.leaving:
        return []
    steps = front(plan, state)
    if not steps:
        return ending.past_the_last(plan, state, now)
    for step in steps:
        if events := _go_on(plan, step, state, now):
            return events
    return []


def _go_on(plan: Plan, step: PlannedStep, state: RunState, now: datetime) -> list[Event]:
    """What follows for one step by itself."""
    here = state.step(step.id)
    match here.status:
        case Status.PENDING:
            return [] if state.held else _enter(step, state, now)
        case Status.WAITING:
            return gates.wait(step, state, now)
        case Status.FAILED | Status.TIMED_OUT:
            if here.retry_at is not None:
                due = now >= here.retry_at and not state.held
                return [_start(step, state, now)] if due else []
            return detours.after_failure(plan, step, here, state)
        case Status.INTERRUPTED:
            # Whether it did its work is not ours to guess; with nobody there, the run stays held.
            return []
        case Status.RUNNING | Status.PASSED | Status.SKIPPED:
            return []
        case unreachable:
            assert_never(unreachable)


def _enter(step: PlannedStep, state: RunState, now: datetime) -> list[Event]:
    condition = step.step.when
    if condition is not None and not expressions.evaluate(
        condition, lambda name: late.lookup(state, name)
    ):
        return [StepSkipped(step=step.id, by="condition", reason=f"when: {condition}")]
    return [_start(step, state, now)]


def _start(step: PlannedStep, state: RunState, now: datetime, by: str = "") -> Event:
    match step.step:
        case ApproveStep() as gate:
            return gates.request(binding.bind(gate, partial(late.known, state)), state, now)
        case ManualStep() as task:
            return gates.task(binding.bind(task, partial(late.known, state)), now)
        case _:
            return StepStarted(step=step.id, attempt=state.step(step.id).attempt + 1, by=by)


def _outcome(plan: Plan, state: RunState, outcome: Outcome, now: datetime) -> list[Event]:
    here = state.step(outcome.step)
    if here.status is not Status.RUNNING or here.attempt != outcome.attempt:
        return []
    step = plan.step(outcome.step)
    match outcome.ending:
        case Ending.PASSED:
            return [
                StepPassed(
                    step=step.id,
                    detail=outcome.reason,
                    outputs=outcome.outputs,
                    registered=outcome.registered,
                )
            ]
        case Ending.INTERRUPTED:
            return [StepInterrupted(step=step.id, reason=outcome.reason)]
        case Ending.FAILED:
            retry_at = _retry_at(step, here, now)
            return [StepFailed(step=step.id, reason=outcome.reason, retry_at=retry_at)]
        case Ending.TIMED_OUT:
            retry_at = _retry_at(step, here, now)
            return [StepTimedOut(step=step.id, reason=outcome.reason, retry_at=retry_at)]
        case unreachable:
            assert_never(unreachable)


def _retry_at(step: PlannedStep, here: StepState, now: datetime) -> datetime | None:
    if not isinstance(step.step, RunStep | WorkflowStep) or here.tries > step.step.retries:
        return None
    return now + timedelta(seconds=step.step.delay)


def undecided(plan: Plan, state: RunState) -> PlannedStep | None:
    """The step a person must decide about, if the run is at one."""
    step = current(plan, state)
    return step if step and state.step(step.id).status in UNDECIDED else None
