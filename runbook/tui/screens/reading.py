"""A text that covers the screen: the help, or the whole output of a step."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from runbook.tui.lines import Lines
from runbook.tui.widgets.entry import EntryBar
from runbook.tui.widgets.log import LogPane


class Reading(ModalScreen[None]):
    """Scrolls through lines, finds in them; `esc` or `q` goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "back", "back"),
        Binding("slash", "find", "find"),
        Binding("n", "hit(1)", "next", show=False),
        Binding("N", "hit(-1)", "previous", show=False),
        Binding("W", "wrap", "wrap", show=False),
    ]

    def __init__(self, lines: Lines, title: str, *, from_end: bool) -> None:
        super().__init__()
        self._lines = lines
        self._title = title
        self._from_end = from_end

    def compose(self) -> ComposeResult:
        yield LogPane(id="reading")
        yield EntryBar(id="reading-entry")

    @property
    def log_pane(self) -> LogPane:
        return self.query_one(LogPane)

    def on_mount(self) -> None:
        self.query_one(EntryBar).display = False
        pane = self.log_pane
        pane.show(self._lines, f"{self._title}   esc back  / find  W wrap", "Nothing was printed.")
        pane.focus()
        if not self._from_end:
            self.call_after_refresh(pane.move_to, end=False)

    def action_back(self) -> None:
        self.dismiss()

    def action_wrap(self) -> None:
        self.log_pane.toggle_wrap()

    def action_hit(self, direction: int) -> None:
        self.log_pane.next_hit(direction)

    def action_find(self) -> None:
        entry = self.query_one(EntryBar)
        entry.display = True
        entry.open("find", self.log_pane.needle)
        self.set_focus(entry)

    def on_entry_bar_done(self, event: EntryBar.Done) -> None:
        self.query_one(EntryBar).display = False
        self.set_focus(self.log_pane)
        self.log_pane.find(event.text or "")
