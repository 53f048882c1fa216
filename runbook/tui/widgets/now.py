"""The Now card, and the line in it that an answer is typed on.

Nothing is answered by accident: keys are ignored for a moment after a question appears and after the
terminal comes to the front, a paste is refused, and only the exact text and then enter will do.
"""

from __future__ import annotations

from collections.abc import Callable

from textual import events
from textual.content import Content
from textual.message import Message

from runbook.tui.presenter.prompt import GUARD, Prompt, Purpose
from runbook.tui.widgets.rows import Rows

EDITING = ("escape", "enter", "backspace", "ctrl+u", "ctrl+w", "ctrl+r", "ctrl+y")
LONGEST = 500
"""Characters of an answer that is typed."""

LONGEST_PASTED = 8000
"""Characters of somebody else's answer: a signature."""


class NowCard(Rows, can_focus=True):
    """Shows the rows of the card; while there is a prompt and it has the focus, keys are its own."""

    class Typed(Message):
        """The answer so far is another one."""

    class Answered(Message):
        """Enter, or the one key that was asked for."""

        def __init__(self, prompt: Prompt, typed: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.typed = typed

    class PutOff(Message):
        """Escape: not now."""

        def __init__(self, prompt: Prompt) -> None:
            super().__init__()
            self.prompt = prompt

    class RefuseAsked(Message):
        """The person wants to say no, with a reason."""

    class RequestWanted(Message):
        """The request is to be sent to a second person."""

    def __init__(self, monotonic: Callable[[], float], *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._monotonic = monotonic
        self._deaf_until = 0.0
        self._title = ""
        self.prompt: Prompt | None = None
        self.typed = ""
        self.advice = ""

    def label(self, title: str, tone_class: str) -> None:
        """The text in the border, and how loud the border is."""
        if title != self._title:
            self._title = title
            self.border_title = Content(self.drawn(title))
        if not self.has_class(tone_class):
            self.set_classes(tone_class)

    def ask(self, prompt: Prompt | None) -> None:
        """Put a question, or take it away. The same question again changes nothing."""
        if prompt == self.prompt:
            return
        self.prompt, self.typed, self.advice = prompt, "", ""
        if prompt is not None:
            self.be_deaf()

    def be_deaf(self) -> None:
        """Ignore keys for a moment: they were meant for something else."""
        self._deaf_until = self._monotonic() + GUARD

    def on_key(self, event: events.Key) -> None:
        if self.prompt is None or not self.takes(event):
            return
        event.stop()
        event.prevent_default()
        if self._monotonic() < self._deaf_until:
            return
        match event.key:
            case "escape":
                self.post_message(self.PutOff(self.prompt))
                return
            case "ctrl+r":
                self.post_message(self.RefuseAsked())
                return
            case "ctrl+y":
                self.post_message(self.RequestWanted())
                return
            case "enter":
                if not self.prompt.at_once:
                    self.post_message(self.Answered(self.prompt, self.typed))
                return
            case "backspace":
                self._become(self.typed[:-1])
            case "ctrl+u" | "ctrl+w":
                self._become("")
            case _:
                self._become((self.typed + (event.character or ""))[:LONGEST])
        if self.prompt.at_once and self.typed:
            if self.typed == self.prompt.wanted:
                self.post_message(self.Answered(self.prompt, self.typed))
            else:
                self.post_message(self.PutOff(self.prompt))

    def takes(self, event: events.Key) -> bool:
        return self.prompt is not None and (event.is_printable or event.key in EDITING)

    def _become(self, typed: str) -> None:
        self.typed, self.advice = typed, ""
        self.post_message(self.Typed())

    def advise(self, advice: str) -> None:
        """Say what is wrong with the answer."""
        self.advice = advice
        self.post_message(self.Typed())

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        if self.prompt is None:
            return
        if not self.prompt.pasted:
            self.advise("a paste is refused: type it")
        elif self._monotonic() >= self._deaf_until:
            # An answer may come wrapped; a path may hold blanks.
            path = self.prompt.purpose is Purpose.CONFIRM
            text = event.text.strip() if path else "".join(event.text.split())
            self._become(text[:LONGEST_PASTED])
