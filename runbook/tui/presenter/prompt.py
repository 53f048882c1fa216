"""What the Now card asks to be typed, and what an answer becomes. Nothing is ever answered by default."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from runbook.run import gates
from runbook.run.course import undoable
from runbook.run.events import ApprovalRequested, TaskRequested
from runbook.run.refusals import refusal
from runbook.run.signals import (
    Abort,
    Accept,
    Approve,
    Confirm,
    Countersign,
    Jump,
    Refuse,
    RollBack,
    Signal,
    Skip,
    StopStep,
)
from runbook.tui.cells import cut
from runbook.tui.presenter.moment import Moment
from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.safe import clean

GUARD = 0.4
"""Seconds after a prompt appears in which keys are ignored: they were meant for something else."""


class Purpose(StrEnum):
    APPROVE = "approve"
    REFUSE = "refuse"
    COUNTERSIGN = "countersign"
    CONFIRM = "confirm"
    SKIP = "skip"
    ACCEPT = "accept"
    STOP = "stop"
    ABORT = "abort"
    JUMP = "jump"
    ROLL_BACK = "roll back"


@dataclass(frozen=True, slots=True)
class Prompt:
    purpose: Purpose
    step: str
    question: str
    wanted: str | None = None
    """The exact text; None asks for free text."""
    empty_allowed: bool = False
    at_once: bool = False
    """Typing the wanted text is enough, without enter."""
    standing: bool = False
    """The run waits for it: `esc` puts it off, and it comes back."""
    pasted: bool = False
    """The answer is long, and comes from elsewhere: it may be pasted."""


def standing_prompt(moment: Moment) -> Prompt | None:
    """What the run itself waits for, if it waits for a person."""
    step = moment.step
    if step is None:
        return None
    match moment.state.step(step.id).request:
        case ApprovalRequested(approvers=approvers) as asked if approvers and not gates.practised(
            moment.state, asked
        ):
            question = f"Paste the answer of {clean(', '.join(approvers))}"
            return Prompt(Purpose.COUNTERSIGN, step.id, question, standing=True, pasted=True)
        case ApprovalRequested(confirm_text=wanted):
            word = wanted if wanted is not None else "yes"
            return Prompt(
                Purpose.APPROVE, step.id, f"Type  {clean(word)}  to approve", word, standing=True
            )
        case TaskRequested(evidence="text"):
            return Prompt(Purpose.CONFIRM, step.id, "Done? Say what you saw", standing=True)
        case TaskRequested(evidence="file"):
            question = "Done? Name the file that shows it"
            return Prompt(Purpose.CONFIRM, step.id, question, standing=True, pasted=True)
        case TaskRequested():
            return Prompt(
                Purpose.CONFIRM, step.id, "Type  done  when it is done", "done", standing=True
            )
    return None


def asked_prompt(moment: Moment, purpose: Purpose) -> Prompt:
    """What the operator's own key asks for."""
    step = moment.step
    step_id = step.id if step is not None else ""
    match purpose:
        case Purpose.STOP:
            return Prompt(
                purpose,
                step_id,
                "Stop what runs? Its outcome is then unknown. Press y",
                "y",
                at_once=True,
            )
        case Purpose.ABORT:
            name = moment.plan.name
            return Prompt(purpose, step_id, f"Type  {clean(name)}  to abort the run", name)
        case Purpose.REFUSE:
            return Prompt(purpose, step_id, "Refuse. This ends the run. Why?")
        case Purpose.JUMP:
            number = moment.plan.step(moment.chosen).number
            return Prompt(purpose, moment.chosen, f"Go on at {number}. Why?")
        case Purpose.ROLL_BACK:
            count = len(undoable(moment.plan.rollback, moment.state))
            steps = f"{count} step{'s' if count > 1 else ''}"
            return Prompt(purpose, step_id, f"Undo {steps}, last first, and end the run. Why?")
        case Purpose.ACCEPT:
            return Prompt(purpose, step_id, "Declare it done. How do you know?")
        case _:
            return Prompt(purpose, step_id, "Skip this step. Why?")


def signal_of(prompt: Prompt, typed: str, operator: str) -> Signal:
    """The answer as the run hears it."""
    step = prompt.step
    match prompt.purpose:
        case Purpose.APPROVE:
            return Approve(step, operator, typed)
        case Purpose.COUNTERSIGN:
            return Countersign(step, typed)
        case Purpose.REFUSE:
            return Refuse(step, operator, typed)
        case Purpose.CONFIRM:
            return Confirm(step, operator, "" if prompt.wanted else typed)
        case Purpose.SKIP:
            return Skip(step, operator, typed)
        case Purpose.ACCEPT:
            return Accept(step, operator, typed)
        case Purpose.STOP:
            return StopStep(step, operator)
        case Purpose.ABORT:
            return Abort(operator, "from the screen")
        case Purpose.JUMP:
            return Jump(step, operator, typed)
        case Purpose.ROLL_BACK:
            return RollBack(operator, typed)


def objection(prompt: Prompt, typed: str, moment: Moment) -> str:
    """Why what is typed is no answer yet; empty when it is one."""
    if prompt.wanted is not None and typed != prompt.wanted:
        return mismatch(typed, prompt.wanted)
    return refusal(moment.plan, moment.state, signal_of(prompt, typed, moment.operator))


def mismatch(typed: str, wanted: str) -> str:
    """Where what is typed and what is wanted part."""
    if not typed:
        return "nothing typed yet"
    same = next((i for i, (a, b) in enumerate(zip(typed, wanted, strict=False)) if a != b), None)
    if same is not None:
        return f"character {same + 1} is {clean(typed[same])!r}, not {clean(wanted[same])!r}"
    missing = len(wanted) - len(typed)
    if missing > 0:
        return f"{missing} more character{'s' if missing > 1 else ''}"
    return f"{-missing} more than {clean(wanted)}"


def prompt_rows(prompt: Prompt, typed: str, advice: str, moment: Moment, columns: int) -> list[Row]:
    """The entry line and, under it, what is wrong or what can be pressed."""
    cursor = moment.symbols.cursor
    room = max(8, columns - len(prompt.question) - 4)
    shown = clean(typed)
    if len(shown) > room:
        shown = moment.symbols.dots + shown[-(room - len(moment.symbols.dots)) :]
    right = prompt.wanted is not None and typed == prompt.wanted
    entry: Row = (
        Span(f"{prompt.question}:  ", Tone.ASK),
        Span(shown, Tone.GOOD if right else Tone.ENTRY),
        Span(cursor, Tone.ASK),
    )
    later = "esc not yet" if prompt.standing else "esc back"
    keys: list[Span] = []
    if not prompt.at_once:
        keys += [Span("enter ", Tone.KEY), Span(_verb(prompt) + "   ", Tone.DIM)]
    keys += [
        Span(later.split(maxsplit=1)[0] + " ", Tone.KEY),
        Span(later.split(maxsplit=1)[1], Tone.DIM),
    ]
    if prompt.purpose is Purpose.COUNTERSIGN:
        keys += [Span("   ctrl+y ", Tone.KEY), Span("copy the request for them", Tone.DIM)]
    if prompt.purpose in (Purpose.APPROVE, Purpose.COUNTERSIGN):
        keys += [Span("   ctrl+r ", Tone.KEY), Span("refuse, with a reason", Tone.DIM)]
    if advice:
        return [entry, (Span(cut(advice, columns), Tone.BAD),)]
    return [entry, tuple(keys)]


def _verb(prompt: Prompt) -> str:
    return {
        Purpose.APPROVE: "approve",
        Purpose.COUNTERSIGN: "hand it in",
        Purpose.REFUSE: "refuse",
        Purpose.CONFIRM: "done",
        Purpose.SKIP: "skip",
        Purpose.ACCEPT: "declare done",
        Purpose.STOP: "stop",
        Purpose.ABORT: "abort",
        Purpose.JUMP: "go on there",
        Purpose.ROLL_BACK: "roll back",
    }[prompt.purpose]
