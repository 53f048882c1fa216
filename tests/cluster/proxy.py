"""A small proxy before an API server, on loopback, that misbehaves as a test tells it to.

    with Proxy(upstream, authority, certificate, key) as proxy:
        proxy.answer = lambda request: Refusal(429, {"Retry-After": "2"})
        proxy.cut()  # every open connection, in the middle of whatever goes over it

Plain HTTP towards the client; upstream it is whoever the certificate says. Runs in a thread.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import aiohttp
import yaml
from aiohttp import web

CONTEXT = "proxied"
_HOP_BY_HOP = frozenset({"transfer-encoding", "connection", "content-length", "content-encoding"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer that the proxy gives itself."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    message: str = "the proxy says no"

    def response(self) -> web.Response:
        body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": self.status,
            "reason": self.reason,
            "message": self.message,
        }
        return web.json_response(body, status=self.status, headers=self.headers)


def pass_on(request: web.Request) -> Refusal | None:
    """No misbehaviour."""
    del request
    return None


def unchanged(body: bytes) -> bytes:
    return body


class Proxy:
    """`answer` and `rewrite` may be replaced at any time."""

    def __init__(self, upstream: str, authority: Path, certificate: Path, key: Path) -> None:
        self.answer: Callable[[web.Request], Refusal | None] = pass_on
        self.rewrite: Callable[[bytes], bytes] = unchanged
        self.headers: Callable[[], Mapping[str, str]] = dict
        self.asked: list[tuple[str, str, int]] = []
        """Method, path with query, and status of everything that was answered."""
        self.url = ""
        self._upstream = upstream
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._tls.load_cert_chain(str(certificate), str(key))
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self._started: Future[None] = Future()
        self._open: dict[asyncio.Task[Any], web.Request] = {}

    def __enter__(self) -> Self:
        self._thread.start()
        self._started.result(10)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._loop.call_soon_threadsafe(self._ended.set)
        self._thread.join(10)

    def kubeconfig(self, path: Path) -> Path:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [{"name": CONTEXT, "cluster": {"server": self.url}}],
            "users": [{"name": CONTEXT, "user": {"token": "unused"}}],
            "contexts": [{"name": CONTEXT, "context": {"cluster": CONTEXT, "user": CONTEXT}}],
        }
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    def cut(self) -> None:
        """Every connection that is open now, with nothing more said."""

        async def cut() -> None:
            for request in list(self._open.values()):
                if request.transport is not None:
                    request.transport.abort()

        asyncio.run_coroutine_threadsafe(cut(), self._loop).result(10)

    async def _serve(self) -> None:
        try:
            self._loop, self._ended = asyncio.get_running_loop(), asyncio.Event()
            connector = aiohttp.TCPConnector(limit=0, ssl=self._tls)
            unlimited = aiohttp.ClientTimeout(total=None)
            async with aiohttp.ClientSession(connector=connector, timeout=unlimited) as self._http:
                app = web.Application(client_max_size=2**26)
                app.router.add_route("*", "/{path:.*}", self._handle)
                runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
                await runner.setup()
                await web.TCPSite(runner, "127.0.0.1", 0).start()
                self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
                self._started.set_result(None)
                await self._ended.wait()
                watches = list(self._open)
                for watch in watches:
                    watch.cancel()
                await self._http.close()  # aborts what a cancelled watch would close in good order
                await asyncio.gather(*watches, return_exceptions=True)
                await runner.cleanup()
        except BaseException as fault:
            if not self._started.done():
                self._started.set_exception(fault)
            raise

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        refusal = self.answer(request)
        if refusal is not None:
            self.asked.append((request.method, request.path_qs, refusal.status))
            return refusal.response()
        task = asyncio.current_task()
        assert task is not None
        self._open[task] = request
        try:
            return await self._forward(request)
        except (aiohttp.ClientError, OSError) as fault:
            return Refusal(502, message=str(fault)).response()
        finally:
            del self._open[task]

    async def _forward(self, request: web.Request) -> web.StreamResponse:
        kept = ("Accept", "Content-Type", "User-Agent")
        headers = {name: request.headers[name] for name in kept if name in request.headers}
        async with self._http.request(
            request.method,
            self._upstream + request.path_qs,
            headers=headers,
            data=await request.read() or None,
        ) as answer:
            self.asked.append((request.method, request.path_qs, answer.status))
            named = {k: v for k, v in answer.headers.items() if k.lower() not in _HOP_BY_HOP}
            named |= self.headers()
            if "watch" not in request.query:
                body = self.rewrite(await answer.read())
                return web.Response(status=answer.status, headers=named, body=body)
            response = web.StreamResponse(status=answer.status, headers=named)
            with suppress(ConnectionError):
                await response.prepare(request)
                async for line in answer.content:
                    await response.write(self.rewrite(line))
            return response
