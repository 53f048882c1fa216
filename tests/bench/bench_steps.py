"""What a step costs: 200 no-op commands by the engine, against fork + fdatasync alone.

    .venv/bin/python tests/bench/bench_steps.py

The two are measured in turns in one process, since machines are noisy; the ratio is the figure.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from runbook.cli.loop import run
from runbook.clock import RealClock
from runbook.engine import Engine
from runbook.executors.command import CommandExecutor
from runbook.executors.process import BASH
from runbook.journal.file import JournalFile, datasync
from runbook.journal.outputs import OutputStore
from runbook.plan import Plan
from runbook.redact import Redactor
from runbook.run.readings import Reading, unknown
from runbook.run.signals import Approve, Countersign
from runbook.run.state import RunState
from tests.run.driving import opened, plan_of

STEPS = 200
ROUNDS = 5
RECORDS_PER_STEP = 4
"""step.started, command.starting, command.finished, step.passed."""


def plan() -> Plan:
    return plan_of(*({"id": f"s{n}", "run": ":"} for n in range(STEPS)))


async def by_the_engine(directory: Path) -> float:
    async def no_health(_: str) -> Reading:
        return unknown("", "")

    async def no_value(name: str, _: RunState) -> str:
        return name

    def nobody(state: RunState, given: Countersign) -> Approve:
        raise AssertionError("no gate is asked here")

    clock, redactor = RealClock(), Redactor()
    journal = JournalFile.create(directory)
    environment = {"PATH": os.environ["PATH"]}
    executor = CommandExecutor(
        "run", environment, directory, OutputStore(directory), redactor, clock
    )
    steps = plan()
    engine = Engine(
        steps,
        journal,
        executors={"run": executor},
        read_health=no_health,
        read_value=no_value,
        countersigned=nobody,
        redactor=redactor,
        clock=clock,
        outputs=OutputStore(directory),
        intent=executor.intent,
    )
    began = time.perf_counter()
    state = await engine.run([opened(steps)])
    took = time.perf_counter() - began
    assert state.finished is not None
    assert state.finished.result == "recovered"
    journal.close()
    return took


def by_hand(directory: Path) -> float:
    """The floor: start the same shell, and make as many lines durable."""
    descriptor = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    line = b"x" * 600 + b"\n"
    began = time.perf_counter()
    for _ in range(STEPS):
        for _ in range(RECORDS_PER_STEP):
            os.write(descriptor, line)
            datasync(descriptor)
        subprocess.run([*BASH, ":"], check=True)
    took = time.perf_counter() - began
    os.close(descriptor)
    return took


def main() -> None:
    engine, floor = [], []
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as scratch:
            floor.append(by_hand(Path(scratch)))
        with tempfile.TemporaryDirectory() as scratch:
            engine.append(run(by_the_engine(Path(scratch))))
    ours, theirs = statistics.median(engine), statistics.median(floor)
    print(f"{STEPS} no-op steps, every record durable, median of {ROUNDS}")
    print(f"  engine             {ours * 1000:7.0f} ms  {ours / STEPS * 1000:.2f} ms a step")
    print(f"  fork + fdatasync   {theirs * 1000:7.0f} ms  {theirs / STEPS * 1000:.2f} ms a step")
    print(f"  ratio              {ours / theirs:7.2f}")


if __name__ == "__main__":
    main()
