"""A file that is handed in for a manual task: kept, named in the record, and checked afterwards."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from runbook.cli import verify
from runbook.cli.evidence import LIMIT, keeper
from runbook.cli.run_directory import RunDirectory
from runbook.errors import RunbookError
from runbook.journal.outputs import OutputStore
from runbook.redact import Redactor
from runbook.run.events import Record, TaskConfirmed
from runbook.run.signals import Confirm
from runbook.run.words import describe
from tests.run.driving import T0, Drive, plan_of

TASK = {"id": "look", "manual": {"instructions": "take a picture", "evidence": "file"}}
CONTENT = b"\x89PNG what was on the screen\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Desk:
    def __init__(self, folder: Path) -> None:
        self.outputs = OutputStore(folder / "run")
        self.redactor = Redactor()
        self.file = folder / "the picture.png"
        self.file.write_bytes(CONTENT)

    def hand_in(self, typed: str) -> Confirm:
        return keeper(self.outputs, self.redactor)(Confirm("look", "ann", typed))


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.mark.parametrize("manner", ["{}", " {} ", "'{}'", '"{}"', "escaped"])
def test_a_file_is_kept_however_a_terminal_writes_its_path(desk: Desk, manner: str) -> None:
    path = str(desk.file)
    typed = path.replace(" ", "\\ ") if manner == "escaped" else manner.format(path)
    kept = desk.hand_in(typed)
    assert kept == Confirm("look", "ann", "the picture.png", DIGEST, len(CONTENT))
    assert desk.outputs.read(DIGEST) == CONTENT


def test_a_file_that_cannot_be_kept_is_refused_with_the_reason(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    (tmp_path / "locked").write_text("that is hunter-seven-22")
    os.mkfifo(tmp_path / "pipe")
    with (tmp_path / "large").open("wb") as large:
        large.truncate(LIMIT + 1)
    desk.redactor.register("db", "hunter-seven-22")
    for name, why in {
        "nowhere": "No such file",
        ".": "Is a directory",
        "pipe": "is no file",
        "empty": "is empty",
        "large": "more than 16 MiB",
        "locked": "holds a secret",
        "nul\0": "null byte",
    }.items():
        with pytest.raises(RunbookError, match=why):
            desk.hand_in(f"{tmp_path}/{name}")
    assert not list(desk.outputs.directory.rglob("*.out"))


def test_the_largest_file_is_kept_whole(desk: Desk, tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as large:
        large.truncate(LIMIT)
    kept = desk.hand_in(str(tmp_path / "large"))
    assert kept.bytes == LIMIT == desk.outputs.path(kept.output).stat().st_size


def test_a_task_that_asks_for_a_file_is_not_done_without_a_name() -> None:
    run = Drive(plan_of(TASK))
    assert run.send(Confirm("look", "ann", " ")) == []
    assert run.send(Confirm("look", "ann", "a.png", DIGEST, 30))[0] == "task.confirmed"
    events = [r.event for r in run.records if isinstance(r.event, TaskConfirmed)]
    assert events == [
        TaskConfirmed(step="look", by="ann", evidence="a.png", output=DIGEST, bytes=30)
    ]
    assert describe(events[0]) == f"look confirmed by ann: a.png (30 bytes, SHA-256 {DIGEST})"


def test_verify_notices_a_file_that_was_changed_or_is_gone(desk: Desk, tmp_path: Path) -> None:
    kept = desk.hand_in(str(desk.file))
    confirmed = TaskConfirmed(step="look", by="ann", evidence=kept.evidence, output=kept.output)
    records = [Record(7, T0, confirmed)]
    directory = RunDirectory(tmp_path / "run")
    assert verify._outputs(directory, records) == []
    desk.outputs.path(DIGEST).write_bytes(b"something else")
    assert verify._outputs(directory, records) == [f"record 7: output {DIGEST} was changed"]
    desk.outputs.path(DIGEST).unlink()
    assert verify._outputs(directory, records) == [f"record 7: output {DIGEST} is missing"]
