"""Text from outside, made harmless for a document: one line or many, never a control character. Pure."""

from __future__ import annotations


def plain(text: str) -> str:
    """The text with everything that is not printable shown as a replacement mark; line feeds stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\ufffd" for c in text)


def one_line(text: str) -> str:
    return " ".join(plain(text).split())
