"""Facts about the record itself: what was set aside, removed, or should not be in it.

Of a secret they never say the value, or how it looks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalRecovered:
    """A torn last line, never acknowledged to anyone, was moved out of the journal."""

    kind: Literal["journal.recovered"] = "journal.recovered"
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputPurged:
    """A stored output held a value that became known as a secret later; a masked one took its place."""

    kind: Literal["output.purged"] = "output.purged"
    step: str
    old: str
    """SHA-256 of what was removed."""
    new: str
    """SHA-256 of what is stored instead."""
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretExposed:
    """Records written before a value was known as a secret hold it, and a record cannot be changed."""

    kind: Literal["secret.exposed"] = "secret.exposed"
    records: tuple[int, ...]


RecordEvent = JournalRecovered | OutputPurged | SecretExposed
