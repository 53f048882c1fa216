"""A note from another terminal: handed over to whoever performs the run, or appended when nobody does."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.exit_codes import Exit
from runbook.cli.inbox import Inbox, leave_note
from runbook.cli.run_directory import RunDirectory
from runbook.clock import VirtualClock
from runbook.journal.file import read
from runbook.run.events import Event, NoteAdded, Record, StepStarted
from runbook.run.signals import AddNote
from tests.run.driving import BUILD, T0, Drive, plan_of

PROGRAM = (sys.executable, "-m", "runbook.cli.main")
BOOK = """\
apiVersion: runbook/v1
name: long
phases:
  - id: only
    steps: [{id: wait, run: "sleep 60"}]
"""


class Performed:
    """Stands for a run: what is sent to it is recorded when the test says so."""

    def __init__(self) -> None:
        self.run = Drive(plan_of(BUILD))
        self.plan = self.run.plan
        self.state = self.run.state
        self.records = tuple(self.run.records)
        self.sent: list[AddNote] = []
        self.followers: list[Any] = []
        self.why = ""

    def send(self, signal: Any) -> str:
        if not self.why:
            self.sent.append(signal)
        return self.why

    def follow(self, follower: Any) -> None:
        self.followers.append(follower)

    def records_(self, event: Event) -> None:
        for follower in self.followers:
            follower.on_record(Record(9, T0, event))


async def looked(directory: Path, run: Performed, then: Callable[[], None]) -> None:
    clock = VirtualClock()
    async with asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(Inbox(RunDirectory(directory), run, clock).watch())
        await clock.advance(1)
        then()
        await clock.advance(1)
        watching.cancel()


async def test_a_note_is_taken_once_and_stays_until_it_is_recorded(tmp_path: Path) -> None:
    run = Performed()
    path = leave_note(RunDirectory(tmp_path), "bob", "look")

    def recorded() -> None:
        assert run.sent == [AddNote("bob", "look")]
        run.records_(NoteAdded(by="ann", text="mine"))
        run.records_(StepStarted(step="build", attempt=1))
        assert path.exists()  # neither was his
        run.records_(NoteAdded(by="bob", text="look"))
        assert not path.exists()

    await looked(tmp_path, run, recorded)
    assert run.sent == [AddNote("bob", "look")]


@pytest.mark.parametrize(
    "content", ["", "[]", '{"by": "bob"}', '{"by": " ", "text": "x"}', "x" * 70_000]
)
async def test_what_is_no_note_is_set_aside(tmp_path: Path, content: str) -> None:
    run = Performed()
    path = leave_note(RunDirectory(tmp_path), "bob", "look")
    path.write_text(content)
    await looked(tmp_path, run, lambda: None)
    assert run.sent == []
    assert [p.suffix for p in path.parent.iterdir()] == [".refused"]


async def test_what_the_run_refuses_is_set_aside(tmp_path: Path) -> None:
    run = Performed()
    run.why = "too long"
    path = leave_note(RunDirectory(tmp_path), "bob", "look")
    await looked(tmp_path, run, lambda: None)
    assert path.with_suffix(".refused").exists()


def words(state: Path, operator: str = "ann") -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "RUNBOOK_STATE_DIR": str(state),
        "HOME": str(state),
        "RUNBOOK_OPERATOR": operator,
    }


def note(state: Path, *text: str, run: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "note", run, *text],
        capture_output=True,
        text=True,
        check=False,
        env=words(state, "bob"),
    )


@pytest.mark.slow
def test_a_note_reaches_the_record_of_a_run_that_goes_on_and_of_one_that_is_held(
    tmp_path: Path,
) -> None:
    book = tmp_path / "long.yaml"
    book.write_text(BOOK, encoding="utf-8")
    running = subprocess.Popen(
        [*PROGRAM, "run", str(book), "--headless"],
        stdout=subprocess.PIPE,
        text=True,
        env=words(tmp_path),
    )
    assert running.stdout is not None
    for line in running.stdout:
        if "$ sleep 60" in line:
            break
    given = note(tmp_path, "the", "pager", "is quiet")
    assert given.returncode == Exit.OK, given.stderr
    assert given.stdout.endswith(" as bob's\n")
    line = running.stdout.readline()
    assert line.endswith("note by bob: the pager is quiet\n")
    running.send_signal(signal.SIGTERM)
    rest = running.stdout.read()
    running.stdout.close()
    assert running.wait() == Exit.HELD, rest
    (directory,) = (tmp_path / "runs").iterdir()
    assert note(tmp_path, "still quiet").returncode == Exit.OK
    last = read(directory)[-1].event
    assert last == NoteAdded(by="bob", text="still quiet")
    assert list((directory / "inbox").iterdir()) == []
    resumed = subprocess.run(
        [*PROGRAM, "resume", "--headless", "--skip", "wait", "--reason", "seen enough"],
        capture_output=True,
        text=True,
        check=False,
        env=words(tmp_path),
    )
    assert resumed.returncode == Exit.OK, resumed.stderr
    closed = note(tmp_path, "too late")
    assert closed.returncode == Exit.USAGE
    assert "its record is closed" in closed.stderr


async def test_a_note_that_cannot_be_removed_is_taken_once_and_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Performed()
    path = leave_note(RunDirectory(tmp_path), "bob", "look")

    def full(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(13, "Permission denied", str(self))

    def recorded() -> None:
        monkeypatch.setattr(Path, "unlink", full)
        run.records_(NoteAdded(by="bob", text="look"))
        monkeypatch.undo()

    await looked(tmp_path, run, recorded)
    assert path.exists()
    assert run.sent == [AddNote("bob", "look")]


async def test_a_folder_that_cannot_be_read_ends_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Performed()
    leave_note(RunDirectory(tmp_path), "bob", "look")

    def broken(self: Path, pattern: str) -> None:
        raise OSError(5, "Input/output error", str(self))

    monkeypatch.setattr(Path, "glob", broken)
    await looked(tmp_path, run, monkeypatch.undo)
    assert run.sent == [AddNote("bob", "look")]  # the next look took it
