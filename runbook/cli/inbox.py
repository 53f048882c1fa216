"""Notes for a run that another process performs: a file each, in a folder of the run's directory.

Only one process writes a journal. Whoever has something to add leaves a file; the process that performs
the run takes it in, and removes it when it is in the record. A note that was left when the process ended
waits for the next.
"""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass
from pathlib import Path

import structlog

from runbook.cli.run_directory import RunDirectory
from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.run.events import NoteAdded, Record
from runbook.run.session import Output, Seen, Session
from runbook.run.signals import AddNote

log = structlog.get_logger()

EVERY = 0.5
"""Seconds between two looks."""
LARGEST = 64 * 1024
"""Bytes of a note's file; a larger one was not written by us."""


def leave_note(directory: RunDirectory, by: str, text: str) -> Path:
    """Put a note where the process that performs the run finds it. Raises RunbookError."""
    name = f"{secrets.token_hex(8)}.note"
    path = directory.inbox / name
    try:
        directory.inbox.mkdir(mode=0o700, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"by": by, "text": text}), encoding="utf-8")
        fresh.replace(path)  # it is whole when it has its name
    except OSError as fault:
        raise RunbookError(
            f"the note cannot be left: {fault.strerror or fault}", where=str(directory.inbox)
        ) from fault
    return path


@dataclass(frozen=True, slots=True)
class _Note:
    by: str
    text: str


def _read(path: Path) -> _Note:
    """Raises ValueError for what is no note, OSError."""
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError("it is too long")
    given = json.loads(content)
    match given:
        case {"by": str(by), "text": str(text)} if by.strip() and text.strip():
            return _Note(by, text)
    raise ValueError("it is no note")


class Inbox:
    """Takes in what others leave for a run, beside its engine. A follower of the run."""

    def __init__(self, directory: RunDirectory, session: Session, clock: Clock) -> None:
        self._folder = directory.inbox
        self._session = session
        self._clock = clock
        self._sent: dict[Path, str] = {}
        """Notes that were given to the run and are not recorded yet, with who left them."""

    async def watch(self) -> None:
        """Look for notes until cancelled."""
        self._session.follow(self)
        while True:
            try:
                self._look()
            except OSError as fault:
                log.warning("inbox-unusable", why=str(fault))
            await self._clock.sleep(EVERY)

    def _look(self) -> None:
        if not self._folder.is_dir():
            return
        for path in sorted(self._folder.glob("*.note"), key=_left_at):
            if path not in self._sent and (why := self._give(path)):
                log.warning("note-refused", file=path.name, why=why)
                path.rename(path.with_suffix(".refused"))

    def _give(self, path: Path) -> str:
        """Pass a note on to the run; why it is set aside, if it is."""
        try:
            note = _read(path)
        except FileNotFoundError:
            return ""  # whoever left it took it back
        except (OSError, ValueError) as fault:
            return str(fault)
        if self._session.state.opened is None:
            return ""  # it waits until there is a run
        if why := self._session.send(AddNote(note.by, note.text)):
            return why
        self._sent[path] = note.by
        return ""

    def on_record(self, record: Record) -> None:
        """A note that was given to the run is in the record now: theirs are recorded in their order."""
        if not isinstance(record.event, NoteAdded):
            return
        for path, by in self._sent.items():
            if by == record.event.by:
                try:
                    path.unlink(missing_ok=True)
                except OSError as fault:
                    # It stays, and is not given again; the run must not end by it.
                    log.warning("note-not-removed", file=path.name, why=str(fault))
                    self._sent[path] = ""
                    return
                del self._sent[path]
                return

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None: ...


def _left_at(path: Path) -> tuple[int, str]:
    try:
        return path.stat().st_mtime_ns, path.name
    except FileNotFoundError:
        return 0, path.name
