"""The editor of a note. The note is recorded when it is saved; the draft survives until then."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import TextArea


class NoteEditor(ModalScreen[tuple[str, bool]]):
    """Answers with the text, and whether it is to be recorded."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "save", priority=True),
        Binding("escape", "keep", "keep the draft", priority=True),
    ]

    def __init__(self, draft: str) -> None:
        super().__init__()
        self._draft = draft

    def compose(self) -> ComposeResult:
        area = TextArea(self._draft, id="note", soft_wrap=True, show_line_numbers=False)
        area.border_title = Content("Note for the record")
        area.border_subtitle = Content("ctrl+s record it   esc keep the draft")
        area.cursor_blink = False
        yield area

    def on_mount(self) -> None:
        area = self.query_one(TextArea)
        area.focus()
        area.move_cursor(area.document.end)

    def action_save(self) -> None:
        self.dismiss((self.query_one(TextArea).text, True))

    def action_keep(self) -> None:
        self.dismiss((self.query_one(TextArea).text, False))
