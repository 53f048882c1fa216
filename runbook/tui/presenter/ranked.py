"""Rows with a rank: where there is too little room, the highest ranks give way first."""

from __future__ import annotations

from typing import NamedTuple

from runbook.tui.presenter.spans import Row


class Ranked(NamedTuple):
    rank: int
    """0 is never left out before anything else is."""
    row: Row


def fitted(rows: list[Ranked], room: int) -> list[Row]:
    """At most `room` of the rows, in their order; of equal rank, the later give way."""
    by_rank = sorted(range(len(rows)), key=lambda index: (rows[index].rank, index))
    kept = sorted(by_rank[: max(0, room)])
    return [rows[index].row for index in kept]
