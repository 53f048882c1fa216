"""A small API server on loopback that answers what a test tells it to."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from runbook.target.client import ClusterClient, connect

JSON = dict[str, Any]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class CannedApi:
    """Answers by path; a path without an answer is 404, as on a real server."""

    answers: dict[str, JSON | Handler] = field(default_factory=dict)
    token: str = "good-token"
    requests: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Any] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    server: BaseTestServer | None = None
    kubeconfig: Path = Path()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.raw_path))
        self.headers.append({name.lower(): value for name, value in request.headers.items()})
        self.bodies.append(await request.read())
        if request.headers.get("Authorization") != f"Bearer {self.token}":
            return self.failure(401, "Unauthorized", "Unauthorized")
        answer = self.answers.get(request.path)
        if answer is None:
            return self.failure(404, "NotFound", f"{request.path} not found")
        if callable(answer):
            return await answer(request)
        return web.json_response(answer)

    @staticmethod
    def failure(code: int, reason: str, message: str) -> web.Response:
        status = {"kind": "Status", "code": code, "reason": reason, "message": message}
        return web.json_response(status, status=code)

    def serve(self, *resources: tuple[str, str, str, str, bool]) -> None:
        """Answer discovery with (group, version, plural, kind, namespaced)."""
        for root, core in (("/api", True), ("/apis", False)):
            mine = [entry for entry in resources if (not entry[0]) == core]
            self.answers[root] = {
                "kind": "APIGroupDiscoveryList",
                "items": [
                    {
                        "metadata": {"name": group},
                        "versions": [
                            {
                                "version": version,
                                "resources": [
                                    {
                                        "resource": plural,
                                        "responseKind": {"kind": kind},
                                        "scope": "Namespaced" if namespaced else "Cluster",
                                        "singularResource": kind.lower(),
                                        "shortNames": [],
                                    }
                                ],
                            }
                        ],
                    }
                    for group, version, plural, kind, namespaced in mine
                ],
            }

    def write_kubeconfig(self, path: Path, **user: Any) -> Path:
        assert self.server is not None
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "canned",
            "contexts": [{"name": "canned", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": {"server": str(self.server.make_url("/"))}}],
            "users": [{"name": "u", "user": user or {"token": self.token}}],
        }
        path.write_text(yaml.safe_dump(config))
        return path


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[CannedApi]:
    made = CannedApi()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    async with TestServer(app) as server:
        made.server = server
        made.kubeconfig = made.write_kubeconfig(tmp_path / "config")
        yield made


@pytest.fixture
async def client(api: CannedApi) -> AsyncIterator[ClusterClient]:
    async with await connect(api.kubeconfig) as opened:
        yield opened


class Stream:
    """A watch that a test feeds by hand."""

    def __init__(self) -> None:
        self.opened: asyncio.Queue[dict[str, str]] = asyncio.Queue()
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def send(self, kind: str, item: JSON) -> None:
        self._events.put_nowait(json.dumps({"type": kind, "object": item}).encode() + b"\n")

    def send_bytes(self, data: bytes) -> None:
        self._events.put_nowait(data)

    def end(self) -> None:
        self._events.put_nowait(None)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        self.opened.put_nowait(dict(request.query))
        while (data := await self._events.get()) is not None:
            await response.write(data)
        return response


@pytest.fixture
def stream() -> Stream:
    return Stream()
