"""A live table on the line API: rows are asked for when they are visible, and painted when they differ.

The cursor stays on its key when rows come, go and move. A filter keeps the keys whose text holds it.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any, Generic, Protocol, TypeVar

from rich.segment import Segment
from textual import events
from textual.geometry import Region
from textual.message import Message
from textual.strip import Strip

from runbook.tui.presenter.spans import Row, Span, Tone, fit, text_of, width_of
from runbook.tui.presenter.steps import Column, TableRow
from runbook.tui.widgets.palette import CURSOR
from runbook.tui.widgets.pane import Pane

K = TypeVar("K", bound=Hashable)


class TableRows(Protocol[K]):
    """What a table shows: keys in order, and the row of a key."""

    @property
    def keys(self) -> Sequence[K]: ...

    def row(self, key: K) -> TableRow: ...

    def text(self, key: K) -> str:
        """What the filter looks in."""
        ...


class FixedRows:
    """A few rows that are there already."""

    def __init__(self, rows: Sequence[TableRow]) -> None:
        self._rows = {row.key: row for row in rows}
        self.keys: Sequence[str] = tuple(self._rows)

    def row(self, key: str) -> TableRow:
        return self._rows[key]

    def text(self, key: str) -> str:
        return " ".join(text_of(cell) for cell in self._rows[key].cells)


class TablePane(Pane, Generic[K]):
    """Shows the rows it was last given."""

    class Moved(Message):
        """The operator put the cursor on another row."""

        def __init__(self, table: TablePane[Any], key: Any) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> TablePane[Any]:
            return self.table

    def __init__(self, columns: Sequence[Column], *, id: str, header: bool = True) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.columns = tuple(columns)
        self.rows: TableRows[K] | None = None
        self.keys: Sequence[K] = ()
        self.filter = ""
        self.empty: Sequence[Row] = ()
        self.cursor: K | None = None
        self._top = 1 if header else 0
        self._painted: list[TableRow | None] = []
        self._cursor_at = -1

    def show(self, rows: TableRows[K], empty: Sequence[Row] = ()) -> None:
        """Take other rows; what is visible and differs is painted."""
        self.rows = rows
        self.empty = empty
        self.keys = self._filtered(rows)
        if not self.is_attached or not self.size.height:
            return
        self.resize_to(len(self.keys) + self._top)
        self._cursor_at = self._index(self.cursor)
        self._paint_what_differs()

    def flush(self) -> None:
        if self.rows is not None:
            self._painted = []
            self.show(self.rows, self.empty)
            self.refresh()

    def set_filter(self, text: str) -> None:
        self.filter = text
        self.flush()

    def _filtered(self, rows: TableRows[K]) -> Sequence[K]:
        if not self.filter:
            return rows.keys
        wanted = self.filter.lower()
        return [key for key in rows.keys if wanted in rows.text(key).lower()]

    def _index(self, key: K | None) -> int:
        if key is None:
            return -1
        if 0 <= self._cursor_at < len(self.keys) and self.keys[self._cursor_at] == key:
            return self._cursor_at
        try:
            return self.keys.index(key)
        except ValueError:
            return -1

    def _window(self) -> list[TableRow | None]:
        """The rows that are visible now."""
        top = self.scroll_offset.y
        visible = self.keys[top : top + self.size.height - self._top]
        return [self.rows.row(key) for key in visible] if self.rows is not None else []

    def _paint_what_differs(self) -> None:
        before, self._painted = self._painted, self._window()
        if bool(before) != bool(self._painted):
            self.refresh()
            return
        for y in range(max(len(before), len(self._painted))):
            old = before[y] if y < len(before) else None
            new = self._painted[y] if y < len(self._painted) else None
            if old != new:
                self.refresh(Region(0, y + self._top, max(1, self.size.width), 1))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self._painted = self._window()

    # -- painting

    def render_line(self, y: int) -> Strip:
        columns, base = self.size.width, self.rich_style
        if not self.keys:
            row = self._empty_row(y)
            return Strip(self.segments(row)).adjust_cell_length(columns, base)
        if y < self._top:
            cells = tuple((Span(column.title, Tone.DIM),) for column in self.columns)
            return self._strip(TableRow("", cells))
        place = y - self._top
        row_shown = self._painted[place] if place < len(self._painted) else None
        if row_shown is None:
            return Strip.blank(columns, base)
        strip = self._strip(row_shown)
        if self.has_focus and place + self.scroll_offset.y == self._cursor_at:
            strip = Strip([Segment(s.text, (s.style or base) + CURSOR) for s in strip])
        return strip

    def _empty_row(self, y: int) -> Row:
        if self.filter:
            return (
                (Span(f"Nothing holds {self.filter}; esc shows all", Tone.DIM),) if y == 0 else ()
            )
        return self.empty[y] if y < len(self.empty) else ()

    def _strip(self, row: TableRow) -> Strip:
        total, base = self.size.width, self.rich_style
        if len(row.cells) == 1:
            return Strip(self.segments(fit(row.cells[0], total))).adjust_cell_length(total, base)
        segments: list[Segment] = []
        for column, cell, columns in zip(self.columns, row.cells, self._widths(), strict=True):
            if columns is None:
                continue
            fitted = fit(cell, columns)
            blank = Segment(" " * (columns - width_of(fitted)), base)
            parts = self.segments(fitted)
            segments += [blank, *parts] if column.right else [*parts, blank]
            segments.append(Segment(" ", base))
        return Strip(segments).adjust_cell_length(total, base)

    def _widths(self) -> list[int | None]:
        """Columns of each column; the flexible one takes what the others leave."""
        total = self.size.width
        widths = [column.columns(total) for column in self.columns]
        shown = [columns for columns in widths if columns is not None]
        rest = max(8, total - sum(shown) - len(shown))
        return [rest if columns == 0 else columns for columns in widths]

    # -- moving

    def move(self, rows: int) -> None:
        """Move the cursor, past rows that cannot be chosen."""
        if self.rows is None or not self.keys:
            return
        at = self._cursor_at + rows if self._cursor_at >= 0 else self.scroll_offset.y
        self._put(at, 1 if rows >= 0 else -1)

    def move_to(self, *, end: bool) -> None:
        self._put(len(self.keys) - 1 if end else 0, -1 if end else 1)

    def _put(self, index: int, direction: int) -> None:
        if self.rows is None or not self.keys:
            return
        at = max(0, min(len(self.keys) - 1, index))
        for candidates in (range(at, len(self.keys)), range(at, -1, -1))[::direction]:
            for candidate in candidates:
                if self.rows.row(self.keys[candidate]).selectable:
                    self._choose(candidate)
                    return

    def _choose(self, index: int) -> None:
        self._cursor_at, self.cursor = index, self.keys[index]
        top, visible = self.scroll_offset.y, self.size.height - self._top
        if index < top:
            self.scroll_to(y=index, animate=False, force=True)
        elif index >= top + visible:
            self.scroll_to(y=index - visible + 1, animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved(self, self.keys[index]))

    def reveal(self, key: K) -> None:
        """Scroll so that a row is seen, with some rows after it."""
        index = self._index(key) if key == self.cursor else self._find(key)
        visible = self.size.height - self._top
        if index < 0 or visible <= 0:
            return
        top = self.scroll_offset.y
        if not top + 1 <= index < top + visible - 2:
            self.scroll_to(y=max(0, index - visible // 2), animate=False, force=True)

    def _find(self, key: K) -> int:
        return self.keys.index(key) if key in self.keys else -1

    def on_click(self, event: events.Click) -> None:
        index = event.y - self.gutter.top - self._top + self.scroll_offset.y
        if 0 <= index < len(self.keys):
            self._put(index, 1)

    def on_focus(self) -> None:
        if self.cursor is None:
            self.move(0)
        self.refresh()

    @property
    def chosen(self) -> TableRow | None:
        """The row under the cursor."""
        if self.rows is None or self.cursor is None or self._index(self.cursor) < 0:
            return None
        return self.rows.row(self.cursor)
