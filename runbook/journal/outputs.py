"""Command output, kept beside the journal and named by the SHA-256 of its content.

The chained lines hold only the digest, so a secret that is found later can be removed from here
without breaking the chain. A file is durable before the record that names it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from runbook.errors import JournalUnavailable
from runbook.journal.file import sync_directory
from runbook.run.outputs import StoredOutput

HEAD_LIMIT = 12 * 1024 * 1024
TAIL_LIMIT = 4 * 1024 * 1024
"""Bytes kept of one command's output: its beginning and its end; what lies between is counted."""


class OutputStore:
    """The outputs of one run."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "outputs"
        (self.directory / "live").mkdir(parents=True, exist_ok=True, mode=0o700)
        self._open: set[Path] = set()
        """Outputs that grow now."""

    def path(self, sha256: str) -> Path:
        return self.directory / sha256[:2] / f"{sha256}.out"

    def read(self, sha256: str) -> bytes:
        """The stored bytes; empty when they are not here any more."""
        try:
            return self.path(sha256).read_bytes()
        except FileNotFoundError:
            return b""

    def cleaned(self, mask: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
        """Store anew, masked, each output that holds what `mask` finds. Gives (old, new) digests.

        The old ones stay until `remove`. What a command that died left unfinished is masked as well.
        Raises JournalUnavailable.
        """
        pairs = []
        try:
            for path in sorted(self.directory.glob("??/*.out")):
                content = path.read_bytes()
                clean = mask(content)
                if clean != content:
                    pairs.append((path.stem, self.keep(clean)))
            for path in set(self.directory.glob("live/*.part")) - self._open:
                content = path.read_bytes()
                clean = mask(content)
                if clean != content:
                    self._replace(path, clean)
        except OSError as fault:
            raise JournalUnavailable(
                f"a stored output cannot be masked: {fault.strerror or fault}",
                where=str(self.directory),
            ) from fault
        return pairs

    def remove(self, digests: Iterable[str]) -> None:
        """Delete outputs, for good. Raises JournalUnavailable."""
        try:
            for sha256 in digests:
                path = self.path(sha256)
                path.unlink(missing_ok=True)
                sync_directory(path.parent)
        except OSError as fault:
            raise JournalUnavailable(
                f"a stored output cannot be removed: {fault.strerror or fault}",
                where=str(self.directory),
            ) from fault

    def keep(self, content: bytes) -> str:
        """Store durably; returns the SHA-256 (hex) it is found by. Raises OSError."""
        sha256 = hashlib.sha256(content).hexdigest()
        self._replace(self.path(sha256), content)
        return sha256

    def _replace(self, path: Path, content: bytes) -> None:
        self.make_room(path)
        fresh = self.directory / "live" / f"{path.name}.new"
        with fresh.open("wb") as kept:
            kept.write(content)
            kept.flush()
            os.fsync(kept.fileno())
        fresh.replace(path)
        sync_directory(path.parent)

    def make_room(self, path: Path) -> None:
        """Make the directory of an output. Raises OSError."""
        if not path.parent.exists():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            sync_directory(self.directory)

    def opened(self, path: Path) -> None:
        self._open.add(path)

    def closed(self, path: Path) -> None:
        self._open.discard(path)

    def live_path(self, step: str, attempt: int) -> Path:
        """Where the output grows while the command runs."""
        return self.directory / "live" / f"{step}.{attempt}.part"

    def values_path(self, step: str, attempt: int) -> Path:
        """Where a command writes the values it hands on; read, and gone, when the command has ended."""
        return self.directory / "live" / f"{step}.{attempt}.values"

    def begin(self, step: str, attempt: int) -> OutputWriter:
        return OutputWriter(self, self.live_path(step, attempt))


class OutputWriter:
    """Takes a command's output piece by piece; `store` makes it durable under its digest."""

    def __init__(self, outputs: OutputStore, live: Path) -> None:
        self._outputs = outputs
        self._live = live
        self._opened: BinaryIO | None = None
        self._tail = bytearray()
        self._head = 0
        self._bytes = 0
        self._lines = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._opened is not None:
            self._opened.close()
        self._outputs.closed(self._live)

    @property
    def _file(self) -> BinaryIO:
        """Made with the first byte: most commands that say nothing need no file."""
        if self._opened is None:
            self._outputs.opened(self._live)
            self._opened = self._live.open("wb", buffering=0)
        return self._opened

    def write(self, data: bytes) -> None:
        """Take one more piece. Raises JournalUnavailable."""
        self._bytes += len(data)
        self._lines += data.count(b"\n")
        room = HEAD_LIMIT - self._head
        if room > 0:
            try:
                self._file.write(data[:room])
            except OSError as fault:
                raise self._unavailable(fault) from fault
            self._head += min(len(data), room)
            data = data[room:]
        if data:
            self._tail += data
            if len(self._tail) > 2 * TAIL_LIMIT:
                del self._tail[:-TAIL_LIMIT]

    def store(self) -> StoredOutput:
        """Move the output to its final name; no output has none. Raises JournalUnavailable."""
        if self._bytes == 0:
            return StoredOutput("", 0, 0, 0)
        tail = bytes(self._tail[-TAIL_LIMIT:])
        truncated = self._bytes - self._head - len(tail)
        try:
            if truncated:
                self._file.write(f"\n[{truncated} bytes left out]\n".encode())
            self._file.write(tail)
            os.fsync(self._file.fileno())
            self._file.close()
            with self._live.open("rb") as kept:
                sha256 = hashlib.file_digest(kept, "sha256").hexdigest()
            final = self._outputs.path(sha256)
            self._outputs.make_room(final)
            self._live.replace(final)
            sync_directory(final.parent)
        except OSError as fault:
            raise self._unavailable(fault) from fault
        return StoredOutput(sha256, self._bytes, self._lines, truncated)

    def _unavailable(self, fault: OSError) -> JournalUnavailable:
        return JournalUnavailable(
            f"the output cannot be stored: {fault.strerror or fault}", where=str(self._live)
        )
