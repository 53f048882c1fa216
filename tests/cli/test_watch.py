"""A run followed by its files: records as they are written, output as it grows, and never a signal."""

from __future__ import annotations

import argparse
import asyncio
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import watch
from runbook.cli.exit_codes import Exit
from runbook.cli.followed import FollowedSession
from runbook.cli.run_directory import RunDirectory
from runbook.clock import VirtualClock
from runbook.errors import JournalDamaged, RunbookError
from runbook.journal.file import EVENTS, JournalFile
from runbook.journal.outputs import OutputStore
from runbook.run.events import CommandFinished, CommandStarting, Record
from runbook.run.record_events import OutputPurged
from runbook.run.session import Output
from runbook.run.signals import AddNote, Leave, Report
from tests.cli.test_note import BOOK, PROGRAM, note, words
from tests.run.driving import BUILD, DELETE, Drive, plan_of
from tests.tui.terminal import Terminal


class Run:
    """A run that somebody else performs: what it decides is written."""

    def __init__(self, directory: Path) -> None:
        self.directory = RunDirectory(directory)
        self.drive = Drive(plan_of(DELETE, BUILD))
        self.journal = JournalFile.create(directory)
        self.outputs = OutputStore(directory)
        self.written = 0
        self.write()

    def write(self) -> None:
        for record in self.drive.records[self.written :]:
            self.journal.append(record)
        self.written = len(self.drive.records)

    def followed(self) -> FollowedSession:
        return FollowedSession(self.directory, self.drive.plan, VirtualClock())


class Heard:
    def __init__(self) -> None:
        self.kinds: list[str] = []
        self.output = b""

    def on_record(self, record: Record) -> None:
        self.kinds.append(record.event.kind)

    def on_output(self, output: Output) -> None:
        assert output.step == "delete"
        self.output += output.data

    def on_seen(self, seen: Any) -> None: ...


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def test_what_was_recorded_before_is_there_and_the_rest_comes(run: Run) -> None:
    session = run.followed()
    assert [r.event.kind for r in session.records] == ["run.opened", "step.started"]
    heard = Heard()
    session.follow(heard)
    run.drive.send(AddNote("bob", "look"))
    run.write()
    session.look()
    assert heard.kinds == ["note.added"]
    assert session.state == run.drive.state
    assert "another terminal" in session.send(AddNote("eve", "x"))


def test_output_is_told_while_it_grows_and_whole_when_it_is_stored(run: Run) -> None:
    session, heard = run.followed(), Heard()
    session.follow(heard)
    start = CommandStarting(step="delete", attempt=1, script="x", shell="bash")
    run.drive.send(Report(start))
    with run.outputs.begin("delete", 1) as writer:
        writer.write(b"one\n")
        run.write()
        session.look()
        assert heard.output == b"one\n"
        writer.write(b"two\n")
        stored = writer.store()
    session.look()
    end = CommandFinished(step="delete", attempt=1, exit=0, duration=1.0, output=stored.sha256)
    run.drive.send(Report(end))
    run.write()
    session.look()
    assert heard.output == b"one\ntwo\n"
    assert session.output_of("delete") == b"one\ntwo\n"
    assert session.output_of("build") == b""
    with run.outputs.begin("delete", 2) as writer:
        writer.write(b"one\n***\n")
        clean = writer.store()
    purged = OutputPurged(step="delete", old=stored.sha256, new=clean.sha256, reason="a secret")
    run.drive.add([purged])
    run.write()
    session.look()
    assert session.output_of("delete") == b"one\n***\n"


def test_half_a_line_is_waited_for_and_a_changed_one_is_not_believed(run: Run) -> None:
    session = run.followed()
    run.drive.send(AddNote("bob", "look"))
    run.write()
    path = run.directory.path / EVENTS
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    session.look()
    assert len(session.records) == 2
    path.write_bytes(whole)
    session.look()
    assert len(session.records) == 3
    path.write_bytes(whole + whole.splitlines(keepends=True)[-1])
    with pytest.raises(JournalDamaged, match="chain is broken"):
        session.look()
    path.unlink()
    with pytest.raises(RunbookError, match="cannot be read any more"):
        session.look()


async def test_it_is_followed_to_its_end(run: Run) -> None:
    clock = VirtualClock()
    session = FollowedSession(run.directory, run.drive.plan, clock)
    async with asyncio.TaskGroup() as tasks:
        following = tasks.create_task(session.run())
        await clock.advance(1)
        assert not following.done()
        run.drive.ends("delete")
        run.drive.ends("build")
        run.write()
        await clock.advance(1)
        assert following.done()
    assert session.state.finished is not None


@pytest.mark.parametrize("held", [True, False])
def test_without_a_terminal_it_prints_what_there_is_and_ends_when_nobody_performs_it(
    run: Run, held: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    if held:
        run.drive.send(Leave("ann", "q"))
    else:
        run.drive.ends("delete")
        run.drive.ends("build")
    run.write()
    run.journal.close()
    monkeypatch.setattr(watch, "plan_of_run", lambda _: run.drive.plan)
    parser = argparse.ArgumentParser()
    watch.add(parser)
    assert watch.main(parser.parse_args([str(run.directory.path)])) == Exit.OK
    said = capsys.readouterr().out
    assert "1.1   delete started" in said
    assert said.endswith("nobody performs it now\n") is held
    assert ("finished: recovered" in said) is not held


@pytest.mark.slow
def test_in_a_terminal_it_follows_a_held_run_and_is_left_without_a_word(tmp_path: Path) -> None:
    book = tmp_path / "long.yaml"
    book.write_text(BOOK, encoding="utf-8")
    command = [*PROGRAM, "run", str(book), "--headless"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=words(tmp_path)) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "$ sleep 60" in line:
                run.send_signal(signal.SIGTERM)
    left = ["-c", "import sys\nfrom runbook.cli.main import main\nprint('left', main(['watch']))"]
    environment = words(tmp_path)
    with Terminal.python(*left, columns=160, rows=45, environment=environment) as terminal:
        terminal.wait_for(b"HELD, left by ann")
        terminal.send(b"6")
        assert note(tmp_path, "still quiet").returncode == Exit.OK
        terminal.wait_for(b"quiet")
        terminal.send(b"q")
        terminal.wait_for(b"left 0")
    assert b"Traceback" not in terminal.seen
