"""A text as a matcher looks at it: without what may stand between the characters of one secret.

Colours, line breaks and blanks split a secret that a terminal, `base64` or `grep` has printed. A view
leaves them out and knows where each of its characters stands in the text.
"""

from __future__ import annotations

import re
from array import array
from itertools import compress

BREAKS = bytes([*range(9), *range(10, 32), 127])
"""Control characters but the tab: line breaks, overwriting, and what a terminal does not show."""
BLANKS = BREAKS + b"\t "

ESCAPE = re.compile(rb"\x1b(?:\[[0-?]{0,30}[ -/]{0,4}[@-~]|[ -/]{0,2}[0-Z\\^-~])")
"""Colours and cursor movements. Window titles are text like any other."""
OPEN_ESCAPE = re.compile(rb"\x1b(?:\[[0-?]{0,30}[ -/]{0,4}|[ -/]{0,2})\Z")
"""One that the end of the data cuts; short, so it can be waited for."""

CONTIGUOUS = 4
"""Characters of a form that stand together at its beginning. Else every line whose last letter begins a
form would have to be held back until the next one comes."""
WIDEST_GAP = 256
"""Bytes left out between two characters of one secret; a wider gap separates."""


class View:
    """`text` is `data` without `left_out` and, if asked, without escape sequences."""

    def __init__(self, data: bytes, left_out: bytes, escapes: list[tuple[int, int]]) -> None:
        self._data = data
        self._left_out = left_out
        self._escapes = escapes
        if escapes:
            data = b"".join(data[a:b] for a, b in _between(escapes, len(data)))
        self.text = data.translate(None, left_out)
        self._places: array[int] | None = None

    @property
    def places(self) -> array[int]:
        """Where each character of `text` stands in the data."""
        if self._places is None:
            table = bytes(value not in self._left_out for value in range(256))
            keep = bytearray(self._data.translate(table))
            for start, end in self._escapes:
                keep[start:end] = bytes(end - start)
            self._places = array("Q", compress(range(len(keep)), keep))
        return self._places

    def at_the_end(self, length: int) -> int | None:
        """Where the last `length` characters stand when nothing was left out between them."""
        place = len(self._data) - length
        after = self._escapes[-1][1] if self._escapes else 0
        return place if after <= place and self._data.endswith(self.text[-length:]) else None

    @property
    def trailing(self) -> int:
        """Bytes left out at the end."""
        if self.text and self._data.endswith(self.text[-1:]) and not self._escapes:
            return 0
        return len(self._data) - (self.places[-1] + 1 if self.text else 0)

    def holds_together(self, start: int, end: int) -> bool:
        """Whether the characters from `start` to `end` may belong to one secret."""
        places = self.places
        first = min(start + CONTIGUOUS, end) - 1
        if places[first] - places[start] != first - start:
            return False
        span = places[end - 1] - places[start]
        return span - (end - 1 - start) <= WIDEST_GAP or all(
            places[at + 1] - places[at] <= WIDEST_GAP + 1 for at in range(start, end - 1)
        )


def _between(spans: list[tuple[int, int]], size: int) -> list[tuple[int, int]]:
    edges = [0, *(edge for span in spans for edge in span), size]
    return list(zip(edges[::2], edges[1::2], strict=True))
