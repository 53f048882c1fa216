"""The key bar: what can be pressed now. Clicking a key is pressing it."""

from __future__ import annotations

from textual import events
from textual.message import Message

from runbook.tui.presenter.commands import Hint
from runbook.tui.widgets.rows import Rows


class KeyBar(Rows):
    class Pressed(Message):
        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    hints: tuple[Hint, ...] = ()

    def on_click(self, event: events.Click) -> None:
        for hint in self.hints:
            if hint.start <= event.x < hint.end:
                self.post_message(self.Pressed(hint.name))
