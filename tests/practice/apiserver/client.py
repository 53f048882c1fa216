"""A client that speaks to the API server without HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.authorization import ADMIN, User
from runbook.practice.apiserver.messages import Request, Response, Stream

JSON = dict[str, Any]


@dataclass
class Reply:
    status: int
    body: Any
    headers: dict[str, str]
    content_type: str

    @property
    def reason(self) -> str:
        return str(self.body["reason"])

    @property
    def message(self) -> str:
        return str(self.body["message"])


@dataclass
class Watching:
    """The events of a stream, one at a time."""

    stream: Stream
    _lines: list[bytes] = field(default_factory=list)

    async def next(self) -> JSON:
        while not self._lines:
            async with asyncio.timeout(5):
                chunk = await anext(self.stream.chunks)
            self._lines = [line for line in chunk.split(b"\n") if line]
        found: JSON = json.loads(self._lines.pop(0))
        return found

    async def kinds(self, count: int) -> list[tuple[str, str]]:
        events = [await self.next() for _ in range(count)]
        return [(event["type"], event["object"]["metadata"].get("name", "")) for event in events]

    async def ends(self) -> bool:
        """Whether nothing more comes."""
        async with asyncio.timeout(5):
            rest = [chunk async for chunk in self.stream.chunks]
        return not any(rest) and not self._lines


class Client:
    def __init__(self, api: ApiServer) -> None:
        self.api = api

    async def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = "application/json",
        accept: str = "application/json",
        user: User = ADMIN,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        **more: str,
    ) -> Reply:
        """The answer to a request. `more` is for what the query names in plain words."""
        asked = {**(query or {}), **more}
        answer = await self.api.handle(
            self._request(method, path, body, media, accept, headers, asked), user
        )
        assert isinstance(answer, Response), "a stream was not expected here"
        is_json = answer.content_type.startswith("application/json")
        found = json.loads(answer.body) if is_json and answer.body else answer.body
        return Reply(answer.status, found, dict(answer.headers), answer.content_type)

    async def stream(
        self,
        path: str,
        *,
        accept: str = "application/json",
        query: Mapping[str, str] | None = None,
        **more: str,
    ) -> Stream:
        asked = {**(query or {}), **more}
        request = self._request("GET", path, None, "", accept, None, asked)
        answer = await self.api.handle(request, ADMIN)
        assert isinstance(answer, Stream), answer
        return answer

    async def watch(self, path: str, *, accept: str = "application/json", **query: str) -> Watching:
        asked = {"watch": "true", **query}
        return Watching(await self.stream(path, accept=accept, query=asked))

    @staticmethod
    def _request(
        method: str,
        path: str,
        body: Any,
        media: str,
        accept: str,
        headers: Mapping[str, str] | None,
        query: dict[str, str],
    ) -> Request:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {"content-type": media, "accept": accept, "user-agent": "kubectl/v1.32.4 (test)"}
        return Request(
            method=method,
            path=path,
            query=query,
            headers={**sent, **(headers or {})},
            body=b"" if body is None else raw,
            query_string="&".join(f"{key}={value}" for key, value in query.items()),
        )
