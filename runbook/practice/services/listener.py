"""A loopback port held for one Service, open only while something answers behind it.

The port is held as long as the Service exists by a socket that is bound and never listens, so a
client of a Service without endpoints gets *connection refused*, as from a real node, and no other
program can take the port meanwhile. Knows nothing of Kubernetes: whoever watches the endpoints says
`open` and `close`.
"""

from __future__ import annotations

import socket
from collections.abc import Callable

from aiohttp import web

Application = Callable[[], web.Application]
HOST = "127.0.0.1"
CUT_AFTER = 0.1
"""Seconds that an open request may still take when its Service stops answering; 0 would mean any."""


def hold(port: int = 0) -> socket.socket:
    """A bound, silent socket on this port, or on any free one. OSError when somebody has it."""
    if port:
        # Asked without the options below, which would let two machines share a port.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((HOST, port))
    return _bound(port)


def is_free(port: int) -> bool:
    """Whether nobody on this machine holds the port."""
    try:
        hold(port).close()
    except OSError:
        return False
    return True


def _bound(port: int) -> socket.socket:
    opened = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    # Two sockets of ours share the port: the one that holds it and the one that listens.
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        opened.bind((HOST, port))
    except OSError:
        opened.close()
        raise
    opened.setblocking(False)
    return opened


class Listener:
    """One HTTP application on one port of its own."""

    def __init__(self, application: Application, port: int = 0) -> None:
        self._application = application
        self._held = hold(port)
        self._runner: web.AppRunner | None = None
        self.port: int = self._held.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def answers(self) -> bool:
        return self._runner is not None

    async def open(self) -> None:
        """Start answering; nothing happens when it already does."""
        if self._runner is not None:
            return
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=CUT_AFTER)
        await runner.setup()
        await web.SockSite(runner, _bound(self.port)).start()
        self._runner = runner

    async def close(self) -> None:
        """Refuse new connections and cut the open ones."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def release(self) -> None:
        """Close for good and give the port back."""
        await self.close()
        self._held.close()
