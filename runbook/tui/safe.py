"""The one sanitiser of outside text: names, messages and output of the cluster, runbook texts, notes.

Whatever comes in, what goes out is a single line of printable characters. Escape sequences are taken
out whole; a control character that is left, a lone surrogate or an invisible direction mark becomes
U+FFFD, so that tampering is seen. Of escape sequences only SGR (colours) is understood, and only by
`coloured`, which turns it into plain values: no escape byte survives either function.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

LINE_LIMIT = 4096
"""Characters of one line that are ever shown; the whole is in the step's stored output."""

_SGR = re.compile(r"\x1b\[([0-9;:]*)m")
_SEQUENCE = re.compile(
    r"\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?"  # OSC: titles, the clipboard, links
    r"|\x1b[PX^_][^\x1b]*(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b\[[0-?]*[ -/]*[@-~]"  # CSI: cursor, erase, modes
    r"|\x1b[ -/]*[0-~]"  # everything short
)


@dataclass(frozen=True, slots=True)
class Paint:
    """What SGR asked for. `foreground` and `background` are 0-255, an (r, g, b), or None."""

    foreground: int | tuple[int, int, int] | None = None
    background: int | tuple[int, int, int] | None = None
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    reverse: bool = False


PLAIN = Paint()


def clean(text: str) -> str:
    """`text` as one printable line, without colours."""
    if text.isprintable():
        return text[:LINE_LIMIT]
    return _printable(_SEQUENCE.sub("", _last_rewrite(text)))[:LINE_LIMIT]


def clean_lines(text: str) -> list[str]:
    """A text of several lines, each cleaned; no blank lines at the end."""
    return [clean(line) for line in text.rstrip().split("\n")]


def coloured(text: str) -> list[tuple[str, Paint]]:
    """One line of command output as printable pieces with the colours it asked for."""
    if text.isprintable():
        return [(text[:LINE_LIMIT], PLAIN)]
    pieces: list[tuple[str, Paint]] = []
    paint = PLAIN
    left = LINE_LIMIT
    for index, part in enumerate(_SGR.split(_last_rewrite(text))):
        if index % 2:
            paint = _repaint(paint, part)
            continue
        piece = _printable(_SEQUENCE.sub("", part))[:left]
        if piece:
            pieces.append((piece, paint))
            left -= len(piece)
    return pieces


def decode(line: bytes) -> str:
    """Bytes of one line as text; what is no UTF-8 becomes U+FFFD."""
    return line[: LINE_LIMIT * 4].decode("utf-8", "replace")


def _last_rewrite(text: str) -> str:
    """A progress bar returns the carriage and writes again; the last writing counts."""
    return text.rstrip("\r\n").rsplit("\r", 1)[-1].expandtabs(8)


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else " " if c == "\n" else "\ufffd" for c in text)


_FLAGS: dict[int, dict[str, bool]] = {
    1: {"bold": True},
    2: {"dim": True},
    3: {"italic": True},
    4: {"underline": True},
    7: {"reverse": True},
    22: {"bold": False, "dim": False},
    23: {"italic": False},
    24: {"underline": False},
    27: {"reverse": False},
}


def _repaint(paint: Paint, parameters: str) -> Paint:
    """The paint after one SGR sequence; unknown parameters are passed over."""
    numbers = [int(p) if p.isdigit() and len(p) < 4 else 0 for p in re.split("[;:]", parameters)]
    position = 0
    while position < len(numbers):
        code = numbers[position]
        position += 1
        if code == 0:
            paint = PLAIN
        elif code in _FLAGS:
            paint = replace(paint, **_FLAGS[code])
        elif code in (38, 48):
            colour, used = _extended(numbers[position:])
            position += used
            side = "foreground" if code == 38 else "background"
            paint = replace(paint, **{side: colour})  # type: ignore[arg-type]  # one of two fields
        elif 30 <= code <= 37 or 90 <= code <= 97:
            paint = replace(paint, foreground=code - 30 if code < 90 else code - 82)
        elif 40 <= code <= 47 or 100 <= code <= 107:
            paint = replace(paint, background=code - 40 if code < 100 else code - 92)
        elif code == 39:
            paint = replace(paint, foreground=None)
        elif code == 49:
            paint = replace(paint, background=None)
    return paint


def _extended(rest: list[int]) -> tuple[int | tuple[int, int, int] | None, int]:
    """The colour of `38;5;n` or `38;2;r;g;b`, and how many numbers it took."""
    match rest:
        case [5, index, *_]:
            return min(index, 255), 2
        case [2, red, green, blue, *_]:
            return (min(red, 255), min(green, 255), min(blue, 255)), 4
        case _:
            return None, len(rest)
