"""How many columns a text takes, and how it is cut, padded and wrapped to them. Pure."""

from __future__ import annotations

from unicodedata import category, east_asian_width

ELLIPSIS = "…"


def width(text: str) -> int:
    """Columns of a printable text on a terminal."""
    if text.isascii():
        return len(text)
    return sum(_columns(character) for character in text)


def _columns(character: str) -> int:
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1


def cut(text: str, columns: int, *, mark: str = ELLIPSIS) -> str:
    """`text` in at most `columns`; what is cut off leaves a mark."""
    if width(text) <= columns:
        return text
    if columns <= 0:
        return ""
    return head(text, columns - width(mark)) + mark


def head(text: str, columns: int) -> str:
    """The start of `text` that fits."""
    if text.isascii():
        return text[: max(0, columns)]
    used = 0
    for index, character in enumerate(text):
        used += _columns(character)
        if used > columns:
            return text[:index]
    return text


def wrap(text: str, columns: int) -> list[str]:
    """`text` in lines of at most `columns`, broken at blanks where there are any."""
    columns = max(1, columns)
    lines: list[str] = []
    while width(text) > columns:
        line = head(text, columns) or text[0]  # a wide character in one column: overflow, go on
        rest = text[len(line) :]
        blank = line.rfind(" ")
        if blank > 0 and not rest.startswith(" "):
            line, rest = line[:blank], line[blank:] + rest
        lines.append(line.rstrip())
        text = rest.lstrip()
    return [*lines, text] if text or not lines else lines
