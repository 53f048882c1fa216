"""What is known of a command's stored output: its digest and its size, never its content."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoredOutput:
    sha256: str
    bytes: int
    """Bytes the command printed (after masking)."""
    lines: int
    truncated: int
    """Bytes printed and not stored."""
