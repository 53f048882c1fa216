"""Where everything is at every size: one set of panes, placed by arithmetic.

Wide shows all six panes; normal folds pods and models away; narrow is one column with the Now card and
one more pane. Where there is too little even for that, the state stays and the size that is needed is
named. Nothing here depends on data, so nothing moves when data arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

WIDE, NORMAL = 150, 100
LEAST_COLUMNS, LEAST_ROWS = 60, 16
LEFT, SIDE = 40, 52
"""Columns of the outer panes."""


class Pane(StrEnum):
    """The panes, in the order of their digits."""

    STEPS = "steps"
    NOW = "now"
    OUTPUT = "output"
    PODS = "pods"
    MODELS = "models"
    RECORD = "record"


class Bar(StrEnum):
    """The rows that are one line high."""

    STATE = "state"
    PHASES = "phases"
    TRAIL = "trail"
    HEALTH = "health"
    KEYS = "keys"
    ENTRY = "entry"
    SMALL = "small"
    """Says which size is needed."""


class Box(NamedTuple):
    x: int
    y: int
    width: int
    height: int


class View(NamedTuple):
    """What the operator chose to see."""

    lower: Pane = Pane.OUTPUT
    """The pane under the Now card, where not all are shown."""
    zoomed: Pane | None = None
    finding: bool = False
    """A line is open to type in; it takes the place of the key bar."""


START = View()


def too_small(columns: int, rows: int) -> bool:
    return columns < LEAST_COLUMNS or rows < LEAST_ROWS


def folded(columns: int) -> bool:
    """Whether pods and models have no pane of their own."""
    return columns < WIDE


def always_shown(columns: int) -> frozenset[Pane]:
    """The panes that are there whatever the view is."""
    if columns >= WIDE:
        return frozenset(Pane)
    if columns >= NORMAL:
        return frozenset({Pane.STEPS, Pane.NOW, Pane.RECORD})
    return frozenset({Pane.NOW})


def places(columns: int, rows: int, view: View = START) -> Mapping[str, Box]:
    """A box for everything that is visible, by name."""
    if too_small(columns, rows):
        return {
            Bar.STATE: Box(0, 0, columns, 1),
            Bar.SMALL: Box(0, min(1, rows - 1), columns, max(1, rows - 1)),
        }
    boxes: dict[str, Box] = {Bar.STATE: Box(0, 0, columns, 1), Bar.PHASES: Box(0, 1, columns, 1)}
    top = 2
    if columns < NORMAL and rows >= 24:
        boxes[Bar.TRAIL] = Box(0, top, columns, 1)
        top += 1
    boxes[Bar.HEALTH] = Box(0, rows - 2, columns, 1)
    boxes[Bar.ENTRY if view.finding else Bar.KEYS] = Box(0, rows - 1, columns, 1)
    body = Box(0, top, columns, rows - 2 - top)
    if view.zoomed is not None:
        boxes[view.zoomed] = body
    elif columns >= WIDE:
        boxes |= _wide(body)
    elif columns >= NORMAL:
        boxes |= _normal(body, view.lower)
    else:
        boxes |= _narrow(body, view.lower)
    return boxes


def _card(body: Box) -> int:
    """Rows of the Now card with its border: what it needs, and never most of the screen."""
    for least, height in ((36, 14), (28, 12), (19, 10), (16, 9), (13, 8)):
        if body.height >= least:
            return height
    return 7


def _wide(body: Box) -> dict[str, Box]:
    middle = body.width - LEFT - SIDE
    side = LEFT + middle
    pods = body.height // 2
    return {
        **_left(body),
        **_middle(Box(LEFT, body.y, middle, body.height), Pane.OUTPUT),
        Pane.PODS: Box(side, body.y, SIDE, pods),
        Pane.MODELS: Box(side, body.y + pods, SIDE, body.height - pods),
    }


def _normal(body: Box, lower: Pane) -> dict[str, Box]:
    shown = lower if lower in (Pane.OUTPUT, Pane.PODS, Pane.MODELS) else Pane.OUTPUT
    return {
        **_left(body),
        **_middle(Box(LEFT, body.y, body.width - LEFT, body.height), shown),
    }


def _narrow(body: Box, lower: Pane) -> dict[str, Box]:
    return _middle(body, Pane.OUTPUT if lower is Pane.NOW else lower)


def _left(body: Box) -> dict[str, Box]:
    steps = body.height * 62 // 100
    return {
        Pane.STEPS: Box(0, body.y, LEFT, steps),
        Pane.RECORD: Box(0, body.y + steps, LEFT, body.height - steps),
    }


def _middle(body: Box, lower: Pane) -> dict[str, Box]:
    card = _card(body)
    return {
        Pane.NOW: Box(body.x, body.y, body.width, card),
        lower: Box(body.x, body.y + card, body.width, body.height - card),
    }
