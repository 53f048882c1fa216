"""Runs on disk, and which of them is the newest."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from runbook.cli.run_directory import all_runs, create, find
from runbook.journal.file import EVENTS

AT = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)


def test_runs_of_one_second_are_ordered_by_when_they_began(tmp_path: Path) -> None:
    for moment, name in enumerate(("zebra", "middle", "aardvark")):
        run = create(tmp_path, name, AT)
        (run.path / EVENTS).touch()
        run.source.write_bytes(b"")
        os.utime(run.source, ns=(moment, moment))
    later = create(tmp_path, "later", AT.replace(second=1))
    (later.path / EVENTS).touch()
    create(tmp_path, "never-opened", AT.replace(second=2))
    names = [run.id.split("-")[1] for run in all_runs(tmp_path)]
    assert names == ["zebra", "middle", "aardvark", "later"]
    assert find(tmp_path, None).id == later.id
