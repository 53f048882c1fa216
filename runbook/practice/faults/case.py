"""What a judge has before it: reads of the API, what a watch told since, and what was remembered.

Every read is a request to the API server, so that nothing is judged that a person could not see.
The one thing asked elsewhere is MLflow, which says which model a training made.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.messages import Request, Response
from runbook.practice.cluster import JSON, Change
from runbook.practice.faults.places import path_of

REMEMBERED = 4096

NewestModel = Callable[[str], str]
"""Variant -> the id of the model that its newest finished run logged; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Deletion:
    """One object that went, as a watch told it."""

    order: int
    resource: str
    namespace: str | None
    obj: JSON


class Deletions:
    """A watch of everything, kept for what went: the order of two deletions tells who was first.

    Events go by themselves, in numbers that would soon be all that is remembered.
    """

    def __init__(self, api: ApiServer) -> None:
        self._seen: deque[Deletion] = deque(maxlen=REMEMBERED)
        self._count = 0
        api.subscribe(self._note)

    def forget(self) -> None:
        self._seen.clear()

    def of(self, resource: str, uid: str) -> Deletion | None:
        found = (d for d in self._seen if d.resource == resource)
        return next((d for d in found if d.obj["metadata"]["uid"] == uid), None)

    def all(self, resource: str, namespace: str | None = None) -> list[Deletion]:
        return [
            deletion
            for deletion in self._seen
            if deletion.resource == resource and namespace in (None, deletion.namespace)
        ]

    def _note(self, change: Change) -> None:
        if change.type == "DELETED" and change.resource != "events":
            self._count += 1
            namespace = change.new["metadata"].get("namespace")
            self._seen.append(Deletion(self._count, change.resource, namespace, change.new))


class Reader:
    """GET requests to the API server."""

    def __init__(self, api: ApiServer) -> None:
        self._api = api

    async def get(self, resource: str, namespace: str | None, name: str) -> JSON | None:
        return await self._read(path_of(self._api, resource, namespace, name))

    async def list(
        self, resource: str, namespace: str | None = None, labels: str = ""
    ) -> Sequence[JSON]:
        query = {"labelSelector": labels} if labels else {}
        found = await self._read(path_of(self._api, resource, namespace), query)
        items: list[JSON] = (found or {}).get("items") or []
        return items

    async def log(self, namespace: str, pod: str, container: str) -> str:
        path = f"{path_of(self._api, 'pods', namespace, pod)}/log"
        answer = await self._api.handle(Request("GET", path, query={"container": container}))
        if not isinstance(answer, Response) or answer.status != 200:
            return ""
        return answer.body.decode()

    async def ask(
        self, namespace: str, service: str, path: str, headers: Mapping[str, str]
    ) -> tuple[int, Mapping[str, str]]:
        """A request to a service (`name:port`) through the API server: status and headers."""
        root = f"{path_of(self._api, 'services', namespace, service)}/proxy"
        answer = await self._api.handle(Request("GET", root + path, headers=headers))
        if not isinstance(answer, Response):
            async for _ in answer.chunks:
                pass
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}

    async def _read(self, path: str, query: Mapping[str, str] | None = None) -> JSON | None:
        if not path:
            return None
        request = Request("GET", path, query=query or {}, query_string=urlencode(query or {}))
        answer = await self._api.handle(request)
        if not isinstance(answer, Response) or answer.status != 200:
            return None
        document: JSON = json.loads(answer.body)
        return document


@dataclass(slots=True)
class Case:
    """One injected fault under judgement."""

    read: Reader
    deletions: Deletions
    newest_model: NewestModel
    now: Callable[[], float]
    """Simulated seconds."""
    memory: dict[str, Any] = field(default_factory=dict)

    def uid(self, resource: str, namespace: str | None, name: str) -> str:
        """The uid an object had when the fault was injected; empty when it was not remembered."""
        uids: dict[str, str] = self.memory.get("uids") or {}
        return uids.get(f"{resource}/{namespace or ''}/{name}", "")

    async def same(self, resource: str, namespace: str | None, name: str) -> bool:
        """Whether an object is there and is the one it was."""
        found = await self.read.get(resource, namespace, name)
        uid = self.uid(resource, namespace, name)
        return found is not None and bool(uid) and found["metadata"]["uid"] == uid
