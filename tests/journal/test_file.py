"""The journal on disk: what a crash, a second writer or a full disk may and may not do."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from runbook.errors import JournalDamaged, JournalUnavailable, RunbookError
from runbook.journal import file
from runbook.journal.file import EVENTS, JournalFile, being_written, read, split_torn
from runbook.run.events import NoteAdded, Record

T0 = datetime(2026, 1, 1, tzinfo=UTC)


def note(number: int) -> Record:
    return Record(number, T0, NoteAdded(by="ann", text=f"note {number}"))


def written(directory: Path, count: int) -> bytes:
    journal = JournalFile.create(directory)
    for number in range(1, count + 1):
        journal.append(note(number))
    journal.close()
    return (directory / EVENTS).read_bytes()


def test_a_record_can_be_read_as_soon_as_append_returns(tmp_path: Path) -> None:
    journal = JournalFile.create(tmp_path)
    journal.append(note(1))
    assert read(tmp_path) == [note(1)]
    journal.close()


def test_whether_somebody_writes_a_journal_is_told_without_disturbing_them(tmp_path: Path) -> None:
    journal = JournalFile.create(tmp_path)
    assert being_written(tmp_path)
    journal.append(note(1))
    journal.close()
    assert not being_written(tmp_path)
    JournalFile.reopen(tmp_path)[0].close()


def test_the_records_of_one_turn_are_one_write_and_one_sync(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = JournalFile.create(tmp_path)
    calls: list[str] = []
    write, sync = os.write, file.datasync

    def noted_write(descriptor: int, data: bytes) -> int:
        calls.append("write")
        return write(descriptor, data)

    def noted_sync(descriptor: int) -> None:
        calls.append("sync")
        sync(descriptor)

    monkeypatch.setattr(os, "write", noted_write)
    monkeypatch.setattr(file, "datasync", noted_sync)
    journal.append(note(1))
    journal.append(note(2), note(3))
    monkeypatch.undo()
    assert calls == ["write", "sync", "write", "sync"]
    assert read(tmp_path) == [note(1), note(2), note(3)]
    journal.append(note(4))
    journal.close()
    again, records, _ = JournalFile.reopen(tmp_path)
    assert (len(records), again.size, again.head) == (4, journal.size, journal.head)
    again.close()


def test_of_a_turn_with_a_record_that_no_line_can_hold_nothing_is_written(tmp_path: Path) -> None:
    journal = JournalFile.create(tmp_path)
    with pytest.raises(JournalUnavailable, match="does not fit a line"):
        journal.append(note(1), Record(2, T0, NoteAdded(by="ann", text="x" * 70_000)))
    assert read(tmp_path) == []
    journal.close()


def test_a_torn_last_line_is_cut_wherever_it_tore_and_kept_aside(tmp_path: Path) -> None:
    content = written(tmp_path, 3)
    start = content[:-1].rfind(b"\n") + 1
    for cut in range(start + 1, len(content)):
        for tail in (b"", b"\0", b"\0" * 512):
            (tmp_path / EVENTS).write_bytes(content[:cut] + tail)
            journal, records, torn = JournalFile.reopen(tmp_path)
            assert records == [note(1), note(2)]
            assert torn == content[start:cut] + tail
            journal.append(note(3))
            journal.close()
            assert (tmp_path / EVENTS).read_bytes() == content
    kept = [path.read_bytes() for path in (tmp_path / "quarantine").iterdir()]
    assert content[start : start + 1] in kept


def test_a_torn_line_that_cannot_be_kept_is_not_cut(tmp_path: Path) -> None:
    whole = written(tmp_path, 2)
    (tmp_path / EVENTS).write_bytes(whole + b"torn")
    (tmp_path / "quarantine").write_text("in the way")
    with pytest.raises(JournalUnavailable):
        JournalFile.reopen(tmp_path)
    assert (tmp_path / EVENTS).read_bytes() == whole + b"torn"
    (tmp_path / "quarantine").unlink()
    JournalFile.reopen(tmp_path)[0].close()  # and nobody holds the lock


def test_damage_that_is_not_a_torn_end_is_refused_and_left_alone(tmp_path: Path) -> None:
    content = written(tmp_path, 3)
    damaged = content.replace(b"note 2", b"note 9")
    (tmp_path / EVENTS).write_bytes(damaged)
    with pytest.raises(JournalDamaged, match="line 3: the hash chain is broken"):
        JournalFile.reopen(tmp_path)
    assert (tmp_path / EVENTS).read_bytes() == damaged


@pytest.mark.parametrize("call", ["write", "fdatasync"])
@pytest.mark.parametrize("fault", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
def test_after_a_failed_write_or_sync_nothing_is_ever_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, fault: int
) -> None:
    journal = JournalFile.create(tmp_path)
    journal.append(note(1))

    def fail(*_: object) -> int:
        raise OSError(fault, os.strerror(fault))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(JournalUnavailable):
        journal.append(note(2))
    monkeypatch.undo()
    with pytest.raises(JournalUnavailable):
        journal.append(note(2))
    journal.close()


def test_a_record_that_no_line_can_hold_stops_the_run_as_one_that_no_disk_holds(
    tmp_path: Path,
) -> None:
    journal = JournalFile.create(tmp_path)
    with pytest.raises(JournalUnavailable, match="does not fit a line"):
        journal.append(Record(1, T0, NoteAdded(by="ann", text="x" * 70_000)))
    with pytest.raises(JournalUnavailable, match="does not fit a line"):
        journal.append(note(1))
    assert read(tmp_path) == []
    journal.close()


def test_a_journal_is_begun_once_and_its_name_is_durable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(file, "sync_directory", synced.append)
    JournalFile.create(tmp_path).close()
    assert synced == [tmp_path, tmp_path.parent]
    with pytest.raises(JournalUnavailable, match="exists"):
        JournalFile.create(tmp_path)


def test_a_short_write_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = JournalFile.create(tmp_path)
    monkeypatch.setattr(os, "write", lambda fd, data: 3)
    with pytest.raises(JournalUnavailable, match="3 of"):
        journal.append(note(1))
    monkeypatch.undo()
    journal.close()


def test_a_second_writer_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    journal = JournalFile.create(tmp_path)
    with pytest.raises(RunbookError, match="another process is writing this run"):
        JournalFile.reopen(tmp_path)
    journal.close()
    again, _, _ = JournalFile.reopen(tmp_path)
    again.close()


def test_a_run_without_a_journal_is_an_error_of_the_user(tmp_path: Path) -> None:
    with pytest.raises(RunbookError, match="no journal"):
        read(tmp_path)
    with pytest.raises(RunbookError, match="no journal"):
        JournalFile.reopen(tmp_path)


def test_a_line_feed_ends_what_was_acknowledged() -> None:
    assert split_torn(b"a\nb\nc") == (b"a\nb\n", b"c")
    assert split_torn(b"a\n\0\0") == (b"a\n", b"\0\0")
    assert split_torn(b"") == (b"", b"")


WRITER = """
import sys
from pathlib import Path
from datetime import UTC, datetime
from runbook.journal.file import JournalFile
from runbook.run.events import NoteAdded, Record
journal = JournalFile.create(Path(sys.argv[1]))
number = 0
while True:
    number += 1
    text = "x" * (number * 37 % 5000)
    journal.append(Record(number, datetime(2026, 1, 1, tzinfo=UTC), NoteAdded(by="a", text=text)))
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


@pytest.mark.slow
@pytest.mark.parametrize("kills", [5])
def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path, kills: int) -> None:
    for attempt in range(kills):
        directory = tmp_path / str(attempt)
        directory.mkdir()
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(directory)], stdout=subprocess.PIPE
        )
        assert process.stdout is not None
        for _ in range(20 + 17 * attempt):
            process.stdout.readline()
        process.kill()
        acknowledged = int((process.stdout.read().split() or [b"0"])[-1])
        process.stdout.close()
        process.wait()
        journal, records, _ = JournalFile.reopen(directory)
        journal.close()
        assert len(records) >= max(acknowledged, 20 + 17 * attempt)
