"""What is known of a command's stored output: its digest and its size, never its content."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runbook.run.events import CommandFinished, Record
from runbook.run.record_events import OutputPurged


@dataclass(frozen=True, slots=True)
class StoredOutput:
    sha256: str
    bytes: int
    """Bytes the command printed (after masking)."""
    lines: int
    truncated: int
    """Bytes printed and not stored."""


def replacements(records: Iterable[Record]) -> dict[str, str]:
    """Digest of each output that was purged -> digest of what is stored in its place now."""
    latest: dict[str, str] = {}
    for record in records:
        if isinstance(record.event, OutputPurged):
            old, new = record.event.old, record.event.new
            latest = {first: new if last == old else last for first, last in latest.items()}
            latest[old] = new
    return latest


def last_output(records: Sequence[Record], step: str) -> str:
    """Digest of what the last command of a step printed, as it is stored now; "" when none has ended."""
    events = (record.event for record in reversed(records))
    mine = (one for one in events if isinstance(one, CommandFinished) and one.step == step)
    digest = next((one.output for one in mine), "")
    return replacements(records).get(digest, digest)
