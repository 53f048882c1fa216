"""What a notification says: made of a record and of what is true when it is sent. Pure.

A gate that was answered, or a failure that was decided, before anybody could be told is no news.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from runbook.model.document import NotifiedOf
from runbook.model.values import readable
from runbook.plan import Plan
from runbook.run.events import (
    ApprovalRequested,
    Record,
    RunFinished,
    StepFailed,
    StepInterrupted,
    StepTimedOut,
    TaskRequested,
)
from runbook.run.state import UNDECIDED, RunState, Status
from runbook.run.summary import summarise

NEWS = (
    ApprovalRequested,
    TaskRequested,
    StepFailed,
    StepTimedOut,
    StepInterrupted,
    RunFinished,
)
"""Facts that may be worth a message."""
VERSION = 1
LONGEST = 600
"""Characters of what a gate or a failure says; a whole document is no message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message. `headline` and `text` are for people, the rest is for programs."""

    event: NotifiedOf
    headline: str
    text: str
    at: datetime
    run: str
    runbook: str
    title: str
    mode: str
    context: str
    operator: str
    step: str | None = None
    number: str | None = None
    reason: str = ""
    result: str | None = None
    recovery_seconds: float | None = None
    objective_seconds: float | None = None

    def document(self) -> dict[str, object]:
        return {"version": VERSION, **asdict(self), "at": f"{self.at:%Y-%m-%dT%H:%M:%SZ}"}


def message_of(
    plan: Plan, record: Record, records: Sequence[Record], state: RunState
) -> Message | None:
    """The message a record is worth, by what `records` and `state` say by now; None for most."""
    event = record.event
    match event:
        case ApprovalRequested() | TaskRequested():
            if state.step(event.step).status is not Status.WAITING:
                return None
            return _about_step(plan, state, record, "waiting", event.step, _asked(event))
        case StepFailed() | StepTimedOut() | StepInterrupted():
            here = state.step(event.step)
            decided = here.status not in UNDECIDED or here.handled or here.retry_at is not None
            if decided or state.finished is not None:
                return None
            return _about_step(plan, state, record, "failed", event.step, event.reason)
        case RunFinished():
            return _finished(plan, state, record, records)
        case _:
            return None


def _asked(event: ApprovalRequested | TaskRequested) -> str:
    if isinstance(event, TaskRequested):
        return event.instructions
    whose = f" It is for {', '.join(event.approvers)}." if event.approvers else ""
    until = f" It is refused at {event.expires:%H:%M}Z." if event.expires else ""
    return f"{event.message.strip()}{whose}{until}"


def _about_step(
    plan: Plan, state: RunState, record: Record, event: NotifiedOf, step: str, reason: str
) -> Message:
    planned = plan.step(step)
    what = {
        "approve": "waits for approval",
        "manual": "waits for a person",
    }.get(planned.kind, "")
    if event == "failed":
        unknown = state.step(step).status is Status.INTERRUPTED
        what = "has an unknown outcome" if unknown else "failed"
    said = f"{planned.number} {planned.title} {what}"
    return _message(plan, state, record, event, said, reason, step=step, number=planned.number)


def _finished(
    plan: Plan, state: RunState, record: Record, records: Sequence[Record]
) -> Message | None:
    finished = state.finished
    if finished is None:
        return None
    clock = summarise(records).recovery
    took = clock.seconds if clock.stopped else None
    said = finished.result.value.replace("_", " ")
    if took is not None:
        goal = f" of {readable(plan.objectives.rto)}" if plan.objectives.rto else ""
        said += f" in {readable(took)}{goal}"
    return _message(
        plan,
        state,
        record,
        "finished",
        said,
        finished.reason,
        result=finished.result.value,
        recovery_seconds=took,
        objective_seconds=plan.objectives.rto,
    )


def _message(
    plan: Plan,
    state: RunState,
    record: Record,
    event: NotifiedOf,
    said: str,
    reason: str,
    **facts: object,
) -> Message:
    opened = state.opened
    assert opened is not None  # a run is opened before anything in it happens
    short = reason if len(reason) <= LONGEST else f"{reason[:LONGEST]}…"
    where = f"run {opened.run} by {state.operator} on {opened.host}"
    return Message(
        event=event,
        headline=f"[{opened.mode}] {plan.title} on {opened.context}: {said}",
        text="\n".join(line for line in (short.strip(), where) if line),
        at=record.at,
        run=opened.run,
        runbook=plan.name,
        title=plan.title,
        mode=opened.mode,
        context=opened.context,
        operator=state.operator,
        reason=reason,
        **facts,  # type: ignore[arg-type]  # fields of Message
    )
