"""Time as a value that is handed in: real, or moved by hand.

Nothing else in the project reads a clock or sleeps, so a test can walk through a 45-minute drill
in a millisecond. Wall times are aware UTC datetimes; durations are float seconds.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """Wall time, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds from an arbitrary start that never go backwards."""
        ...

    async def sleep(self, seconds: float) -> None: ...

    async def sleep_until(self, at: datetime) -> None: ...


class RealClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))

    async def sleep_until(self, at: datetime) -> None:
        # In slices, because a laptop that was suspended wakes with its wall clock moved on.
        while (left := (at - self.now()).total_seconds()) > 0:  # noqa: ASYNC110 - waits for time
            await asyncio.sleep(min(left, 30.0))


class VirtualClock:
    """Stands still until `advance` moves it; sleepers wake in order, each at its own moment."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._start = start
        self._elapsed = 0.0
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._elapsed + seconds, next(self._order), woken))
        await woken

    async def sleep_until(self, at: datetime) -> None:
        await self.sleep((at - self.now()).total_seconds())

    async def advance(self, seconds: float) -> None:
        """Move time on, letting everything that is ready run between two awakenings."""
        end = self._elapsed + seconds
        await _let_others_run()
        while self._sleepers and self._sleepers[0][0] <= end:
            at, _, woken = heapq.heappop(self._sleepers)
            if woken.done():
                continue
            self._elapsed = max(self._elapsed, at)
            woken.set_result(None)
            await _let_others_run()
        self._elapsed = end
        await _let_others_run()


async def _let_others_run() -> None:
    for _ in range(20):  # enough turns for a chain of awaiting tasks to settle
        await asyncio.sleep(0)


def pause(seconds: float) -> None:
    """Stand still where there is no event loop: a sub-command that waits for a process to end."""
    time.sleep(seconds)
