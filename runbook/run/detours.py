"""Where a run goes on when it does not simply go on: after a failure, and when a person says where. Pure.

Rules, each with a test in the same words:
- a failure leads nowhere while a neighbour of its group still runs;
- forward, what lies between is skipped; backward, what lies between is open again;
- no way leads forward past a gate, or past a step that must not be skipped.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbook.model.document import Goto, OnFailure
from runbook.plan import Plan, PlannedStep
from runbook.run import ending
from runbook.run.course import front
from runbook.run.events import Event, FailureHandled, RunJumped, StepReopened, StepSkipped
from runbook.run.signals import Jump
from runbook.run.state import RESUMED, RunState, Status, StepState

GOTO_LIMIT = 3
"""A failure leads to the same other step this often; then a person is asked, so no run goes in circles."""


def after_failure(plan: Plan, step: PlannedStep, here: StepState, state: RunState) -> list[Event]:
    """What the runbook says about a failure; nothing when a person decides."""
    policy: OnFailure = step.step.on_failure
    if policy == "continue":
        return [FailureHandled(step=step.id)]
    if state.busy:
        return []
    match policy:
        case Goto(goto=target) if here.jumps < GOTO_LIMIT:
            return _by_plan(plan, state, step, target)
        case "stop":
            return [ending.give_up(plan, state, step, here)]
        case _:
            # When the run was just taken up, whoever did so may be about to decide.
            asked = state.attended or just_resumed(state)
            return [] if asked else [_without_a_person(plan, state, step, here)]


def _without_a_person(plan: Plan, state: RunState, step: PlannedStep, here: StepState) -> Event:
    """What is always done is done as far as it goes; anything else ends with its first failure."""
    if step.part == "always":
        return FailureHandled(step=step.id)
    return ending.give_up(plan, state, step, here)


def just_resumed(state: RunState) -> bool:
    return state.held is not None and state.held.reason == RESUMED


def _by_plan(plan: Plan, state: RunState, step: PlannedStep, target: str) -> list[Event]:
    here, there = plan.position(step.id), plan.position(target)
    why = f"{step.id} failed: goto {target}"
    events: list[Event] = [FailureHandled(step=step.id, goto=target)]
    events += _passed_over(state, plan.steps[here + 1 : there], "goto", why)
    events += _reopened(state, plan.steps[there:here], why)
    if there <= here:
        events.append(StepReopened(step=step.id, reason=why))
    return events


def by_person(plan: Plan, state: RunState, jump: Jump) -> list[Event]:
    """A jump that `runbook.run.refusals` has let through."""
    here, there = standing(plan, state), plan.position(jump.step)
    why = jump.reason.strip()
    events: list[Event] = [RunJumped(to=jump.step, by=jump.by, reason=why)]
    if there < here:
        undecided = front(plan.steps, plan.rollback, state)
        return events + _reopened(state, [*plan.steps[there:here], *undecided], why)
    events += _passed_over(state, plan.steps[here:there], jump.by, why)
    return events + _reopened(state, plan.steps[there : there + 1], why)


def standing(plan: Plan, state: RunState) -> int:
    """The position of the step at which the run stands."""
    at = front(plan.steps, plan.rollback, state)
    behind = sum(1 for step in plan.steps if step.part == "steps")
    return plan.position(at[0].id) if at else behind


def in_the_way(plan: Plan, state: RunState, target: str) -> PlannedStep | None:
    """The first step on the way forward that nobody may pass over."""
    between = plan.steps[standing(plan, state) : plan.position(target)]
    return next((s for s in between if not s.skippable and not state.step(s.id).done), None)


def _passed_over(state: RunState, between: Iterable[PlannedStep], by: str, why: str) -> list[Event]:
    return [StepSkipped(step=s.id, by=by, reason=why) for s in between if not state.step(s.id).done]


def _reopened(state: RunState, steps: Iterable[PlannedStep], why: str) -> list[Event]:
    return [
        StepReopened(step=s.id, reason=why)
        for s in steps
        if state.step(s.id).status is not Status.PENDING
    ]
