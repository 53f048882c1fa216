"""`runbook note RUN TEXT...`: a note into the record of a run that goes on elsewhere, or is held.

A run has one writer. While a process performs it, the note is handed over to that process and it is
waited for; else it is appended here, under the run's lock.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from runbook.cli import known_secrets
from runbook.cli.exit_codes import Exit
from runbook.cli.first_plan import plan_of_run
from runbook.cli.inbox import leave_note
from runbook.cli.run_directory import RunDirectory, find
from runbook.cli.wiring import torn_fact
from runbook.clock import RealClock, pause
from runbook.errors import RunbookError
from runbook.journal.file import JournalFile, being_written, read
from runbook.redact import Redactor
from runbook.run.events import Event, NoteAdded, Record
from runbook.run.masking import masked
from runbook.run.refusals import refusal
from runbook.run.signals import AddNote
from runbook.run.state import replay
from runbook.settings import read_settings

PATIENCE = 10.0
"""Seconds that the other process is given to take a note in."""
LOOK = 0.1
"""Seconds between two looks whether it has."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", help="id, end of an id, or path")
    parser.add_argument("text", nargs="+", help="the note; several words are one note")


def main(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    directory = find(settings.runs, arguments.run)
    note = AddNote(settings.operator, " ".join(arguments.text).strip())
    _require_fit(directory, note)
    if being_written(directory.path):
        left = leave_note(directory, note.by, note.text)
        if not _taken(directory, left):
            return _not_taken(directory, left)
    else:
        append(directory, note)
    sys.stdout.write(f"recorded in {directory.id} as {note.by}'s\n")
    return Exit.OK


def _require_fit(directory: RunDirectory, note: AddNote) -> None:
    """Raises RunbookError when the run takes no such note."""
    state = replay(read(directory.path))
    if state.finished is not None:
        raise RunbookError(
            f"the run has finished: {state.finished.result}; its record is closed",
            where=directory.id,
        )
    if why := refusal(plan_of_run(directory), state, note):
        raise RunbookError(why, where=directory.id)


def _taken(directory: RunDirectory, left: Path) -> bool:
    """Whether the process that performs the run has recorded it in time."""
    clock = RealClock()
    end = clock.monotonic() + PATIENCE
    while clock.monotonic() < end:
        if not left.exists():
            return not left.with_suffix(".refused").exists()
        if not being_written(directory.path):
            return False
        pause(LOOK)
    return False


def _not_taken(directory: RunDirectory, left: Path) -> int:
    if left.with_suffix(".refused").exists():
        raise RunbookError("the run did not take the note", where=directory.id)
    state = replay(read(directory.path))
    if state.finished is not None:
        left.unlink(missing_ok=True)
        raise RunbookError(
            "the run finished before it took the note; its record is closed", where=directory.id
        )
    sys.stdout.write(
        f"left for {directory.id}; its process has not taken it yet, and whoever goes on with it will\n"
    )
    return Exit.OK


def append(directory: RunDirectory, note: AddNote) -> None:
    """Record a note in a run that nobody performs. Raises RunbookError when somebody does by now."""
    plan = plan_of_run(directory)
    redactor = Redactor()
    known_secrets.register(redactor, plan, os.environ)
    journal, records, torn = JournalFile.reopen(directory.path)
    try:
        events: list[Event] = [*torn_fact(torn)]
        if why := refusal(plan, replay(records), note):
            raise RunbookError(why, where=directory.id)
        events.append(NoteAdded(by=note.by, text=note.text))
        now = RealClock().now()
        for number, event in enumerate(events, len(records) + 1):
            journal.append(Record(number, now, masked(event, redactor.text)))
    finally:
        journal.close()
