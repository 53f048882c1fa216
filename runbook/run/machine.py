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

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from runbook.model import binding, expressions
from runbook.model.document import ApproveStep, Goto, ManualStep, OnFailure, RunStep, WorkflowStep
from runbook.plan import Plan, PlannedStep
from runbook.run import gates, late
from runbook.run.events import (
    AbortRequested,
    CommandFinished,
    Event,
    FailureHandled,
    HealthRead,
    NoteAdded,
    RunContinued,
    RunFinished,
    RunHeld,
    StepAccepted,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepReopened,
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
    Ending,
    HealthReading,
    Hold,
    Leave,
    Outcome,
    Refuse,
    Report,
    Retry,
    Signal,
    Skip,
    StopStep,
    Tick,
)
from runbook.run.state import RESUMED, UNDECIDED, RunState, Status, StepState
from runbook.run.terms import Result

GOTO_LIMIT = 3
"""A failure leads to the same other step this often; then a person is asked, so no run goes in circles."""

PATIENCE = timedelta(minutes=2)
"""After the last step the platform may take this long to settle, even when the objective has passed."""


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


def current(plan: Plan, state: RunState) -> PlannedStep | None:
    """The step the run is at: the first that is not done."""
    steps = state.steps
    return next((s for s in plan.steps if s.id not in steps or not steps[s.id].done), None)


def pending(plan: Plan, state: RunState) -> list[Effect]:
    """What must be going on now. Derived from state alone, so resume, abort and expiry need no code."""
    if state.finished is not None or state.opened is None:
        return []
    stop = state.aborting is not None or state.leaving
    effects: list[Effect] = [] if stop else [Observe(name) for name in plan.health]
    step = current(plan, state)
    if step is None:
        return effects + [WakeAt(at) for at in _settling(plan, state)]
    here = state.step(step.id)
    match here.status:
        case Status.RUNNING:
            return effects if stop or here.stopping else [*effects, Execute(step.id, here.attempt)]
        case Status.WAITING:
            expires = getattr(here.request, "expires", None)
            return [*effects, WakeAt(expires)] if expires else effects
        case Status.FAILED | Status.TIMED_OUT:
            return [*effects, WakeAt(here.retry_at)] if here.retry_at else effects
        case Status.PENDING | Status.INTERRUPTED | Status.PASSED | Status.SKIPPED:
            return effects
        case unreachable:
            assert_never(unreachable)


def interrupted(state: RunState) -> list[Event]:
    """After a crash: what was running when we died has an unknown outcome."""
    return [
        StepInterrupted(step=step, reason="the program ended while it ran")
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
        case AddNote(by=by, text=text):
            return [NoteAdded(by=by, text=text)]
        case unreachable:
            assert_never(unreachable)


def _taken_up(state: RunState, by: str) -> list[Event]:
    """To decide about a step of a resumed run is to go on with it."""
    return [RunContinued(by=by)] if _just_resumed(state) else []


def _just_resumed(state: RunState) -> bool:
    return state.held is not None and state.held.reason == RESUMED


def _tick(plan: Plan, state: RunState, now: datetime) -> list[Event]:
    if state.aborting is not None:
        busy = any(s.status is Status.RUNNING for s in state.steps.values())
        why = f"aborted by {state.aborting.by}: {state.aborting.reason}".removesuffix(": ")
        return [] if busy else [RunFinished(result=Result.ABORTED, reason=why)]
    if state.leaving:
        return []
    step = current(plan, state)
    if step is None:
        return _finish(plan, state, now)
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
            return _after_failure(plan, step, here, state)
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
            return gates.request(binding.bind(gate, partial(late.known, state)), now)
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


def _after_failure(plan: Plan, step: PlannedStep, here: StepState, state: RunState) -> list[Event]:
    policy: OnFailure = step.step.on_failure
    if isinstance(step.step, ApproveStep):
        policy = "stop"  # a gate that did not open is a refusal, whatever the runbook wishes
    match policy:
        case "continue":
            return [FailureHandled(step=step.id)]
        case Goto(goto=target) if here.jumps < GOTO_LIMIT:
            return _jump(plan, state, step, target)
        case "stop":
            return [_give_up(state, step, here)]
        case _:
            # When the run was just taken up, whoever did so may be about to decide.
            asked = state.attended or _just_resumed(state)
            return [] if asked else [_give_up(state, step, here)]


def _give_up(state: RunState, step: PlannedStep, here: StepState) -> Event:
    touched = state.clock.started is not None
    result = Result.NOT_RECOVERED if touched else Result.ABORTED
    return RunFinished(result=result, reason=f"{step.number} {step.title}: {here.reason}")


def _jump(plan: Plan, state: RunState, step: PlannedStep, target: str) -> list[Event]:
    """Forward: what lies between is skipped. Backward: what lies between is open again."""
    here, there = plan.position(step.id), plan.position(target)
    why = f"{step.id} failed: goto {target}"
    events: list[Event] = [FailureHandled(step=step.id, goto=target)]
    if there > here:
        between = plan.steps[here + 1 : there]
        events += [
            StepSkipped(step=s.id, by="goto", reason=why)
            for s in between
            if not state.step(s.id).done
        ]
    events += _reopen(state, (s.id for s in plan.steps[there:here]), why)
    if there <= here:
        events.append(StepReopened(step=step.id, reason=why))
    return events


def _reopen(state: RunState, steps: Iterable[str], why: str) -> list[Event]:
    return [
        StepReopened(step=s, reason=why)
        for s in steps
        if state.step(s).status is not Status.PENDING
    ]


def _finish(plan: Plan, state: RunState, now: datetime) -> list[Event]:
    """All steps are done: the run ends when the platform has been healthy for its settle time."""
    outline = state.opened.outline if state.opened else None
    if outline is None or not outline.recovered_when:
        return [_recovered(state, now)]
    green = state.clock.green_since
    if green is not None and now >= green + timedelta(seconds=outline.settle):
        return [_recovered(state, green)]
    if green is None and now >= _patience(plan, state, now):
        red = [
            f"{name} {state.health[name].observed if name in state.health else 'not read'}"
            for name in outline.recovered_when
            if name not in state.health or state.health[name].verdict != "holds"
        ]
        return [RunFinished(result=Result.NOT_RECOVERED, reason="; ".join(red))]
    return []


def _recovered(state: RunState, at: datetime) -> Event:
    started, rto = state.clock.started, state.opened.outline.rto if state.opened else None
    if started is not None and rto is not None and (at - started).total_seconds() > rto:
        return RunFinished(result=Result.RECOVERED_LATE)
    return RunFinished(result=Result.RECOVERED)


def _patience(plan: Plan, state: RunState, now: datetime) -> datetime:
    """When to stop waiting for health: the objective's end, but some time after the last step."""
    last = (state.last_done or now) + PATIENCE
    started, rto = state.clock.started, plan.objectives.rto
    return max(last, started + timedelta(seconds=rto)) if started and rto else last


def _settling(plan: Plan, state: RunState) -> list[datetime]:
    moments = [_patience(plan, state, state.last)] if state.last else []
    if state.clock.green_since is not None:
        moments.append(state.clock.green_since + timedelta(seconds=plan.objectives.settle))
    return moments


def undecided(plan: Plan, state: RunState) -> PlannedStep | None:
    """The step a person must decide about, if the run is at one."""
    step = current(plan, state)
    return step if step and state.step(step.id).status in UNDECIDED else None
