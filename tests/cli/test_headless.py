"""A run without a screen: what it does when it is taken up, and when nobody reads it any more."""

from __future__ import annotations

import asyncio
import io
import os
import signal
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from runbook.cli import headless, loop
from runbook.cli.exit_codes import Exit
from runbook.cli.opening import Opened
from runbook.cli.run_directory import RunDirectory
from runbook.cli.wiring import WiredRun
from runbook.errors import JournalUnavailable
from runbook.executors.base import Attempt, Desk
from runbook.journal.outputs import OutputStore
from runbook.model.document import Notification
from runbook.notify.message import Message
from runbook.notify.notifier import Notifier
from runbook.plan import Plan
from runbook.run.events import Event, Record, RunHeld, RunResumed, StepFailed, StepStarted
from runbook.run.signals import Outcome, Retry, Signal
from runbook.settings import read_settings
from tests.run.driving import BUILD, DELETE, T0, opened, plan_of
from tests.test_engine import Bench, passes

RESUMED = RunResumed(operator="ann", attended=False, host="h", pid=2)


class Closed:
    """Stands for what a run has open, and is closed with it."""

    async def close(self) -> None: ...


class Journal:
    def close(self) -> None: ...


@pytest.fixture(autouse=True)
def no_log_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(headless, "log_to", lambda *_: None)


async def tells_nobody(notification: Notification, message: Message) -> None:
    raise AssertionError("this runbook notifies nobody")


def wired(bench: Bench, directory: Path) -> WiredRun:
    client: Any = Closed()
    journal: Any = Journal()
    run = RunDirectory(directory)
    notifier = Notifier(bench.engine, tells_nobody)
    outputs = OutputStore(directory)
    return WiredRun(run, bench.engine, client, outputs, journal, bench.redactor, notifier)


async def perform(bench: Bench, first: list[Event], directory: Path, *decisions: Signal) -> int:
    settings = read_settings({"HOME": str(directory), "RUNBOOK_OPERATOR": "ann"})
    run = Opened(wired(bench, directory), first, None, True)
    return await asyncio.wait_for(headless.perform(run, settings, decisions), 10)


def recorded(*events: Event) -> list[Record]:
    return [Record(number, T0, event) for number, event in enumerate(events, 1)]


def left_at_a_failure(plan: Plan) -> list[Record]:
    return recorded(
        opened(plan),
        StepStarted(step="delete", attempt=1),
        StepFailed(step="delete", reason="boom"),
        RunHeld(by="ann", reason="q", leaving=True),
    )


async def test_a_failed_step_is_retried_by_the_command_line_that_takes_the_run_up(
    tmp_path: Path,
) -> None:
    plan = plan_of(DELETE, BUILD)
    bench = Bench(plan, passes, left_at_a_failure(plan))
    assert await perform(bench, [RESUMED], tmp_path, Retry("delete", "ann")) == Exit.OK


async def test_a_ci_gets_its_file_when_the_run_is_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = plan_of(DELETE, BUILD)
    settings = read_settings({"HOME": str(tmp_path), "RUNBOOK_OPERATOR": "ann"})
    run = Opened(wired(Bench(plan, passes), tmp_path), [opened(plan)], None, True)
    file = tmp_path / "junit.xml"
    assert await headless.perform(run, settings, junit=file) == Exit.OK
    assert ET.parse(file).getroot().get("failures") == "0"
    run = Opened(wired(Bench(plan, passes), tmp_path), [opened(plan)], None, True)
    assert await headless.perform(run, settings, junit=tmp_path) == Exit.OK
    assert f"{tmp_path} was not written: Is a directory" in capsys.readouterr().out


async def test_without_a_decision_a_failed_step_stops_the_run_that_is_taken_up(
    tmp_path: Path,
) -> None:
    plan = plan_of(DELETE, BUILD)
    bench = Bench(plan, passes, left_at_a_failure(plan))
    assert await perform(bench, [RESUMED], tmp_path) == Exit.NOT_RECOVERED


def test_a_record_that_cannot_be_kept_reaches_the_front_door_as_such(tmp_path: Path) -> None:
    plan = plan_of(DELETE)
    bench = Bench(plan)
    bench.journal.fail_at = 2
    with pytest.raises(JournalUnavailable):
        loop.run(perform(bench, [opened(plan)], tmp_path))


async def test_when_nobody_reads_the_lines_any_more_the_run_is_held(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(DELETE, BUILD)
    read, written = os.pipe()
    os.close(read)
    bench = Bench(plan)
    with os.fdopen(written, "w") as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        assert await perform(bench, [opened(plan)], tmp_path) == Exit.HELD
    assert bench.engine.state.leaving
    assert (tmp_path / "report.md").exists()


async def test_a_character_that_the_terminal_lacks_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of({**BUILD, "on_failure": "continue"})

    async def fails(attempt: Attempt, desk: Desk) -> Outcome:
        return attempt.failed("\u2718")

    said = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(said, "ascii"))
    assert await perform(Bench(plan, fails), [opened(plan)], tmp_path) == Exit.OK
    assert b"\\u2718" in said.getvalue()


@pytest.mark.parametrize("told", headless.LEAVING)
async def test_who_is_told_to_leave_while_the_run_is_opened_leaves_no_trace(
    tmp_path: Path, told: signal.Signals
) -> None:
    plan = plan_of(DELETE)
    bench = Bench(plan)
    (tmp_path / "run").mkdir()

    async def opens() -> Opened:
        os.kill(os.getpid(), told)
        await asyncio.sleep(0.05)
        return Opened(wired(bench, tmp_path / "run"), [opened(plan)], None, False)

    settings = read_settings({"HOME": str(tmp_path), "RUNBOOK_OPERATOR": "ann"})
    assert await headless.open_and_perform(opens(), settings) == Exit.HELD
    assert bench.journal.kinds == []
    assert not (tmp_path / "run").exists()
