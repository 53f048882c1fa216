"""A question about leaving: two answers, and the safe one is what any other key means."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.widgets.rows import Rows


class Question(ModalScreen[bool]):
    """Answers True for `y` alone."""

    def __init__(self, lines: Sequence[str], yes: str) -> None:
        super().__init__()
        self._lines = lines
        self._yes = yes

    def compose(self) -> ComposeResult:
        rows = Rows(id="question")
        title: Row = (Span(self._lines[0], Tone.STRONG),)
        body: list[Row] = [(Span(line),) for line in self._lines[1:]]
        keys: Row = (
            Span("y", Tone.KEY), Span(f" {self._yes}   "), Span("esc", Tone.KEY), Span(" stay"),
        )  # fmt: skip
        rows.show([title, (), *body, (), keys])
        rows.styles.height = len(body) + 6
        yield rows

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(event.key == "y")
