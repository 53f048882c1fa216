"""The practice machine's time: what happens after how many seconds, at any speed.

Rule 1: durations are scaled, timestamps are not. kubectl computes ages with its own clock, so `now()`
is wall time while the cluster serves, and a delay of 30 s lasts 30 s / speed.
Rule 2: until `serve` is called nothing waits: `advance` steps through the due callbacks at once and
`now()` follows, which lets a platform that is three days old be built in a second.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import structlog

log = structlog.get_logger(__name__)

Callback = Callable[[], Awaitable[None]]


@dataclass(order=True, slots=True)
class Timer:
    """One thing that will happen. `cancel` it, and it will not."""

    due: float
    order: int
    callback: Callback | None = field(compare=False)

    def cancel(self) -> None:
        self.callback = None


class Timeline:
    """Seconds since the machine's beginning, and the callbacks waiting for their second."""

    def __init__(self, start: datetime | None = None) -> None:
        self._start = start or datetime.now(UTC)
        self._elapsed = 0.0
        self._order = itertools.count()
        self._timers: list[Timer] = []
        self._serving_since: float | None = None
        self._elapsed_when_served = 0.0
        self._speed = 1.0
        self._changed = asyncio.Event()

    def now(self) -> datetime:
        """UTC, for timestamps."""
        if self._serving_since is not None:
            return datetime.now(UTC)
        return self._start + timedelta(seconds=self._elapsed)

    def stamp(self) -> str:
        """Now as Kubernetes writes it: whole seconds, `Z`."""
        return self.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def elapsed(self) -> float:
        """Simulated seconds since the beginning."""
        if self._serving_since is None:
            return self._elapsed
        real = time.monotonic() - self._serving_since
        return self._elapsed_when_served + real * self._speed

    @property
    def speed(self) -> float:
        return self._speed

    def after(self, seconds: float, callback: Callback) -> Timer:
        """Call back once, this many simulated seconds from now (0 = as soon as possible)."""
        timer = Timer(self.elapsed() + max(0.0, seconds), next(self._order), callback)
        heapq.heappush(self._timers, timer)
        self._changed.set()
        return timer

    async def advance(self, seconds: float) -> None:
        """Stepped time: run everything that falls due within this many simulated seconds."""
        if self._serving_since is not None:
            raise RuntimeError("a timeline that serves is moved by the clock on the wall")
        end = self._elapsed + seconds
        while self._timers and self._timers[0].due <= end:
            timer = heapq.heappop(self._timers)
            self._elapsed = max(self._elapsed, timer.due)
            if timer.callback is not None:
                await timer.callback()
        self._elapsed = end

    async def serve(self, speed: float) -> None:
        """Real time from now on, `speed` simulated seconds to the second. Runs until cancelled."""
        self._speed = speed
        self._elapsed_when_served = self._elapsed
        self._serving_since = time.monotonic()
        while True:
            self._changed.clear()
            while self._timers and self._timers[0].due <= self.elapsed():
                timer = heapq.heappop(self._timers)
                if timer.callback is not None:
                    await self._call(timer.callback)
                await asyncio.sleep(0)  # requests are answered between two callbacks
            wait = None
            if self._timers:
                wait = max(0.0, (self._timers[0].due - self.elapsed()) / self._speed)
            try:
                async with asyncio.timeout(wait):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _call(self, callback: Callback) -> None:
        """A cluster that serves outlives a mistake in one of its parts, as a real one does."""
        try:
            await callback()
        except Exception:
            log.exception(
                "timer-failed", callback=getattr(callback, "__qualname__", repr(callback))
            )
