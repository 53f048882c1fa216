"""Which question is open: the one the run waits for, or one that a key has put; never both."""

from __future__ import annotations

from dataclasses import dataclass, replace

from runbook.run.countersigning import packed, request_text
from runbook.run.events import ApprovalRequested
from runbook.tui.presenter.commands import why_not
from runbook.tui.presenter.moment import Moment, Situation
from runbook.tui.presenter.prompt import Prompt, Purpose, asked_prompt, standing_prompt


@dataclass(frozen=True, slots=True)
class Asking:
    """What the operator did about questions. Immutable; each answer is another one."""

    asked: Prompt | None = None
    """A question that a key has put."""
    put_off: Prompt | None = None
    """The standing question that was answered with `not yet`."""
    at: tuple[str, Situation] | None = None
    """The step and situation in which a key put its question."""

    def prompt(self, moment: Moment) -> Prompt | None:
        """The question to show now."""
        if self.asked is not None:
            return self.asked
        standing = standing_prompt(moment)
        return None if standing == self.put_off else standing

    def settled(self, moment: Moment) -> Asking:
        """Without what the run has gone past: a question about another step or another situation."""
        after = self
        if self.asked is not None and self.at != _place(moment):
            after = replace(after, asked=None, at=None)
        if self.put_off is not None and standing_prompt(moment) != self.put_off:
            after = replace(after, put_off=None)
        return after

    def put(self, purpose: Purpose, moment: Moment) -> Asking:
        return replace(self, asked=asked_prompt(moment, purpose), at=_place(moment))

    def put_back(self, prompt: Prompt) -> Asking:
        """Escape: a key's question is dropped, a standing one waits to be asked for."""
        return replace(self, put_off=prompt) if prompt.standing else Asking(put_off=self.put_off)

    def taken_up(self) -> Asking:
        """The operator wants to answer what was put off."""
        return Asking()


def _place(moment: Moment) -> tuple[str, Situation]:
    return (moment.step.id if moment.step is not None else "", moment.situation)


PURPOSES = {
    "stop": Purpose.STOP,
    "skip": Purpose.SKIP,
    "accept": Purpose.ACCEPT,
    "abort": Purpose.ABORT,
    "jump": Purpose.JUMP,
    "rollback": Purpose.ROLL_BACK,
}
"""Commands that need an answer before they are anything."""


def reason_against(name: str, moment: Moment) -> str:
    """Why a command does not fit the moment, with the key it hangs on."""
    reason = why_not(name, moment)
    return reason[:1].upper() + reason[1:] + "." if reason else ""


def leave_lines(moment: Moment) -> list[str]:
    """What leaving means now, for the question before it."""
    lines = ["Leave this run?", "The run is held, not ended: `runbook resume` takes it up again."]
    if moment.situation in (Situation.RUNNING, Situation.STOPPING) and moment.step is not None:
        lines.append(f"Step {moment.step.number} is running and will be stopped;")
        lines.append("its outcome will then be unknown.")
    if moment.state.clock.started is not None:
        lines.append("The recovery clock goes on meanwhile.")
    return lines


def request_of(moment: Moment) -> str:
    """What a second person is to sign, as one word; empty when none is asked for."""
    opened = moment.state.opened
    asked = moment.state.step(moment.step.id).request if moment.step is not None else None
    if opened is None or not isinstance(asked, ApprovalRequested) or not asked.approvers:
        return ""
    return packed(request_text(opened, asked))
