"""The hands that break a platform: writes like anyone's, and a next step when its time has come.

What a judge will need later (uids, names, manifests) is put into `memory`, which no trainee sees.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Any

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.messages import Request
from runbook.practice.apiserver.store import encode
from runbook.practice.cluster import JSON
from runbook.practice.faults.places import path_of, resource_of
from runbook.practice.manifests import as_applied

LOOK = 1.0  # seconds between two looks at what is waited for
PATIENCE = 900.0  # seconds after which a next step is taken all the same

PERSON = {"content-type": "application/json", "user-agent": "kubectl"}


class Bench:
    """Where one fault is prepared."""

    def __init__(self, api: ApiServer, documents: Sequence[JSON], chance: random.Random) -> None:
        self.api = api
        self.documents = tuple(documents)
        self.chance = chance
        self.memory: dict[str, Any] = {}
        self._waiting = 0

    @property
    def ready(self) -> bool:
        """Whether the fault is in place: no step of it is still to come."""
        return self._waiting == 0

    def get(self, resource: str, namespace: str | None, name: str) -> JSON:
        found = self.api.get(resource, namespace, name)
        if found is None:
            raise ApiError(404, "NotFound", f"{resource} {namespace}/{name} is not there to break")
        return found

    def find(self, resource: str, namespace: str | None, name: str) -> JSON | None:
        return self.api.get(resource, namespace, name)

    async def create(self, resource: str, obj: JSON) -> JSON:
        return await self.api.create(resource, obj)

    async def patch(self, resource: str, namespace: str | None, name: str, patch: JSON) -> JSON:
        return await self.api.patch(resource, namespace, name, patch)

    async def delete(self, resource: str, namespace: str | None, name: str) -> None:
        await self.api.delete(resource, namespace, name)

    async def apply(self, documents: Iterable[JSON]) -> list[str]:
        """Create what is not there, as an apply would; the refusals of the API server."""
        refusals = []
        for document in documents:
            metadata = document["metadata"]
            resource, namespace = resource_of(self.api, document), metadata.get("namespace")
            if not resource or self.api.get(resource, namespace, metadata["name"]) is not None:
                continue
            path = path_of(self.api, resource, namespace)
            body = encode(as_applied(document))
            answer = await self.api.handle(Request("POST", path, headers=PERSON, body=body))
            if answer.status >= 400:
                refusals.append(f"{document['kind']} {metadata['name']}")
        return refusals

    def remember(self, resource: str, namespace: str | None, name: str) -> str:
        """Keep the uid an object has now, for the judge."""
        uid = str(self.get(resource, namespace, name)["metadata"]["uid"])
        self.memory.setdefault("uids", {})[f"{resource}/{namespace or ''}/{name}"] = uid
        return uid

    def remember_all(self, resource: str, namespace: str | None = None) -> None:
        for obj in self.api.select(resource, namespace):
            self.remember(resource, obj["metadata"].get("namespace"), obj["metadata"]["name"])

    def when(self, holds: Callable[[], bool], then: Callable[[], Awaitable[None]]) -> None:
        """Go on with `then` as soon as `holds` does."""
        self._waiting += 1
        timeline = self.api.timeline
        end = timeline.elapsed() + PATIENCE

        async def look() -> None:
            if holds() or timeline.elapsed() >= end:
                try:
                    await then()
                finally:
                    self._waiting -= 1
            else:
                timeline.after(LOOK, look)

        timeline.after(LOOK, look)

    def after(self, seconds: float, then: Callable[[], Awaitable[None]]) -> None:
        """Something that happens by itself later; the fault counts as in place before it."""
        self.api.timeline.after(seconds, then)
