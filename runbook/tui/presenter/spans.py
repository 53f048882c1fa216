"""What a row on the screen is made of: pieces of text with a tone, and the symbols of the states.

A tone says what a piece means; the style sheet says what that looks like. Every state is a word and a
symbol as well, so that nothing is told by colour alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from runbook.tui.cells import ELLIPSIS, cut, head, width, wrap


class Tone(StrEnum):
    PLAIN = "plain"
    DIM = "dim"
    STRONG = "strong"
    BUSY = "busy"
    ASK = "ask"
    WARN = "warn"
    """A sentence about what is not well; a person may have to act."""
    BAD = "bad"
    GOOD = "good"
    HELD = "held"
    KEY = "key"
    """A key to press."""
    ENTRY = "entry"
    """What the operator has typed."""


@dataclass(frozen=True, slots=True)
class Span:
    text: str
    tone: Tone = Tone.PLAIN


Row = tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Symbols:
    """How states are drawn. Each is one column wide (ASCII: three, brackets included)."""

    todo: str = "○"
    busy: str = "▶"
    ask: str = "◆"
    bad: str = "✖"
    good: str = "✔"
    held: str = "‖"
    unknown: str = "?"
    skipped: str = "–"
    warn: str = "⚠"
    changed: str = "▲"
    record: str = "●"
    bar_full: str = "█"
    bar_empty: str = "░"
    arrow: str = "→"
    divider: str = "│"
    branch: str = "└"
    cursor: str = "▏"
    dots: str = ELLIPSIS


UNICODE = Symbols()
ASCII = Symbols(
    todo="[ ]",
    busy="[>]",
    ask="[?]",
    bad="[!]",
    good="[x]",
    held="[=]",
    unknown="[?]",
    skipped="[-]",
    warn="(!)",
    changed="^",
    record="*",
    bar_full="#",
    bar_empty=".",
    arrow="->",
    divider="|",
    branch="`-",
    cursor="_",
    dots="...",
)


def text_of(row: Row) -> str:
    return "".join(span.text for span in row)


def width_of(row: Row) -> int:
    return sum(width(span.text) for span in row)


def fit(row: Row, columns: int, mark: str = ELLIPSIS) -> Row:
    """`row` in at most `columns`; a cut leaves a mark."""
    if width_of(row) <= columns:
        return row
    fitted: list[Span] = []
    left = columns
    for span in row:
        taken = width(span.text)
        if taken <= left - width(mark):
            fitted.append(span)
            left -= taken
            continue
        fitted.append(Span(cut(span.text + " " * left, left, mark=mark), span.tone))
        break
    return tuple(fitted)


def spread(left: Row, right: Row, columns: int, mark: str = ELLIPSIS) -> Row:
    """`left` and `right` at the two sides of `columns`; the left side gives way."""
    right = fit(right, columns, mark)
    room = columns - width_of(right)
    left = fit(left, max(0, room - 2), mark)
    return (*left, Span(" " * (room - width_of(left))), *right)


def joined(rows: Iterable[Row], separator: Span) -> Row:
    """The rows in one, with a separator between those that are not empty."""
    result: list[Span] = []
    for row in rows:
        if row:
            result += [separator, *row] if result else row
    return tuple(result)


def fill(rows: Iterable[Row], columns: int, separator: Span) -> Row:
    """As many of the rows as fit, joined."""
    result: Row = ()
    for row in rows:
        longer = joined([result, row], separator)
        if width_of(longer) > columns:
            break
        result = longer
    return result


def labelled(
    label: str, text: str, columns: int, tone: Tone = Tone.PLAIN, lines: int = 1
) -> list[Row]:
    """`label` in its column and `text` beside it, in at most `lines` rows; a cut leaves a mark."""
    indent = LABEL
    room = max(1, columns - indent)
    parts = wrap(text, room)
    if len(parts) > lines:
        parts = [*parts[: lines - 1], cut(" ".join(parts[lines - 1 :]) + " ", room)]
        if not parts[-1].endswith(ELLIPSIS):
            parts[-1] = head(parts[-1].rstrip(), room - 1) + ELLIPSIS
    rows: list[Row] = []
    for index, part in enumerate(parts):
        margin = Span((label if index == 0 else "").ljust(indent), Tone.DIM)
        rows.append((margin, Span(part, tone)))
    return rows


LABEL = 8
"""Columns of the labels in the Now card."""
