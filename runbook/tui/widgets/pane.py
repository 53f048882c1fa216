"""What the scrolling panes have in common: a titled border, and room that changes without a new layout.

Textual lays out the whole screen when a widget's virtual size changes. Ours change with every line of
output, so the scroll bar has its place always, and the size is set past the reactive.
"""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.content import Content
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.timer import Timer
from textual.widget import Widget

from runbook.tui.widgets.palette import Toned

FLUSH = 0.1
"""Seconds in which changes are gathered before they are painted."""


class Pane(Toned, ScrollView, can_focus=True, inherit_bindings=False):
    """A bordered, scrolling area on the line API."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "down", show=False),
        Binding("k,up", "move(-1)", "up", show=False),
        Binding("pagedown,space", "page(1)", "page down", show=False),
        Binding("pageup", "page(-1)", "page up", show=False),
        Binding("g,home", "end(False)", "first", show=False),
        Binding("G,end", "end(True)", "last", show=False),
        Binding("left", "shift(-1)", "left", show=False),
        Binding("right", "shift(1)", "right", show=False),
    ]

    ALLOW_MAXIMIZE = False
    """Zooming is the board's business."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._flushing: Timer | None = None
        self._texts = ("", "")

    def label(self, title: str, note: str = "") -> None:
        """The texts in the border; plain, never markup."""
        if self._texts == (title, note):
            return
        self._texts = (title, note)
        self.border_title = Content(self.drawn(title))
        self.border_subtitle = Content(self.drawn(note))

    def touch(self) -> None:
        """Something changed: paint soon, once."""
        if self._flushing is None and self.is_attached:
            self._flushing = self.set_timer(FLUSH, self._flush)

    def _flush(self) -> None:
        self._flushing = None
        self.flush()

    def flush(self) -> None:
        raise NotImplementedError

    def resize_to(self, rows: int) -> None:
        """Set the height of what can be scrolled through."""
        size = Size(self.size.width, rows)
        if size == self.virtual_size:
            return
        self.set_reactive(Widget.virtual_size, size)
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.window_virtual_size = rows
            self.vertical_scrollbar.window_size = self.container_size.height
        if self.scroll_y > self.max_scroll_y:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def on_resize(self) -> None:
        self.flush()

    def move(self, rows: int) -> None:
        raise NotImplementedError

    def move_to(self, *, end: bool) -> None:
        raise NotImplementedError

    def shift(self, steps: int) -> None:
        """Sideways; most panes have nothing there."""

    def action_move(self, rows: int) -> None:
        self.move(rows)

    def action_page(self, pages: int) -> None:
        self.move(pages * max(1, self.size.height - 2))

    def action_end(self, end: bool) -> None:
        self.move_to(end=end)

    def action_shift(self, steps: int) -> None:
        self.shift(steps)
