"""The screen under load: pods that change and a command that prints, at rates given on the command line.

python -m tests.bench.load EVENTS_PER_SECOND LINES_PER_SECOND
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Callable

from runbook.tui.watching import Batch
from tests.tui.drill import FakeBatch, GoingClock, app_over, deleting, live, pod

PODS = 2000
CHANGING = 60
STEP = 0.02


def main() -> None:
    events, lines = float(sys.argv[1]), float(sys.argv[2])
    session = deleting()
    clock = GoingClock()
    clock.elapsed = session.clock.elapsed
    session.clock = clock

    async def feed(on_batch: Callable[[Batch], None]) -> None:
        """Batches come ten times a second at most, as the real feed's do; lines as they are printed."""
        on_batch(FakeBatch([pod(f"pod-{n:05d}") for n in range(PODS)], live()))
        counter = itertools.count()
        loop = asyncio.get_running_loop()
        began, printed, told = loop.time(), 0, 0
        while True:
            await asyncio.sleep(STEP)
            elapsed = loop.time() - began
            due = int(elapsed * lines) - printed
            session.prints(*(f"\x1b[32mline\x1b[0m {printed + n} " + "x" * 80 for n in range(due)))
            printed += due
            if int(elapsed * 10) > told:
                told = int(elapsed * 10)
                rows = [
                    pod(f"pod-{next(counter) % CHANGING:05d}", f"Pulling {told}", 0)
                    for _ in range(int(events / 10))
                ]
                on_batch(FakeBatch(rows, live()))

    app_over(session, feed=feed).run()


if __name__ == "__main__":
    main()
