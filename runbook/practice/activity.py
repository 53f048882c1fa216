"""When somebody last asked this machine anything, so that a forgotten one can end by itself.

A request counts from its first byte to its last: an open watch or a followed log is somebody.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from aiohttp import web
from aiohttp.typedefs import Handler

from runbook.clock import Clock


class Activity:
    """Counts open requests, and remembers when the last one ended."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._open = 0
        self._last = clock.monotonic()

    @property
    def idle(self) -> float:
        """Seconds without anybody; 0 while a request is being answered."""
        return 0.0 if self._open else self._clock.monotonic() - self._last

    @contextmanager
    def request(self) -> Iterator[None]:
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1
            self._last = self._clock.monotonic()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        with self.request():
            return await handler(request)
