"""What goes on beside a run does not end it."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runbook.cli import requests
from runbook.cli.beside import harmless
from runbook.cli.run_directory import RunDirectory
from runbook.run.events import ApprovalRequested
from runbook.run.terms import Mode
from tests.run.driving import Drive, plan_of


async def test_a_fault_beside_the_run_leaves_the_run_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    async def fails() -> None:
        raise KeyError("nothing anybody thought of")

    done: list[str] = []

    async def the_run() -> None:
        await asyncio.sleep(0)
        done.append("run")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(harmless(fails()))
        tasks.create_task(the_run())
    assert done == ["run"]
    assert "Traceback" not in capsys.readouterr().err


async def test_it_ends_when_it_is_cancelled() -> None:
    task = asyncio.ensure_future(harmless(asyncio.Event().wait()))  # type: ignore[arg-type]  # its value is not looked at
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_request_that_cannot_be_written_leaves_the_run_alone(tmp_path: Path) -> None:
    gate = {"id": "go", "approve": {"message": "?", "approvers": ["leads"]}}
    run = Drive(plan_of(gate), mode=Mode.DRILL)
    asked = run.state.step("go").request
    assert isinstance(asked, ApprovalRequested)
    requests.keep_request(RunDirectory(tmp_path / "nowhere"), run.state, asked)
    assert not (tmp_path / "nowhere").exists()
