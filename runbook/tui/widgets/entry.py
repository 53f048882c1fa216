"""One line to type into, in the place of the key bar: what to find, or what to filter by."""

from __future__ import annotations

from textual import events
from textual.message import Message

from runbook.tui.cells import head
from runbook.tui.presenter.spans import Span, Tone
from runbook.tui.widgets.rows import Rows


class EntryBar(Rows, can_focus=True):
    class Changed(Message):
        """Another text, not yet finished."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Done(Message):
        """Enter with the text, or escape with None."""

        def __init__(self, text: str | None) -> None:
            super().__init__()
            self.text = text

    label = ""
    text = ""

    def open(self, label: str, text: str) -> None:
        self.label, self.text = label, text
        self._draw()

    def _draw(self) -> None:
        typed = Span(self.text, Tone.ENTRY)
        keys = Span("   enter keep  esc clear", Tone.DIM)
        self.show([(Span(f" {self.label}: ", Tone.KEY), typed, Span("▏", Tone.BUSY), keys)])

    def takes(self, event: events.Key) -> bool:
        return event.is_printable or event.key in ("enter", "escape", "backspace")

    def on_key(self, event: events.Key) -> None:
        if event.key in ("enter", "escape"):
            event.stop()
            event.prevent_default()
            self.post_message(self.Done(self.text if event.key == "enter" else None))
            return
        if event.key == "backspace":
            self._become(self.text[:-1])
        elif event.is_printable and event.character:
            self._become(self.text + event.character)
        else:
            return
        event.stop()
        event.prevent_default()

    def on_paste(self, event: events.Paste) -> None:
        event.stop()
        line = event.text.split("\n")[0]
        self._become(self.text + "".join(c for c in line if c.isprintable()))

    def _become(self, text: str) -> None:
        self.text = head(text, max(8, self.size.width - 40))
        self._draw()
        self.post_message(self.Changed(self.text))
