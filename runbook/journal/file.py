"""The journal on disk: append-only, one writer, a record durable before anyone hears of it.

Rules:
- the records of one turn are one `write` and one `fdatasync`; only then does `append` return;
- any failed write or sync is final: the writer is dead and nothing may be started after it, because
  after a failed sync nobody knows what the disk holds;
- only a torn *last* line (no newline, or a tail of NULs) may be cut; its bytes are kept aside first;
- one process writes at a time, held by a lock on the file itself, which a crash frees.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from pathlib import Path

from runbook.errors import JournalDamaged, JournalUnavailable, RunbookError
from runbook.journal import codec
from runbook.run.events import Record

EVENTS = "events.jsonl"


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def datasync(descriptor: int) -> None:
    """Make written bytes durable. macOS flushes the drive itself only when told so."""
    full = getattr(fcntl, "F_FULLFSYNC", None)
    if full is not None:
        fcntl.fcntl(descriptor, full)
    else:
        os.fdatasync(descriptor)


class JournalFile:
    """The single writer of one run's journal."""

    def __init__(self, descriptor: int, path: Path, head: str, size: int) -> None:
        self._descriptor = descriptor
        self.path = path
        self.head = head
        """SHA-256 of the last line: what proves everything before it."""
        self.size = size
        """Records written."""
        self._dead: str = ""

    @classmethod
    def create(cls, directory: Path) -> JournalFile:
        """Start the journal of a new run in its own, existing directory."""
        path = directory / EVENTS
        try:
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND
            descriptor = os.open(path, flags, 0o600)
            _lock(descriptor, path)
            sync_directory(directory)
            sync_directory(directory.parent)
        except OSError as fault:
            raise _unavailable(fault, path) from fault
        return cls(descriptor, path, codec.GENESIS, 0)

    @classmethod
    def reopen(cls, directory: Path) -> tuple[JournalFile, list[Record], bytes]:
        """Take up a journal again: (writer, records, torn bytes that were set aside)."""
        path = directory / EVENTS
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_APPEND)
            _lock(descriptor, path)
            content = path.read_bytes()
        except FileNotFoundError:
            raise RunbookError("no journal in this directory", where=str(directory)) from None
        except OSError as fault:
            raise _unavailable(fault, path) from fault
        whole, torn = split_torn(content)
        try:
            records = list(codec.decode(whole.splitlines(keepends=True)))
        except JournalDamaged:
            os.close(descriptor)
            raise
        if torn:
            try:
                _set_aside(directory, len(whole), torn)
                os.ftruncate(descriptor, len(whole))
                os.fsync(descriptor)
            except OSError as fault:
                os.close(descriptor)
                raise _unavailable(fault, path) from fault
        last = whole.splitlines()[-1:] or [b""]
        head = codec.digest(last[0]) if whole else codec.GENESIS
        return cls(descriptor, path, head, len(records)), records, torn

    def append(self, *records: Record) -> None:
        """Return only when all are durable. Raises JournalUnavailable, and then for ever.

        A crash in between leaves a beginning of them: lines are written in their order.
        """
        if self._dead:
            raise JournalUnavailable(self._dead, where=str(self.path))
        head, lines = self.head, bytearray()
        try:
            for record in records:
                line = codec.encode(record, head)
                head = codec.digest(line[:-1])
                lines += line
        except JournalDamaged as fault:
            self._dead = f"a record could not be written: {fault.message}"
            raise JournalUnavailable(self._dead, where=fault.where) from fault
        try:
            written = os.write(self._descriptor, lines)
            if written != len(lines):
                raise OSError(f"only {written} of {len(lines)} bytes were written")
            datasync(self._descriptor)
        except OSError as fault:
            self._dead = f"a record could not be written: {fault.strerror or fault}"
            raise _unavailable(fault, self.path) from fault
        self.head = head
        self.size += len(records)

    def close(self) -> None:
        os.close(self._descriptor)


def read(directory: Path) -> list[Record]:
    """The records of a run that may still be written: everything up to the last whole line."""
    path = directory / EVENTS
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise RunbookError("no journal in this directory", where=str(directory)) from None
    whole, _ = split_torn(content)
    return list(codec.decode(whole.splitlines(keepends=True)))


def being_written(directory: Path) -> bool:
    """Whether a process holds this run now. Raises OSError when its journal cannot be opened."""
    descriptor = os.open(directory / EVENTS, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def split_torn(content: bytes) -> tuple[bytes, bytes]:
    """(whole lines, what a crash left after them). NULs are what a file system leaves unwritten."""
    stripped = content.rstrip(b"\0")
    end = stripped.rfind(b"\n") + 1
    return content[:end], content[end:]


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise RunbookError(
            "another process is writing this run",
            where=str(path),
            hint="leave it there first (q in its terminal), then resume",
        ) from None


def _set_aside(directory: Path, offset: int, torn: bytes) -> None:
    quarantine = directory / "quarantine"
    quarantine.mkdir(mode=0o700, exist_ok=True)
    name = f"torn-{offset}-{hashlib.sha256(torn).hexdigest()[:12]}.bin"
    with (quarantine / name).open("wb") as kept:
        kept.write(torn)
        kept.flush()
        os.fsync(kept.fileno())
    sync_directory(quarantine)
    sync_directory(directory)


def _unavailable(fault: OSError, path: Path) -> JournalUnavailable:
    return JournalUnavailable(
        f"the journal cannot be written: {fault.strerror or fault}",
        where=str(path),
        hint="nothing more was started; free space or fix the disk, then `runbook resume`",
    )
