"""The first frame: every pane in its place, and what is being done meanwhile. Pure.

It is drawn before the runbook is read and the model is loaded, so it knows a name and nothing more.
"""

from __future__ import annotations

from itertools import groupby
from typing import NamedTuple

from runbook.tui.presenter.geometry import Bar, Box, Pane, places
from runbook.tui.presenter.spans import ASCII, UNICODE, Row, Span, Tone
from runbook.tui.safe import clean


class Edges(NamedTuple):
    """How a box is drawn: its four corners, then along and down."""

    corners: str
    across: str
    down: str


ROUND, HEAVY, PLAIN = Edges("╭╮╰╯", "─", "│"), Edges("┏┓┗┛", "━", "┃"), Edges("++++", "-", "|")


def front_rows(
    name: str, doing: str, columns: int, rows: int, *, ascii_only: bool = False
) -> list[Row]:
    """The screen for a run called `name` of which nothing else is known yet."""
    canvas = _Canvas(columns, rows)
    symbol = (ASCII if ascii_only else UNICODE).todo
    for place, box in places(columns, rows).items():
        if place == Bar.STATE:
            canvas.write(box.x, box.y, f"{symbol} OPENING", Tone.DIM)
            canvas.write(box.x + len(symbol) + 10, box.y, clean(name), Tone.STRONG)
        elif place == Bar.KEYS:
            canvas.write(box.x + 1, box.y, "q", Tone.KEY)
            canvas.write(box.x + 3, box.y, "leave", Tone.PLAIN)
        elif place in tuple(Pane):
            edges = HEAVY if place == Pane.NOW else ROUND
            title = f"{list(Pane).index(Pane(place)) + 1} {place.capitalize()}"
            canvas.box(box, PLAIN if ascii_only else edges, title)
            if place == Pane.NOW:
                canvas.write(box.x + 2, box.y + 1, clean(doing), Tone.PLAIN)
    return canvas.rows()


class _Canvas:
    """Cells with a tone each; what does not fit is cut off."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns = columns
        self._cells = [[(" ", Tone.PLAIN)] * columns for _ in range(rows)]

    def write(self, x: int, y: int, text: str, tone: Tone) -> None:
        cells = [(character, tone) for character in text[: max(0, self._columns - x)]]
        self._cells[y][x : x + len(cells)] = cells

    def box(self, box: Box, edges: Edges, title: str) -> None:
        right, bottom = box.x + box.width - 1, box.y + box.height - 1
        across = edges.across * (box.width - 2)
        for y, left_corner, right_corner in (
            (box.y, edges.corners[0], edges.corners[1]),
            (bottom, edges.corners[2], edges.corners[3]),
        ):
            self.write(box.x, y, left_corner + across + right_corner, Tone.DIM)
        for y in range(box.y + 1, bottom):
            self.write(box.x, y, edges.down, Tone.DIM)
            self.write(right, y, edges.down, Tone.DIM)
        self.write(box.x + 2, box.y, f" {title} "[: box.width - 4], Tone.STRONG)

    def rows(self) -> list[Row]:
        return [
            tuple(
                Span("".join(character for character, _ in cells), tone)
                for tone, cells in groupby(row, key=lambda cell: cell[1])
            )
            for row in self._cells
        ]
