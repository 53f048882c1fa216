"""What outlives us is recognised, and is not done twice at the same time."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from runbook.executors.base import Attempt
from runbook.executors.survivors import RUN, STEP, survivors
from runbook.run.signals import Ending
from tests.executors.test_command import Bench, Desk
from tests.run.driving import plan_of


@contextmanager
def running(
    run: str, step: str, script: str = "echo begun; sleep 60"
) -> Iterator[subprocess.Popen[str]]:
    """A command as one of ours would be, once its parent is gone; it says when it has begun."""
    environment = {**os.environ, RUN: run, STEP: step}
    process = subprocess.Popen(
        ["bash", "-c", script],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        yield process
    finally:
        os.killpg(process.pid, 9)
        process.communicate()


def test_a_command_of_the_run_is_found_with_its_step_and_without_its_children() -> None:
    with running("r-1", "build", "sleep 60 & sleep 60 & echo begun; wait") as process:
        (found,) = survivors("r-1")
        assert (found.pid, found.step) == (process.pid, "build")
        assert str(found) == f"pid {process.pid} (bash)"
        assert survivors("r-2") == []


def test_what_has_ended_is_no_survivor() -> None:
    with running("r-3", "build", "echo begun") as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # a zombie
        assert survivors("r-3") == []


async def test_a_step_is_not_performed_beside_its_own_earlier_command(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    again = Attempt(plan_of({"id": "build", "run": "true"}).step("build"), 2)
    with running("run", "build") as process:
        desk = Desk()
        refused = await bench.executor(again, desk)
        assert refused.ending is Ending.FAILED
        assert f"still runs: pid {process.pid}" in refused.reason
        assert desk.events == []
        other = Attempt(plan_of({"id": "other", "run": "true"}).step("other"), 2)
        assert (await bench.executor(other, desk)).ending is Ending.PASSED
    assert (await bench.executor(again, Desk())).ending is Ending.PASSED
