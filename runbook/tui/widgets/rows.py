"""Rows of text that are given, not computed: the bars, and the body of the Now card.

Only rows that differ from what is shown are painted again.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual import events
from textual.geometry import Region
from textual.strip import Strip

from runbook.tui.presenter.spans import Row
from runbook.tui.widgets.palette import Toned


class Rows(Toned):
    """A fixed area that shows the rows it was last given."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.rows: tuple[Row, ...] = ()

    def takes(self, event: events.Key) -> bool:
        """Whether a key is typed into these rows, as on a line that is open for an answer."""
        return False

    def show(self, rows: Sequence[Row]) -> None:
        before, self.rows = self.rows, tuple(rows)
        if not self.is_attached:
            return
        for y in range(max(len(before), len(self.rows))):
            old = before[y] if y < len(before) else None
            new = self.rows[y] if y < len(self.rows) else None
            if old != new:
                self.refresh(Region(0, y, max(1, self.size.width), 1))

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y >= len(self.rows):
            return Strip.blank(width, self.rich_style)
        return Strip(self.segments(self.rows[y])).adjust_cell_length(width, self.rich_style)
