"""Why a signal does not fit the moment. The screen shows it beside a key; `decide` obeys it. Pure."""

from __future__ import annotations

from typing import assert_never

from runbook.plan import Plan, PlannedStep
from runbook.run import detours, gates
from runbook.run.course import front, undoable
from runbook.run.events import ApprovalRequested, TaskRequested
from runbook.run.signals import (
    Abort,
    Accept,
    AddNote,
    Approve,
    Confirm,
    Continue,
    Countersign,
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
    StepSignal,
    StopStep,
    Tick,
)
from runbook.run.state import UNDECIDED, RunState, Status

LONGEST = 8000
"""Characters of a note, a reason or an evidence: more does not fit a line of the journal."""

SKIPPABLE = UNDECIDED | {Status.PENDING, Status.WAITING}


def refusal(plan: Plan, state: RunState, signal: Signal) -> str:
    """An empty text when the signal fits; else the reason, as the operator should read it."""
    if state.finished is not None:
        return "the run has finished"
    match signal:
        case Tick() | Outcome() | Report() | HealthReading():
            return ""
        case AddNote(text=text):
            return _too_long(text) or ("" if text.strip() else "a note needs a text")
        case Hold():
            return "the run is already held" if state.held else _ending(state)
        case Continue():
            return _ending(state) if state.held else "the run is not held"
        case Leave():
            return "the run is already being left" if state.leaving else ""
        case Abort():
            if state.ending is not None:
                return "the run is already being ended" if state.cut_short else ""
            return "the run is already being aborted" if state.aborting else ""
        case Jump():
            return _jump(plan, state, signal)
        case RollBack(reason=reason):
            return _roll_back(plan, state, reason)
        case (
            Approve()
            | Countersign()
            | Refuse()
            | Confirm()
            | Retry()
            | Skip()
            | Accept()
            | StopStep()
        ):
            return _about_step(plan, state, signal)
        case unreachable:
            assert_never(unreachable)


def _ending(state: RunState) -> str:
    if state.abandoned:
        return "the run is being aborted"
    return "the run is being left" if state.leaving else ""


def _too_long(text: str) -> str:
    """A record holds what a person says; a document belongs beside it."""
    count = len(text)
    return f"{count} characters are too many; at most {LONGEST} are kept" if count > LONGEST else ""


def _about_step(plan: Plan, state: RunState, signal: StepSignal) -> str:
    steps = front(plan.steps, plan.rollback, state)
    at = next((s for s in steps if s.id == signal.step), None)
    if at is None:
        where = " and ".join(f"{s.number} {s.title}" for s in steps)
        return (
            f"the run is {f'at {where}' if where else 'past its last step'}, not at {signal.step}"
        )
    if ending := _ending(state):
        return ending
    if long := _too_long(getattr(signal, "reason", "") + getattr(signal, "evidence", "")):
        return long
    status = state.step(at.id).status
    match signal:
        case Approve():
            return _approval(at, state, signal)
        case Countersign():
            waits = state.step(at.id).request
            asked = isinstance(waits, ApprovalRequested) and bool(waits.approvers)
            return "" if asked else "no second person is asked for"
        case Refuse(reason=reason):
            asked = isinstance(state.step(at.id).request, ApprovalRequested)
            if not asked:
                return "no approval is asked for"
            return "" if reason.strip() else "a refusal needs a reason"
        case Confirm(evidence=evidence):
            request = state.step(at.id).request
            if not isinstance(request, TaskRequested):
                return "no manual task is waiting"
            if request.evidence == "none" or evidence.strip():
                return ""
            wanted = "say what you saw" if request.evidence == "text" else "name a file"
            return f"this task asks for evidence: {wanted}"
        case Retry():
            return "" if status in UNDECIDED else f"the step is {status}; only a failure is retried"
        case Skip(reason=reason):
            return _skip(at, status, reason)
        case Accept(reason=reason):
            if status is not Status.INTERRUPTED:
                return f"the step is {status}; only an unknown outcome can be declared done"
            return "" if reason.strip() else "say how you know that it is done"
        case StopStep():
            if state.step(at.id).stopping:
                return "it is already being stopped"
            return "" if status is Status.RUNNING else f"the step is {status}; nothing runs"
        case unreachable:
            assert_never(unreachable)


def _jump(plan: Plan, state: RunState, jump: Jump) -> str:
    if refused := _not_at_rest(state):
        return refused
    target = next((s for s in plan.steps if s.id == jump.step), None)
    if target is None or target.part != "steps":
        return f"there is no step {jump.step!r} to go to"
    if state.rolling_back is not None:
        return "the run is being rolled back"
    if blocked := detours.in_the_way(plan, state, jump.step):
        what = "a gate" if blocked.kind == "approve" else "a step that must not be skipped"
        return f"{blocked.number} {blocked.title} lies before it: {what}"
    return _reason(jump.reason, "going to another step")


def _roll_back(plan: Plan, state: RunState, reason: str) -> str:
    if refused := _not_at_rest(state):
        return refused
    if state.rolling_back is not None:
        return "the run is already being rolled back"
    if not undoable(plan.rollback, state):
        return "there is nothing to roll back: no step that was started says how it is undone"
    return _reason(reason, "rolling back")


def _not_at_rest(state: RunState) -> str:
    if ending := _ending(state):
        return ending
    if state.ending is not None:
        return "the run is ending"
    return "a step is running; stop it first" if state.busy else ""


def _reason(text: str, what: str) -> str:
    return _too_long(text) or ("" if text.strip() else f"{what} needs a reason")


def _approval(step: PlannedStep, state: RunState, signal: Approve) -> str:
    asked = state.step(step.id).request
    if not isinstance(asked, ApprovalRequested):
        return "no approval is asked for"
    if asked.approvers and not gates.practised(state, asked):
        approvers = ", ".join(asked.approvers)
        if not signal.signature:
            return f"it is for {approvers} to approve: paste their answer"
        if state.operator in (signal.by, *signal.roles):
            return f"{state.operator} started this run; another person must approve"
        if not {signal.by, *signal.roles} & set(asked.approvers):
            return f"{signal.by} is not among the approvers: {approvers}"
    if asked.confirm_text is not None and signal.typed != asked.confirm_text:
        return _mismatch(signal.typed, asked.confirm_text)
    return ""


def _mismatch(typed: str, wanted: str) -> str:
    if not typed:
        return f"type {wanted} to approve"
    same = 0
    while same < min(len(typed), len(wanted)) and typed[same] == wanted[same]:
        same += 1
    if same == len(typed):
        return f"{len(wanted) - same} more characters of {wanted}"
    if same == len(wanted):
        return f"more than {wanted} was typed"
    return f"character {same + 1} is {typed[same]!r}, not {wanted[same]!r}"


def _skip(step: PlannedStep, status: Status, reason: str) -> str:
    if step.kind == "approve":
        return "a gate is never skipped: approve it, refuse it, or abort the run"
    if not step.skippable:
        return "the runbook does not allow this step to be skipped"
    if status not in SKIPPABLE:
        return f"the step is {status}; stop it first"
    return "" if reason.strip() else "skipping needs a reason"
