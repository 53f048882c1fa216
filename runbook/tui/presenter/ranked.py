"""Rows with a rank: where there is too little room, the highest ranks give way first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runbook.tui.cells import ELLIPSIS, head, width
from runbook.tui.presenter.spans import Row, Span


class Ranked(NamedTuple):
    rank: int
    """0 is never left out before anything else is."""
    row: Row
    goes_on: bool = False
    """The next row is the rest of its text."""


def text_rows(rank: int, rows: Sequence[Row]) -> list[Ranked]:
    """One text: what is beyond its second row gives way before the rest."""
    last = len(rows) - 1
    return [Ranked(rank + (i > 1), row, goes_on=i < last) for i, row in enumerate(rows)]


def fitted(rows: list[Ranked], room: int) -> list[Row]:
    """At most `room` of the rows, in their order; of equal rank, the later give way.

    Where the rest of a text gave way, a mark is left.
    """
    by_rank = sorted(range(len(rows)), key=lambda index: (rows[index].rank, index))
    kept = set(by_rank[: max(0, room)])
    return [
        _marked(one.row) if one.goes_on and index + 1 not in kept else one.row
        for index, one in enumerate(rows)
        if index in kept
    ]


def _marked(row: Row) -> Row:
    *before, last = row
    text = last.text.rstrip()
    return (*before, Span(head(text, width(text) - 1) + ELLIPSIS, last.tone))
