"""A cluster without controllers, and a client that speaks to it without HTTP."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.authorization import ADMIN, User
from runbook.practice.apiserver.messages import Request, Response, Stream
from runbook.practice.timeline import Timeline

JSON = dict[str, Any]

WIDGETS = "/apis/example.org/v1/namespaces/default/widgets"


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
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> Reply:
        answer = await self.api.handle(
            self._request(method, path, body, media, accept, headers, query), user
        )
        assert isinstance(answer, Response), "a stream was not expected here"
        is_json = answer.content_type.startswith("application/json")
        found = json.loads(answer.body) if is_json and answer.body else answer.body
        return Reply(answer.status, found, dict(answer.headers), answer.content_type)

    async def stream(
        self, path: str, *, accept: str = "application/json", user: User = ADMIN, **query: str
    ) -> Stream:
        answer = await self.api.handle(
            self._request("GET", path, None, "", accept, None, query), user
        )
        assert isinstance(answer, Stream), answer
        return answer

    async def watch(self, path: str, **query: str) -> Watching:
        words: Any = {"watch": "true", **query}
        return Watching(await self.stream(path, **words))

    @staticmethod
    def _request(
        method: str,
        path: str,
        body: Any,
        media: str,
        accept: str,
        headers: dict[str, str] | None,
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


WIDGET_SCHEMA: JSON = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "colour": {"type": "string", "default": "red"},
                "replicas": {"type": "integer"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "phase": {"type": "string"},
                "replicas": {"type": "integer"},
                "selector": {"type": "string"},
            },
        },
    },
}


def widget_crd() -> JSON:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": WIDGET_SCHEMA},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                }
            ],
        },
    }


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    server = ApiServer(Timeline(datetime(2026, 1, 1, tzinfo=UTC)), seed=1, inspect_controllers=True)
    for name in ("default", "kube-system"):
        await server.create("namespaces", {"metadata": {"name": name}})
    yield server
    assert server.store.watchers() == 0, "a test left a watcher behind"
    await server.close()


@pytest.fixture
async def widgets(api: ApiServer) -> ApiServer:
    """The same cluster with a custom resource."""
    await api.create("customresourcedefinitions.apiextensions.k8s.io", widget_crd())
    return api


@pytest.fixture
def client(api: ApiServer) -> Client:
    return Client(api)


@pytest.fixture
def deployment() -> JSON:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "a", "image": "nginx:1"}]},
            },
        },
    }


@pytest.fixture
def widget() -> JSON:
    return {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default"},
        "spec": {"size": 3},
    }
