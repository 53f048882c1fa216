"""Lines of text that a log shows: kept as bytes, made readable only when they are visible. Pure.

`RingLines` holds the end of a stream in bounded memory; the whole is in the step's stored output.
`TextLines` is a finished output. `RowLines` are rows the presenter made. An index counts from the
first line ever, so it stays valid when old lines are dropped.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from runbook.tui.presenter.spans import Row, Tone, text_of
from runbook.tui.safe import LINE_LIMIT, Paint, coloured, decode

Piece = tuple[str, Paint | Tone]
RING = 20_000
"""Lines of a running command that can be scrolled back to."""
RING_BYTES = 32 * 1024 * 1024
_LINE_BYTES = LINE_LIMIT * 4


class Lines(Protocol):
    """What a log can show."""

    @property
    def first(self) -> int:
        """Index of the oldest line that is still there."""
        ...

    @property
    def end(self) -> int:
        """Index after the last line."""
        ...

    def pieces(self, index: int) -> list[Piece]: ...

    def text(self, index: int) -> str: ...

    def find(self, needle: str) -> list[int]:
        """Indexes of the lines that hold `needle`; lower case finds any case."""
        ...


def _found(needle: str, first: int, texts: Iterator[str]) -> list[int]:
    if needle.islower():
        return [i for i, text in enumerate(texts, first) if needle in text.lower()]
    return [i for i, text in enumerate(texts, first) if needle in text]


def _plain(line: bytes) -> str:
    if line.isascii() and b"\x1b" not in line and b"\r" not in line and b"\t" not in line:
        return line.decode("ascii")
    return "".join(text for text, _ in coloured(decode(line)))


class RingLines:
    """The last lines of a stream that goes on."""

    def __init__(self, limit: int = RING) -> None:
        self._lines: list[bytes] = []
        self._rest = b""
        self._limit = limit
        self._bytes = 0
        self._dropped = 0

    def append(self, data: bytes) -> None:
        """Take a piece of the stream, however it was cut."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if len(self._rest) > _LINE_BYTES:
            self._rest = self._rest[:_LINE_BYTES]  # a line without end; nobody reads more of it
        if len(data) > _LINE_BYTES:
            lines = [line if len(line) <= _LINE_BYTES else line[:_LINE_BYTES] for line in lines]
        self._lines += lines
        self._bytes += len(data)
        if len(self._lines) > self._limit * 5 // 4:
            self._drop(len(self._lines) - self._limit)
        if self._bytes > RING_BYTES:
            self._drop(len(self._lines) // 2)

    def _drop(self, count: int) -> None:
        del self._lines[:count]
        self._dropped += count
        self._bytes = sum(map(len, self._lines))

    @property
    def first(self) -> int:
        return self._dropped

    @property
    def end(self) -> int:
        return self._dropped + len(self._lines) + bool(self._rest)

    def _line(self, index: int) -> bytes:
        place = index - self._dropped
        return self._lines[place] if place < len(self._lines) else self._rest

    def pieces(self, index: int) -> list[Piece]:
        return [*coloured(decode(self._line(index)))]

    def text(self, index: int) -> str:
        return _plain(self._line(index))

    def find(self, needle: str) -> list[int]:
        lines = [*self._lines, self._rest] if self._rest else self._lines
        return _found(needle, self._dropped, map(_plain, lines))


class TextLines:
    """A whole output, as it is stored."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._starts = array("Q", [0])
        find, at = data.find, 0
        while at := find(b"\n", at) + 1:
            self._starts.append(at)
        if self._starts[-1] != len(data):
            self._starts.append(len(data) + 1)

    first = 0

    @property
    def end(self) -> int:
        return len(self._starts) - 1

    def _line(self, index: int) -> bytes:
        start, after = self._starts[index], self._starts[index + 1]
        return self._data[start : min(after - 1, start + _LINE_BYTES)]

    def pieces(self, index: int) -> list[Piece]:
        return [*coloured(decode(self._line(index)))]

    def text(self, index: int) -> str:
        return _plain(self._line(index))

    def find(self, needle: str) -> list[int]:
        return _found(needle, 0, (_plain(self._line(i)) for i in range(self.end)))


class RowLines:
    """Rows that the presenter made of items which only ever grow in number."""

    def __init__(self, count: Callable[[], int], row: Callable[[int], Row]) -> None:
        self._count = count
        self._row = row

    @classmethod
    def of(cls, rows: Sequence[Row]) -> RowLines:
        return cls(lambda: len(rows), lambda index: rows[index])

    first = 0

    @property
    def end(self) -> int:
        return self._count()

    def pieces(self, index: int) -> list[Piece]:
        return [(span.text, span.tone) for span in self._row(index)]

    def text(self, index: int) -> str:
        return text_of(self._row(index))

    def find(self, needle: str) -> list[int]:
        return _found(needle, 0, (self.text(i) for i in range(self.end)))
