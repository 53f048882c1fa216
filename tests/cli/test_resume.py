"""A run that died under its operator: what still runs, what has changed, and how it goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from runbook.cli import changes
from runbook.cli.exit_codes import Exit
from runbook.cli.run_directory import RunDirectory
from runbook.executors.survivors import survivors
from tests.cli.test_main import run
from tests.run.driving import BUILD, opened, plan_of

BOOK = """\
apiVersion: runbook/v1
name: long
phases:
  - id: only
    steps:
      - {id: long, run: "echo once >> done; echo begun; test -e fast || sleep 300"}
      - {id: after, run: "true"}
"""


def left_by_a_crash(book: Path, state: Path) -> str:
    """The id of a run whose program was killed while its command went on."""
    process = subprocess.Popen(
        [sys.executable, "-m", "runbook.cli.main", "run", str(book)],
        env={"PATH": "/usr/bin:/bin", "RUNBOOK_STATE_DIR": str(state)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "| begun":
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    (directory,) = (state / "runs").iterdir()
    return directory.name


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_command_that_outlived_us_is_recognised_and_not_run_beside_itself(
    tmp_path: Path,
) -> None:
    book, state = tmp_path / "book.yaml", tmp_path / "state"
    book.write_text(BOOK, encoding="utf-8")
    run_id = left_by_a_crash(book, state)
    (alive,) = survivors(run_id)
    try:
        looked = run("resume", run_id, state=state)
        assert looked.returncode == Exit.HELD
        assert f"its command still runs: pid {alive.pid}" in looked.stdout
        again = run("resume", run_id, "--retry", "long", state=state)
        assert f"its command of before still runs: pid {alive.pid}" in again.stdout
        assert (tmp_path / "done").read_text() == "once\n"
    finally:
        os.killpg(alive.pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(alive.pid)] if psutil.pid_exists(alive.pid) else [])


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_changed_runbook_is_shown_and_gone_on_with_only_as_it_was_started(
    tmp_path: Path,
) -> None:
    book, state = tmp_path / "book.yaml", tmp_path / "state"
    book.write_text(BOOK, encoding="utf-8")
    run_id = left_by_a_crash(book, state)
    for alive in survivors(run_id):
        os.killpg(alive.pid, signal.SIGKILL)
    (tmp_path / "fast").touch()
    book.write_text(BOOK.replace('run: "true"', 'run: "false"'), encoding="utf-8")
    refused = run("resume", run_id, "--retry", "long", state=state)
    assert refused.returncode == Exit.USAGE, refused.stdout
    assert '-      - {id: after, run: "true"}' in refused.stderr
    assert '+      - {id: after, run: "false"}' in refused.stderr
    assert "--as-started" in refused.stderr
    done = run("resume", run_id, "--retry", "long", "--as-started", state=state)
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    assert "as it was started, although book.yaml changed" in done.stdout
    assert (tmp_path / "done").read_text() == "once\nonce\n"


def test_files_that_are_gone_or_the_same_say_nothing(tmp_path: Path) -> None:
    directory = RunDirectory(tmp_path / "run")
    (directory.path / "plan").mkdir(parents=True)
    directory.source.write_text("a\n", encoding="utf-8")
    directory.keep_parts({"part.yaml": b"p\n"})
    source = tmp_path / "main.yaml"
    event = replace(opened(plan_of(BUILD)), source=str(source), parts={"part.yaml": "x"})
    assert changes.since(directory, event) == {}
    source.write_text("a\n", encoding="utf-8")
    (tmp_path / "part.yaml").write_text("p\n", encoding="utf-8")
    assert changes.since(directory, event) == {}
    (tmp_path / "part.yaml").write_text("q\n" * 100, encoding="utf-8")
    found = changes.since(directory, event)
    assert list(found) == ["part.yaml"]
    assert found["part.yaml"].endswith("more lines")
