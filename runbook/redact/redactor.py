"""The secrets of one run, and the streams that are masked with them.

A value is known by name and replaced by `[REDACTED:name]`, never by its length. Where secrets overlap,
the leftmost wins, then the longest; the result is the same however a stream was cut into pieces.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from runbook.redact import patterns
from runbook.redact.forms import SHORTEST, forms, lines_of
from runbook.redact.matcher import LONG, Matcher
from runbook.redact.patterns import Found
from runbook.redact.views import CONTIGUOUS, ESCAPE

__all__ = ["SHORTEST", "Redactor", "Stream", "marked"]

CUT = "…".encode()
"""What stands where a text was shortened, perhaps in the middle of a value."""
PIECE = 64 * 1024
"""Bytes of a long text that are looked at at once."""

_MARK = re.compile(r"\[REDACTED:[^\]\n]{1,200}\]")


def marked(text: str) -> bool:
    """Whether something was masked in this text."""
    return _MARK.search(text) is not None


class Look(NamedTuple):
    """What one piece of data shows."""

    found: list[Found]
    """Secrets, leftmost first and the longest of those first."""
    unfinished: list[int]
    """Where values may begin that the end of the data cuts, in order."""
    undecided: list[int]
    """Where patterns begin of which the end of the data cannot tell."""
    escape: int
    """Where an escape sequence begins that the end cuts; else the size of the data."""


class Redactor:
    """The secrets of one run. `register` and a stream may be used by different threads."""

    def __init__(self) -> None:
        self._masks: dict[bytes, bytes] = {}
        self._compiled = (self._masks, Matcher(self._masks))
        self._refused: dict[str, str] = {}

    @property
    def known(self) -> int:
        """Grows with each value that was not known before."""
        return len(self._masks)

    @property
    def warnings(self) -> Sequence[str]:
        """One sentence for each value that could not be masked, in the order they came."""
        return tuple(self._refused.values())

    def register(self, name: str, value: str, shortest_line: int = SHORTEST) -> str | None:
        """Mask `value` from now on. Returns a warning when it is too short to be masked.

        Lines of a value that has several are masked from `shortest_line` characters on.
        """
        if not lines_of(value):
            warning = f"secret {name} has fewer than {SHORTEST} characters and is not masked"
            return self._refused.setdefault(name, warning)
        fresh = {}
        mask = f"[REDACTED:{_printable(name)}]".encode()
        for form in (form.strip(b" \t") for form in forms(value, shortest_line)):
            # The first name given to a value keeps it, so a run's texts stay alike.
            if len(form) >= SHORTEST and form not in self._masks:
                fresh[form] = mask
            # A line break so early in a form is not looked over; what follows it is found by itself.
            for cut in range(1, CONTIGUOUS):
                rest = form[cut:].lstrip(b" \t")
                if len(rest) >= LONG and rest not in self._masks:
                    fresh.setdefault(rest, mask)
        if fresh:
            self._masks = {**self._masks, **fresh}
        return None

    def text(self, text: str) -> str:
        """`text` with every secret masked, also one that was cut where `CUT` stands."""
        # Lone surrogates stand for bytes that were no UTF-8; they pass through unchanged.
        *parts, last = text.encode("utf-8", "surrogatepass").split(CUT)
        masked = [*(self._cut(part) for part in parts), self.masked(last)]
        return CUT.join(masked).decode("utf-8", "surrogatepass")

    def _cut(self, data: bytes) -> bytes:
        stream = self.stream()
        return stream.feed(data) + stream.flush(cut=True)

    def masked(self, data: bytes) -> bytes:
        """`data` with every secret masked."""
        stream = self.stream()
        done = [stream.feed(data[at : at + PIECE]) for at in range(0, len(data), PIECE)]
        return b"".join(done) + stream.flush()

    def stream(self) -> Stream:
        return Stream(self.look)

    def look(self, data: bytes, *, final: bool) -> Look:
        masks, (compiled, matcher) = self._masks, self._compiled
        if compiled is not masks:
            matcher = Matcher(masks)
            self._compiled = (masks, matcher)
        found, unfinished, escape = matcher.find(data, final=final)
        alike, undecided = patterns.find(data, final=final)
        # Of a known value and a pattern that cover the same, the name says more.
        found = sorted(found + alike, key=lambda one: (one.start, -one.end))
        return Look(found, sorted(unfinished), undecided, escape)


class Stream:
    """Masks a stream of bytes; holds back only what may be the beginning of a secret."""

    def __init__(self, look: Callable[..., Look]) -> None:
        self._look = look
        self._held = b""
        self._passed = 0
        """Bytes at the beginning of `_held` that were passed on, and that what follows depends on."""

    def feed(self, data: bytes) -> bytes:
        return self._advance(self._held + data, final=False)

    def flush(self, *, cut: bool = False) -> bytes:
        """The end of the stream: what was held back, masked. `cut`: it may have ended inside a value."""
        if cut:
            for place in self._look(self._held, final=False).unfinished:
                if place >= self._passed and len(self._held) - place >= SHORTEST:
                    self._held = self._held[:place] + b"[REDACTED:cut off]"
                    break
        return self._advance(self._held, final=True)

    def _advance(self, data: bytes, *, final: bool) -> bytes:
        found, unfinished, undecided, escape = self._look(data, final=final)
        position = self._passed
        done: list[bytes] = []

        def wait() -> int:
            """From where on nothing can be said yet."""
            form = next((place for place in unfinished if place >= position), len(data))
            pattern = max(min(undecided, default=len(data)), position)
            return min(form, pattern, max(escape, position))

        for one in found:
            if one.start < position:
                continue
            if wait() <= one.start:
                break
            done += (data[position : one.start], one.mask)
            position = one.end
        cut = wait()
        done.append(data[position:cut])
        needed = (one.seen_from for one in found if one.start >= cut)
        keep = min(_sequence(data, cut), *undecided, *needed, cut)
        self._held, self._passed = data[keep:], cut - keep
        return b"".join(done)


def _sequence(data: bytes, place: int) -> int:
    """Where the escape sequence begins that `place` lies in; else `place`."""
    begins = data.rfind(b"\x1b", max(0, place - 40), place)
    match = ESCAPE.match(data, begins) if begins >= 0 else None
    return begins if match and match.end() > place else place


def _printable(name: str) -> str:
    return re.sub(r"[^\w./-]", "_", name)
