"""How a run ends: with health that has held, without it in time, or because somebody gave up. Pure.

What is always done comes between the decision and the end, and changes neither result nor clock.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from runbook.plan import Plan, PlannedStep
from runbook.run.events import Event, RunEnding, RunFinished
from runbook.run.state import RunState, StepState
from runbook.run.terms import Result

PATIENCE = timedelta(minutes=2)
"""After the last step the platform may take this long to settle, even when the objective has passed."""


def end(plan: Plan, result: Result, reason: str = "") -> Event:
    """The result is decided."""
    if any(step.part == "always" for step in plan.steps):
        return RunEnding(result=result, reason=reason)
    return RunFinished(result=result, reason=reason)


def give_up(plan: Plan, state: RunState, step: PlannedStep, here: StepState) -> Event:
    """A failed step ends the run."""
    touched = state.clock.started is not None
    result = Result.NOT_RECOVERED if touched else Result.ABORTED
    reason = f"{step.number} {step.title}: {here.reason}"
    if state.ending is not None:
        return RunFinished(result=state.ending.result, reason=state.ending.reason or reason)
    return end(plan, result, reason)


def aborted(plan: Plan, state: RunState) -> Event:
    """Nothing runs any more, and somebody asked for the end."""
    if state.ending is not None:
        return RunFinished(result=state.ending.result, reason=state.ending.reason)
    asked = state.aborting
    why = f"aborted by {asked.by}: {asked.reason}".removesuffix(": ") if asked else ""
    return end(plan, Result.ABORTED, why)


def past_the_last(plan: Plan, state: RunState, now: datetime) -> list[Event]:
    """The run has gone through everything it had to."""
    if state.ending is not None:
        return [RunFinished(result=state.ending.result, reason=state.ending.reason)]
    if (asked := state.rolling_back) is not None:
        return [end(plan, Result.ABORTED, f"rolled back by {asked.by}: {asked.reason}")]
    return _settle(plan, state, now)


def _settle(plan: Plan, state: RunState, now: datetime) -> list[Event]:
    """All steps are done: the run ends when the platform has been healthy for its settle time."""
    outline = state.opened.outline if state.opened else None
    if outline is None or not outline.recovered_when:
        return [_recovered(plan, state, now)]
    green = state.clock.green_since
    if green is not None and now >= green + timedelta(seconds=outline.settle):
        return [_recovered(plan, state, green)]
    if green is None and now >= _patience(plan, state, now):
        red = [
            f"{name} {state.health[name].observed if name in state.health else 'not read'}"
            for name in outline.recovered_when
            if name not in state.health or state.health[name].verdict != "holds"
        ]
        return [end(plan, Result.NOT_RECOVERED, "; ".join(red))]
    return []


def _recovered(plan: Plan, state: RunState, at: datetime) -> Event:
    started, rto = state.clock.started, state.opened.outline.rto if state.opened else None
    if started is not None and rto is not None and (at - started).total_seconds() > rto:
        return end(plan, Result.RECOVERED_LATE)
    return end(plan, Result.RECOVERED)


def _patience(plan: Plan, state: RunState, now: datetime) -> datetime:
    """When to stop waiting for health: the objective's end, but some time after the last step."""
    last = (state.last_done or now) + PATIENCE
    started, rto = state.clock.started, plan.objectives.rto
    return max(last, started + timedelta(seconds=rto)) if started and rto else last


def settling(plan: Plan, state: RunState) -> list[datetime]:
    """The moments at which waiting for health may end."""
    moments = [_patience(plan, state, state.last)] if state.last else []
    if state.clock.green_since is not None:
        moments.append(state.clock.green_since + timedelta(seconds=plan.objectives.settle))
    return moments
