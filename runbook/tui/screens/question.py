"""A question about leaving: two answers, and the safe one is what any other key means."""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.app import ComposeResult
from textual.screen import ModalScreen

from runbook.tui.cells import wrap
from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.widgets.rows import Rows

WIDTH = 66
ACROSS, DOWN = 6, 4
"""Columns and rows of its border and of the space within it, as the style sheet has them."""


class Question(ModalScreen[bool]):
    """Answers True for `y` alone."""

    def __init__(self, lines: Sequence[str], yes: str) -> None:
        super().__init__()
        self._lines = lines
        self._yes = yes

    def compose(self) -> ComposeResult:
        yield Rows(id="question")

    def on_resize(self, event: events.Resize) -> None:
        rows = self.query_one("#question", Rows)
        columns = min(WIDTH, event.size.width)
        title: Row = (Span(self._lines[0], Tone.STRONG),)
        words = [part for line in self._lines[1:] for part in wrap(line, columns - ACROSS)]
        body: list[Row] = [(Span(line),) for line in words]
        keys: Row = (
            Span("y", Tone.KEY), Span(f" {self._yes}   "), Span("esc", Tone.KEY), Span(" stay"),
        )  # fmt: skip
        shown = [title, (), *body, (), keys]
        rows.show(shown)
        rows.styles.width = columns
        rows.styles.height = len(shown) + DOWN

    def on_key(self, event: events.Key) -> None:
        event.stop()
        self.dismiss(event.key == "y")
