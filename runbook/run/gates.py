"""Gates and tasks: what waits for a person, and what counts as the person's answer. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from runbook.model.document import ApproveStep, ManualStep
from runbook.plan import PlannedStep
from runbook.run.countersigning import request_number
from runbook.run.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    Event,
    Preauthorisation,
    StepInterrupted,
    StepTimedOut,
    TaskConfirmed,
    TaskRequested,
)
from runbook.run.signals import Approve, Confirm, Refuse
from runbook.run.state import RunState
from runbook.run.terms import Mode

UNATTENDED = "unattended run"


def request(step: ApproveStep, state: RunState, now: datetime) -> ApprovalRequested:
    run = state.opened.run if state.opened else ""
    gate = step.approve
    timeout = gate.timeout or step.timeout
    expires = now + timedelta(seconds=timeout) if timeout else None
    return ApprovalRequested(
        step=step.id,
        message=gate.message,
        confirm_text=gate.confirm_text,
        approvers=tuple(gate.approvers),
        expires=expires,
        request=request_number(run, step.id, now),
    )


def task(step: ManualStep, now: datetime) -> TaskRequested:
    return TaskRequested(
        step=step.id,
        instructions=step.manual.instructions,
        evidence=step.manual.evidence,
        expires=now + timedelta(seconds=step.timeout) if step.timeout else None,
    )


def preauthorisation(state: RunState, step: str, now: datetime) -> Preauthorisation | None:
    """What opened this gate before the run, if anything did and still counts."""
    opened = state.opened
    if opened is None:
        return None
    for given in opened.preauthorised:
        everywhere = given.step == "*" and opened.mode is Mode.PRACTICE
        in_time = given.expires is None or now < given.expires
        if (given.step == step or everywhere) and in_time:
            return given
    return None


def wait(step: PlannedStep, state: RunState, now: datetime) -> list[Event]:
    """What follows by itself for a step that waits: pre-authorisation, refusal, expiry, or nothing."""
    asked = state.step(step.id).request
    if expired := _expired(asked, now):
        return [expired]
    given = preauthorisation(state, step.id, now)
    if given is not None:
        if isinstance(asked, TaskRequested):
            return [TaskConfirmed(step=step.id, by=given.by, evidence=given.reason)]
        return [
            ApprovalGranted(step=step.id, by=given.by, how="pre-authorised", reason=given.reason)
        ]
    if state.attended:
        return []
    if isinstance(asked, TaskRequested):
        return [StepInterrupted(step=step.id, reason="it needs a person, and nobody is there")]
    why = "nobody is there to approve, and no pre-authorisation names this gate"
    return [ApprovalRefused(step=step.id, by=UNATTENDED, reason=why)]


def answer(
    step: PlannedStep, state: RunState, signal: Approve | Refuse | Confirm, now: datetime
) -> list[Event]:
    """A person's answer, already known to be theirs to give (`runbook.run.refusals`)."""
    if expired := _expired(state.step(step.id).request, now):
        return [expired]
    match signal:
        case Approve(by=by, signature=signature):
            how = "countersigned" if signature else "person"
            if practised(state, state.step(step.id).request):
                how = "practice"
            return [
                ApprovalGranted(step=step.id, by=by, how=how, signature=signature)  # type: ignore[arg-type]  # the words above
            ]
        case Refuse(by=by, reason=reason):
            return [ApprovalRefused(step=step.id, by=by, reason=reason)]
        case Confirm(by=by, evidence=evidence, output=output, bytes=size):
            confirmed = TaskConfirmed(
                step=step.id, by=by, evidence=evidence, output=output, bytes=size
            )
            return [confirmed]


def practised(state: RunState, asked: ApprovalRequested | TaskRequested | None) -> bool:
    """Whether a trainee answers for the approvers: on a practice cluster nobody else is there."""
    practice = state.opened is not None and state.opened.mode is Mode.PRACTICE
    return practice and isinstance(asked, ApprovalRequested) and bool(asked.approvers)


def _expired(asked: ApprovalRequested | TaskRequested | None, now: datetime) -> Event | None:
    if asked is None or asked.expires is None or now < asked.expires:
        return None
    if isinstance(asked, ApprovalRequested):
        return ApprovalExpired(step=asked.step)
    return StepTimedOut(step=asked.step, reason="nobody did it in time")
