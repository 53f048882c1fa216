"""Masks secret values, in every form they usually travel in, before a text becomes a fact.

A value is known by name and replaced by `[REDACTED:name]`, never by its length. It is recognised as it
is, and as base64 (at each of the three byte offsets), hexadecimal, percent-encoded and JSON text.
A value of several lines is masked line by line, so no form contains a line break: that is what lets a
stream pass complete lines on at once. Where forms overlap, the leftmost wins, then the longest; the
result is the same however a stream was cut into pieces.

Knows nothing of where secrets come from or where texts go.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

SHORTEST = 6
"""Characters below which a value would mask harmless text everywhere."""

_PREFIX = 4
"""Bytes compared before a form is looked at closely at the end of an unfinished stream."""


class Redactor:
    """The secrets of one run."""

    def __init__(self) -> None:
        self._masks: dict[bytes, bytes] = {}
        self._by_prefix: dict[bytes, list[bytes]] = {}
        self._short_prefixes: set[bytes] = set()
        self._longest = 0

    def register(self, name: str, value: str) -> str | None:
        """Mask `value` from now on. Returns a warning when it is too short to be masked."""
        lines = [line for line in value.splitlines() if not line.startswith("-----")]
        if all(len(line.strip()) < SHORTEST for line in lines):
            return f"secret {name} has fewer than {SHORTEST} characters and cannot be masked"
        mask = f"[REDACTED:{name}]".encode()
        for form in _forms(value):
            # The first name given to a value keeps it, so a run's texts stay alike.
            if form not in self._masks:
                self._masks[form] = mask
                self._by_prefix.setdefault(form[:_PREFIX], []).append(form)
                self._short_prefixes.update(form[:size] for size in range(1, _PREFIX))
                self._longest = max(self._longest, len(form))
        return None

    def text(self, text: str) -> str:
        """`text` with every known value masked."""
        if not self._masks:
            return text
        stream = self.stream()
        # Lone surrogates stand for bytes that were no UTF-8; they pass through unchanged.
        masked = stream.feed(text.encode("utf-8", "surrogatepass")) + stream.flush()
        return masked.decode("utf-8", "surrogatepass")

    def stream(self) -> Stream:
        return Stream(self)

    def mask(self, data: bytes, *, final: bool) -> tuple[bytes, bytes]:
        """What can be passed on, masked, and the rest that more data may turn into a value."""
        unfinished = [] if final else self._unfinished(data)
        done: list[bytes] = []
        position = 0
        for start, form in self._found(data):
            if start < position:
                continue
            held = next((place for place in unfinished if position <= place <= start), None)
            if held is not None:
                done.append(data[position:held])
                return b"".join(done), data[held:]
            done += (data[position:start], self._masks[form])
            position = start + len(form)
        held = next((place for place in unfinished if position <= place), len(data))
        done.append(data[position:held])
        return b"".join(done), data[held:]

    def _found(self, data: bytes) -> list[tuple[int, bytes]]:
        """Every occurrence of every form; leftmost first, and of those at one place the longest."""
        found: list[tuple[int, bytes]] = []
        for form in self._masks:
            start = data.find(form)
            while start >= 0:
                found.append((start, form))
                start = data.find(form, start + 1)
        found.sort(key=lambda place: (place[0], -len(place[1])))
        return found

    def _unfinished(self, data: bytes) -> list[int]:
        """Where the end of `data` is the beginning of a form, in order."""
        first = max(data.rfind(b"\n") + 1, data.rfind(b"\r") + 1, len(data) - self._longest + 1)
        tail = data[first:]
        places = {
            len(tail) - size
            for size in range(1, min(_PREFIX, len(tail) + 1))
            if tail[-size:] in self._short_prefixes
        }
        for prefix, forms in self._by_prefix.items():
            place = tail.find(prefix)
            while place >= 0:
                rest = tail[place:]
                if any(len(form) > len(rest) and form.startswith(rest) for form in forms):
                    places.add(place)
                place = tail.find(prefix, place + 1)
        return sorted(first + place for place in places)


class Stream:
    """Masks a stream of bytes; holds back only what may be the beginning of a value."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        done, self._held = self._redactor.mask(self._held + data, final=False)
        return done

    def flush(self) -> bytes:
        """The end of the stream: what was held back, masked."""
        done, self._held = self._redactor.mask(self._held, final=True)
        return done


def _forms(value: str) -> Iterator[bytes]:
    raw = value.encode("utf-8", "surrogatepass")
    lines = [line for line in (part.strip() for part in value.splitlines()) if line]
    if len(lines) > 1:
        yield from _encoded(raw)
    for line in lines:
        # A PEM file's first and last lines are no secret and stand in many other files.
        if len(line) >= SHORTEST and not line.startswith("-----"):
            yield line.encode("utf-8", "surrogatepass")
            yield from _encoded(line.encode("utf-8", "surrogatepass"))
    if value != value.strip() and len(lines) == 1:
        yield from _encoded(raw)


def _encoded(raw: bytes) -> Iterator[bytes]:
    for encode in (base64.standard_b64encode, base64.urlsafe_b64encode):
        yield encode(raw)
        yield from (_core(encode(b"\0" * offset + raw), offset, len(raw)) for offset in range(3))
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
    for percent in (quote(raw, safe=""), quote_plus(raw), quote(raw)):
        yield from _without_breaks(percent, _lower_escapes(percent))
    text = raw.decode("utf-8", "surrogatepass")
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        twice = json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        yield from _without_breaks(once, twice)


def _core(encoded: bytes, offset: int, size: int) -> bytes:
    """The characters that depend on the value alone, whatever was encoded before and after it."""
    unknown_head = (0, 2, 3)[offset]
    unknown_tail = 1 if (offset + size) % 3 else 0
    core = encoded.rstrip(b"=")[unknown_head:]
    return core[: len(core) - unknown_tail]


def _lower_escapes(percent: str) -> str:
    head, *escapes = percent.split("%")
    return head + "".join("%" + part[:2].lower() + part[2:] for part in escapes)


def _without_breaks(*texts: str) -> Iterator[bytes]:
    yield from (
        text.encode("utf-8", "surrogatepass") for text in texts if not {"\n", "\r"} & {*text}
    )
