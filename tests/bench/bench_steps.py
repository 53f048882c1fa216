"""What a step costs: 200 no-op commands by the engine, by hand, and by Chaos Toolkit where it is given.

    python3.11 -m venv /tmp/chaos && /tmp/chaos/bin/pip install chaostoolkit
    .venv/bin/python -m tests.bench.bench_steps /tmp/chaos/bin/python

By hand is the same shell, and as many lines durable. Chaos Toolkit keeps nothing durable meanwhile. All are
measured in turns, since machines are noisy; the ratio is the figure.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
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
ROUNDS = 9
RECORDS_PER_STEP = 4
"""command.finished, step.passed, step.started, command.starting: one write."""


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
    executor = CommandExecutor(
        "run", dict(os.environ), directory, OutputStore(directory), redactor, clock
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
    descriptor = os.open(directory / "floor", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    lines = (b"x" * 600 + b"\n") * RECORDS_PER_STEP
    began = time.perf_counter()
    for _ in range(STEPS):
        os.write(descriptor, lines)
        datasync(descriptor)
        subprocess.run([*BASH, ":"], check=True, capture_output=True)
    took = time.perf_counter() - began
    os.close(descriptor)
    return took


def by_chaos_toolkit(python: str) -> Callable[[], float]:
    worker = subprocess.Popen(
        [python, Path(__file__).with_name("chaos_toolkit.py"), str(STEPS)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    asked, told = worker.stdin, worker.stdout

    def measure() -> float:
        print(file=asked, flush=True)
        return float(told.readline())

    return measure


def in_scratch(measure: Callable[[Path], float]) -> Callable[[], float]:
    def measured() -> float:
        with tempfile.TemporaryDirectory() as scratch:
            return measure(Path(scratch))

    return measured


def main() -> None:
    ways = {
        "engine": in_scratch(lambda directory: run(by_the_engine(directory))),
        "by hand": in_scratch(by_hand),
    }
    if sys.argv[1:]:
        ways["Chaos Toolkit"] = by_chaos_toolkit(sys.argv[1])
    rounds = [{name: measure() for name, measure in ways.items()} for _ in range(ROUNDS)]
    print(f"{STEPS} no-op steps in {ROUNDS} rounds; ms a step, and the median of the ratios")
    for name in ways:
        each = [one[name] / STEPS * 1000 for one in rounds]
        ratios = [one["engine"] / one[name] for one in rounds]
        middle, least = statistics.median(each), min(each)
        print(
            f"  {name:14} median {middle:5.2f}  least {least:5.2f}  engine/it {statistics.median(ratios):.2f}"
        )


if __name__ == "__main__":
    main()
