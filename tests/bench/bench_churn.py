"""A day of churn in fast time: 10,000 objects posted and gone again, watchers come and go.

    .venv/bin/python -m tests.bench.bench_churn

Every round must leave the objects as they were. Memory is compared after the first and the last fifth of
the rounds, with a watch history short enough to be full by then; exit code 1 if it grew by more than a
tenth, or if a watcher, a task or a file stayed open.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import time
from pathlib import Path

import structlog

from runbook.practice import manifests
from runbook.practice.machine import Machine
from tests.bench.practice_process import SEEDS, memory_of
from tests.practice.churn import Churn

OBJECTS = 10_000
SIZE = 4
HISTORY = 256  # events kept for each resource: full long before the first fifth is over
GROWTH = 1.1


def open_now(machine: Machine) -> dict[str, int]:
    return {
        "watchers": machine.api.store.watchers(),
        "tasks": len(asyncio.all_tasks()),
        "files": sum(1 for _ in Path("/proc/self/fd").iterdir()),
        "events": len(machine.api.select("events")),
    }


async def day(machine: Machine) -> int:
    await machine.build([obj for seed in SEEDS for obj in manifests.read(seed)])
    churn = Churn(machine)
    began, simulated = time.process_time(), machine.timeline.elapsed()
    first = 0.0
    opened = open_now(machine)
    while churn.made < OBJECTS:
        await churn.round(SIZE)
        if not first and churn.made >= OBJECTS / 5:
            gc.collect()
            first, opened = memory_of("self"), open_now(machine)
    gc.collect()
    last, still = memory_of("self"), open_now(machine)
    hours = (machine.timeline.elapsed() - simulated) / 3600
    written = machine.api.store.version
    spent = time.process_time() - began
    print(
        f"{churn.made} objects posted, {written} writes, {hours:.0f} simulated hours, {spent:.0f} s"
    )
    print(f"  {first:.0f} MB after the first fifth, {last:.0f} MB at the end: {last / first:.3f}x")
    print(f"  open after the first fifth {opened}, at the end {still}")
    good = last <= first * GROWTH and all(still[name] <= opened[name] for name in opened)
    print("  flat" if good else "  NOT FLAT")
    return 0 if good else 1


async def run() -> int:
    machine = Machine(seed=1)
    machine.api.store.window = HISTORY
    try:
        return await day(machine)
    finally:
        await machine.stop()


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    raise SystemExit(asyncio.run(run()))
