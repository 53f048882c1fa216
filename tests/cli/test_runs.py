"""The runs of a machine: how they stand, and which of them may go."""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import kept_runs, runs, runs_prune, runs_show
from runbook.cli.exit_codes import Exit
from runbook.cli.kept_runs import Standing, ago, look_at, newest_first
from runbook.cli.run_directory import RunDirectory
from runbook.clock import VirtualClock
from runbook.errors import RunbookError, UsageError
from runbook.journal.file import EVENTS, JournalFile
from runbook.run.events import Record
from runbook.run.signals import AddNote, Leave
from runbook.run.terms import Mode
from runbook.settings import read_settings
from tests.run.driving import BUILD, DELETE, T0, Drive, plan_of

NOW = T0 + timedelta(days=40)
Keep = Callable[..., RunDirectory]


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path))
    clock = VirtualClock(NOW)
    for module in (runs, runs_show, runs_prune):
        monkeypatch.setattr(module, "RealClock", lambda: clock)


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    def kept(days: int, *, held: bool = False, died: bool = False, **opened: Any) -> RunDirectory:
        directory = RunDirectory(tmp_path / "runs" / f"{days:02d}-test-abcde")
        (directory.path / "outputs" / "ab").mkdir(parents=True)
        (directory.path / "outputs" / "ab" / "x.out").write_text("said")
        run = Drive(plan_of(DELETE, BUILD), run=directory.id, **opened)
        run.send(AddNote("bob", "look\nhere"))
        if held:
            run.send(Leave("ann", "q"))
            run.ends("delete")
        elif not died:
            run.now += timedelta(seconds=30)
            run.ends("delete")
            run.ends("build")
        journal = JournalFile.create(directory.path)
        for record in run.records:
            at = record.at + timedelta(days=days)
            journal.append(Record(record.seq, at, record.event))
        journal.close()
        return directory

    return kept


def ask(*words: str) -> int:
    parser = argparse.ArgumentParser()
    runs.add(parser)
    return runs.main(parser.parse_args(words))


def typed(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))


def test_how_a_run_stands_is_what_its_journal_and_its_lock_say(keep: Keep, tmp_path: Path) -> None:
    finished, held, died = keep(1), keep(2, held=True), keep(3, died=True)
    performed, broken = keep(4, died=True), keep(5)
    (broken.path / EVENTS).write_text("{}\n")
    writer, _, _ = JournalFile.reopen(performed.path)
    standings = [run.standing for run in newest_first(tmp_path / "runs")]
    writer.close()
    assert standings == [
        Standing.UNREADABLE,
        Standing.GOING_ON,
        Standing.DIED,
        Standing.HELD,
        Standing.FINISHED,
    ]
    assert look_at(performed).standing is Standing.DIED
    assert [look_at(run).result for run in (finished, held, died)] == [
        "recovered", "held", "process died",
    ]  # fmt: skip


@pytest.mark.parametrize("word", [[], ["list"]])
def test_the_list_is_newest_first_and_ends_with_the_last_drills(
    word: list[str], keep: Keep, capsys: pytest.CaptureFixture[str]
) -> None:
    keep(1, mode=Mode.DRILL)
    keep(28, mode=Mode.DRILL)
    keep(38)
    keep(39, held=True, mode=Mode.DRILL)
    assert ask(*word) == Exit.OK
    first, second, third, _, blank, drill = capsys.readouterr().out.splitlines()
    assert first.startswith("39-test-abcde  drill     held")
    assert second.split() == [
        "38-test-abcde", "practice", "recovered", "recovery", "30s", "1", "day", "ago", "ctx", "ann",
    ]  # fmt: skip
    assert third.startswith("28-test-abcde")
    assert blank == ""
    assert drill == "last drill of test: 11 days ago, recovered in 30s"
    ask(*word, "--ids")
    assert capsys.readouterr().out.split()[0] == "39-test-abcde"
    ask(*word, "--json")
    document = json.loads(capsys.readouterr().out)
    assert (document[0]["standing"], document[0]["result"]) == ("held", None)
    assert (document[1]["result"], document[1]["recovery_seconds"]) == ("recovered", 30)


def test_one_run_in_full(keep: Keep, capsys: pytest.CaptureFixture[str]) -> None:
    directory = keep(39, held=True)
    assert ask("show", "39-test-abcde") == Exit.OK
    said = capsys.readouterr().out
    for line in (
        "standing  held",
        "mode      practice, by ann at h",
        "  00:00:00Z       held by ann: q",
        "  00:00:00Z bob: look here",
        f"journal   {directory.path / EVENTS}",
        f"go on     runbook resume {directory.id}",
    ):
        assert f"{line}\n" in said, said
    (directory.path / EVENTS).write_text("{}\n")
    with pytest.raises(RunbookError, match="not a journal line"):
        ask("show")


def left(tmp_path: Path) -> list[str]:
    return sorted(path.name[:2] for path in (tmp_path / "runs").iterdir())


def test_what_goes_is_old_finished_and_counted(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for days in (1, 2, 20, 39):
        keep(days)
    keep(3, held=True)
    assert ask("prune", "--older-than", "10d", "--dry-run") == Exit.OK
    out, err = capsys.readouterr()
    assert [line[:2] for line in out.splitlines()] == ["20", "02", "01"]
    assert "stays: 03-test-abcde: held: it could be resumed" in err
    for wrong in ("2\n", "yes\n", ""):
        typed(wrong, monkeypatch)
        assert ask("prune", "--older-than", "10d") == Exit.ABORTED
    assert left(tmp_path) == ["01", "02", "03", "20", "39"]
    typed("2\n", monkeypatch)
    assert ask("prune", "--older-than", "10d", "--keep", "2") == Exit.OK
    assert left(tmp_path) == ["03", "20", "39"]
    typed("1\n", monkeypatch)
    assert ask("prune", "--keep", "2", "--held") == Exit.OK
    assert left(tmp_path) == ["20", "39"]


def test_a_run_that_somebody_performs_stays(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    performed = keep(1, died=True)
    writer, _, _ = JournalFile.reopen(performed.path)
    typed("1\n", monkeypatch)
    assert ask("prune", performed.id, "--held") == Exit.OK
    assert "stays: 01-test-abcde: a process performs it" in capsys.readouterr().err
    assert left(tmp_path) == ["01"]
    # Taken up after it was listed, before its number was typed.
    writer.close()
    standing = look_at(performed)
    writer, _, _ = JournalFile.reopen(performed.path)
    settings = read_settings()
    assert "another process is writing this run" in runs_prune.remove(standing, settings)
    writer.close()
    assert (performed.path / "outputs" / "ab" / "x.out").exists()


def test_what_cannot_be_read_goes_by_its_name_alone(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = keep(1)
    (broken.path / EVENTS).write_text("{}\n")
    typed("1\n", monkeypatch)
    ask("prune", "--keep", "0")
    assert left(tmp_path) == ["01"]
    assert ask("prune", broken.id) == Exit.OK
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "say which runs"),
        (["--keep", "-1"], "a number of runs"),
        (["--older-than", "30"], "needs? a unit|no duration"),
        (["x", "--keep", "1"], "not both"),
    ],
)
def test_a_choice_must_be_clear(words: list[str], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        ask("prune", *words)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(3, "just now"), (60, "1 minute ago"), (7300, "2 hours ago"), (12 * 86400.0, "12 days ago")],
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words


def test_a_runbook_that_was_never_drilled_has_no_last_drill(keep: Keep, tmp_path: Path) -> None:
    keep(1)
    runs_kept = tmp_path / "runs"
    assert kept_runs.drill_before(runs_kept, "test", datetime(2026, 3, 1, tzinfo=UTC)) == ""


def test_before_a_run_only_the_runs_of_its_runbook_are_read(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(1, mode=Mode.DRILL)
    keep(2)
    other = tmp_path / "runs" / "03-other-abcde"
    other.mkdir()
    (other / EVENTS).write_text("{}\n")
    read: list[str] = []

    def looked(directory: RunDirectory) -> kept_runs.KeptRun:
        read.append(directory.id)
        return look_at(directory)

    monkeypatch.setattr(kept_runs, "look_at", looked)
    said = kept_runs.drill_before(tmp_path / "runs", "test", NOW)
    assert said == "last drill of test: 38 days ago, recovered in 30s"
    assert read == ["02-test-abcde", "01-test-abcde"]
