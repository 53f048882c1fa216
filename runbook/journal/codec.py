"""Records as hash-chained JSON lines. Pure: bytes in, records out.

A line is canonical JSON (sorted keys, no blanks, UTF-8, no floats beyond what JSON numbers say) with
`v`, `seq`, `at`, `prev` and the event. `prev` is the SHA-256 of the previous line's bytes without its
newline, 64 zeros for the first. A line whose bytes are not the canonical writing of what it says is
refused, which leaves no room for doubled keys, odd blanks or two parsers that disagree.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from pydantic import TypeAdapter, ValidationError

from runbook.errors import JournalDamaged
from runbook.run.events import (
    ApprovalRequested,
    CommandStarting,
    Event,
    Record,
    RunOpened,
    TaskRequested,
)

GENESIS = "0" * 64
VERSION = 1
MAX_LINE = 64 * 1024
"""Bytes. Output lives in files of its own; a longer line is a mistake."""
MAX_PLANNED_LINE = 8 * 1024 * 1024
"""Bytes of a fact that repeats the runbook: its outline or a script, as long as the file may be."""
PLANNED = (RunOpened, CommandStarting, ApprovalRequested, TaskRequested)

_EVENT: TypeAdapter[Event] = TypeAdapter(Event)


def canonical(value: Any) -> bytes:
    """The one way to write a JSON value: RFC 8785 for what our lines may hold."""
    text = json.dumps(
        value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
    )
    return text.encode("utf-8", "backslashreplace")


def digest(line: bytes) -> str:
    """SHA-256 (hex) of a line without its newline: what the next line calls `prev`."""
    return hashlib.sha256(line).hexdigest()


def encode(record: Record, prev: str) -> bytes:
    """One line, with its newline."""
    event = _EVENT.dump_python(record.event, mode="json", by_alias=True)
    line = canonical(
        {
            "v": VERSION,
            "seq": record.seq,
            "at": record.at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "prev": prev,
            "event": event,
        }
    )
    limit = MAX_PLANNED_LINE if isinstance(record.event, PLANNED) else MAX_LINE
    if len(line) > limit:
        raise JournalDamaged(
            f"a record of {len(line)} bytes does not fit a line of {limit}",
            where=f"record {record.seq} ({record.event.kind})",
        )
    return line + b"\n"


def decode_line(line: bytes, number: int, prev: str) -> Record:
    """A line without its newline -> its record. Raises JournalDamaged with the line's number."""
    where = f"line {number}"
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as fault:
        raise JournalDamaged(f"not JSON: {fault}", where=where) from None
    if not isinstance(data, dict) or set(data) != {"v", "seq", "at", "prev", "event"}:
        raise JournalDamaged("not a journal line", where=where)
    if data["v"] != VERSION:
        raise JournalDamaged(f"format version {data['v']!r}; this program reads 1", where=where)
    if data["prev"] != prev:
        raise JournalDamaged(
            "the hash chain is broken: this line or the one before was changed", where=where
        )
    if data["seq"] != number:
        raise JournalDamaged(f"sequence number {data['seq']!r}", where=where)
    try:
        if canonical(data) != line:
            raise JournalDamaged("not written as this program writes", where=where)
        at = datetime.strptime(data["at"], "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
        event = _EVENT.validate_python(data["event"])
    except (ValidationError, TypeError, ValueError) as fault:
        raise JournalDamaged(f"not a known event: {fault}", where=where) from None
    return Record(number, at, event)


def decode(lines: Iterable[bytes]) -> Iterator[Record]:
    """Complete lines (with their newlines) -> records. The caller deals with a torn last line."""
    prev = GENESIS
    for number, line in enumerate(lines, 1):
        body = line.removesuffix(b"\n")
        yield decode_line(body, number, prev)
        prev = digest(body)
