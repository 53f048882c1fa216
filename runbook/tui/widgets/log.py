"""A log on the line API: any number of lines, of which only the visible are ever decoded and styled.

It follows the newest line until somebody scrolls up, finds text, wraps or shifts long lines, and lets the
mouse select what `ctrl+c` copies. Scrolling counts whole lines, as `less` does, so wrapping needs no
index of heights.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from rich.segment import Segment
from textual.geometry import Offset
from textual.selection import Selection
from textual.strip import Strip

from runbook.tui.cells import head, width
from runbook.tui.lines import Lines, RowLines
from runbook.tui.widgets.palette import HIT
from runbook.tui.widgets.pane import Pane

SHIFT = 16
"""Columns that left and right move a cut line by."""


class LogPane(Pane):
    """Shows `lines`; call `touch` when there are more of them."""

    ALLOW_SELECT = True

    def __init__(self, *, id: str, indent: int = 0, title: str = "") -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.lines: Lines = RowLines.of(())
        self.title = title
        self.empty = ""
        """What is said while there are no lines."""
        self.follow = True
        self.wrapping = True
        self.needle = ""
        self._hits: list[int] = []
        self._indent = indent
        self._shift = 0
        self._left_at = 0
        """Where the lines ended when following stopped."""
        self._drawn_for: tuple[object, ...] = ()
        self._visible: list[tuple[int, int, Strip]] = []

    # -- what is shown

    def show(self, lines: Lines, title: str, empty: str = "") -> None:
        """Show other lines, from their end."""
        self.lines, self.title, self.empty = lines, title, empty
        self.follow, self._shift, self.needle, self._hits = True, 0, "", []
        self._drawn_for = ()
        self.flush()

    def flush(self) -> None:
        if not self.is_attached or not self.size.height:
            return
        count = self.lines.end - self.lines.first
        self.resize_to(count + self.size.height - self._fitting(count))
        if self.needle:
            self._hits = self.lines.find(self.needle)
        if self.follow:
            self._left_at = self.lines.end
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)
        self._relabel()
        self._drawn_for = ()
        self.refresh()

    def _fitting(self, count: int) -> int:
        """How many of the last lines fit wholly: what the end of scrolling has to show."""
        height = self.size.height
        if not self.wrapping:
            return min(count, height)
        used = fit = 0
        for index in range(self.lines.end - 1, self.lines.first - 1, -1):
            used += len(self._breaks(self.lines.text(index))) + 1
            if used > height:
                break
            fit += 1
        return fit if fit or not count else 1

    def _relabel(self) -> None:
        notes: list[str] = []
        if self.needle:
            place = bisect_right(self._hits, self.lines.first + self.scroll_offset.y)
            notes.append(f"/{self.needle}  {place} of {len(self._hits)}  n N")
        new = self.lines.end - self._left_at
        if self.follow:
            count = self.lines.end
            notes.append(f"FOLLOW  {count:,} line{'s' * (count != 1)}" if count else "FOLLOW")
        else:
            notes.append(f"+{new:,} new lines  f follow" if new else "f follow")
        if self.lines.first:
            notes.append(f"first {self.lines.first:,} with l")
        self.label(self.title, "  ".join(notes))

    def render_line(self, y: int) -> Strip:
        columns = self.size.width
        if self.lines.end == self.lines.first:
            text = self.empty if y == 0 else ""
            return Strip([Segment(text, self.rich_style)]).adjust_cell_length(
                columns, self.rich_style
            )
        self._lay_out()
        if y >= len(self._visible):
            return Strip.blank(columns, self.rich_style)
        index, start, strip = self._visible[y]
        return strip.apply_offsets(start, index - self.lines.first)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._drawn_for = ()

    def selection_updated(self, selection: Selection | None) -> None:
        self._drawn_for = ()
        self.refresh()

    def _lay_out(self) -> None:
        """The visible rows, from the line at the top downwards."""
        top = self.lines.first + self.scroll_offset.y
        key = (top, self.size, self._shift, self.wrapping)
        if key == self._drawn_for:
            return
        self._drawn_for = key
        self._visible = []
        index = top
        while len(self._visible) < self.size.height and index < self.lines.end:
            self._visible += self._rows_of(index)
            index += 1

    def _rows_of(self, index: int) -> list[tuple[int, int, Strip]]:
        """One line as the rows it takes, each with the place in the line where it starts."""
        columns, base = self.size.width, self.rich_style
        strip = self._strip(index)
        if not self.wrapping:
            shown = strip.crop_extend(self._shift, self._shift + columns, base)
            return [(index, self._shift, shown)]
        text = self.lines.text(index)
        breaks = self._breaks(text)
        if not breaks:
            return [(index, 0, strip.adjust_cell_length(columns, base))]
        cells = [width(text[:at]) for at in breaks]
        margin = Segment(" " * self._indent, base)
        rows: list[tuple[int, int, Strip]] = []
        for place, part in enumerate(strip.divide([*cells, strip.cell_length])):
            if place:
                part = Strip([margin, *part])  # noqa: PLW2901 - the same row, moved in
            start = breaks[place - 1] if place else 0
            rows.append((index, start, part.adjust_cell_length(columns, base)))
        return rows

    def _breaks(self, text: str) -> list[int]:
        """Where a line is broken, as places in its text: after a blank if there is one near."""
        columns = max(1, self.size.width)
        if len(text) <= columns and (text.isascii() or width(text) <= columns):
            return []
        breaks: list[int] = []
        start = 0
        while True:
            room = max(1, columns - (self._indent if breaks else 0))
            part = head(text[start:], room)
            if start + len(part) >= len(text):
                return breaks
            blank = part.rfind(" ")
            start += blank + 1 if blank > len(part) // 3 else max(1, len(part))
            breaks.append(start)

    def _strip(self, index: int) -> Strip:
        pieces = [
            (self.drawn(text), self.tone_style(tone)) for text, tone in self.lines.pieces(index)
        ]
        strip = Strip([Segment(text, style) for text, style in pieces if text])
        for start, end in self._marked(index):
            strip = _highlighted(strip, start, end)
        selection = self.text_selection
        span = selection.get_span(index - self.lines.first) if selection is not None else None
        if span is not None:
            style = self.screen.get_component_rich_style("screen--selection")
            text = self.lines.text(index)
            end = len(text) if span[1] == -1 else span[1]
            start_cell, end_cell = width(text[: span[0]]), width(text[:end])
            strip = _styled(strip, start_cell, end_cell, style)
        return strip

    def _marked(self, index: int) -> list[tuple[int, int]]:
        """Cells of the hits in a line."""
        if not self.needle:
            return []
        text = self.lines.text(index)
        looked = text.lower() if self.needle.islower() else text
        spans: list[tuple[int, int]] = []
        at = looked.find(self.needle)
        while at >= 0:
            before = width(text[:at])
            spans.append((before, before + width(text[at : at + len(self.needle)])))
            at = looked.find(self.needle, at + len(self.needle))
        return spans

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        first, last = self.lines.first, self.lines.end - self.lines.first - 1
        start = selection.start or Offset(0, 0)
        end = selection.end or Offset(LAST_COLUMN, last)
        texts = [self.lines.text(first + y) for y in range(start.y, min(end.y, last) + 1)]
        inner = Selection(Offset(start.x, 0), Offset(end.x, end.y - start.y))
        return inner.extract("\n".join(texts)), "\n"

    # -- moving

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        following = round(new_value) >= self.max_scroll_y
        if following != self.follow:
            self.follow = following
            self._left_at = self.lines.end
        self._relabel()

    def move(self, rows: int) -> None:
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def move_to(self, *, end: bool) -> None:
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False, force=True)

    def shift(self, steps: int) -> None:
        """Left and right, in lines that are cut."""
        self._shift = 0 if self.wrapping else max(0, self._shift + steps * SHIFT)
        self.refresh()

    def toggle_follow(self) -> None:
        self.follow = not self.follow
        self._left_at = self.lines.end
        self.flush()

    def toggle_wrap(self) -> None:
        self.wrapping = not self.wrapping
        self._shift = 0
        self.flush()

    # -- finding

    def find(self, needle: str) -> None:
        """Mark what is found, and go to the first hit from here on."""
        self.needle = needle
        self._hits = self.lines.find(needle) if needle else []
        self._drawn_for = ()
        if self._hits:
            here = self.lines.first + self.scroll_offset.y
            place = bisect_left(self._hits, here) % len(self._hits)
            self._go_to(self._hits[place])
        self._relabel()
        self.refresh()

    def next_hit(self, direction: int) -> None:
        if not self._hits:
            return
        here = self.lines.first + self.scroll_offset.y
        if direction > 0:
            place = bisect_right(self._hits, here) % len(self._hits)
        else:
            place = bisect_left(self._hits, here) - 1
        self._go_to(self._hits[place])
        self.refresh()

    def _go_to(self, index: int) -> None:
        self.scroll_to(y=index - self.lines.first, animate=False, force=True)

    @property
    def top_line(self) -> str:
        """The line that `y` copies: the last one while following, else the uppermost."""
        if self.lines.end == self.lines.first:
            return ""
        if self.follow:
            return self.lines.text(self.lines.end - 1)
        return self.lines.text(self.lines.first + self.scroll_offset.y)


LAST_COLUMN = 1_000_000


def _styled(strip: Strip, start: int, end: int, style: object) -> Strip:
    from rich.style import Style

    if start >= end or not isinstance(style, Style):
        return strip
    parts = [strip.crop(0, start), strip.crop(start, end).apply_style(style), strip.crop(end)]
    marked = [Segment(s.text, (s.style or Style()) + style) for s in strip.crop(start, end)]
    return Strip([*parts[0], *marked, *parts[2]])


def _highlighted(strip: Strip, start: int, end: int) -> Strip:
    return _styled(strip, start, end, HIT)
