"""A whole practice machine in stepped time that survives many cases, and notices a spinning controller.

It is thrown away after a case that failed: whoever shrinks the case begins with a healthy one.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook.practice import manifests
from runbook.practice.apiserver.messages import Request, Response
from runbook.practice.apiserver.registry import Resource
from runbook.practice.machine import Machine
from runbook.practice.timeline import Callback, Timer
from tests.practice.fuzz.hostile import JSON

ROOT = Path(__file__).parents[3]
MOST = 30_000
"""Callbacks in one case. A busy one has some thousand; one that spins has no end."""


@functools.cache
def application() -> tuple[JSON, ...]:
    return (*manifests.read(ROOT / "k8s/base"), *manifests.read(ROOT / "k8s/secrets"))


class World:
    """One machine, and what is done to it."""

    def __init__(self) -> None:
        self.machine = Machine(seed=1, key_bits=2048)
        self.callbacks: dict[str, int] = {}
        self._after = self.machine.timeline.after
        self._loop = asyncio.new_event_loop()
        assert self.do(self.machine.build, application()) == []
        self.machine.timeline.after = self._counted  # type: ignore[method-assign]
        self.run(700)  # what begins with the machine has settled

    def do(self, work: Callable[..., Any], *arguments: Any) -> Any:
        return self._loop.run_until_complete(work(*arguments))

    def run(self, seconds: float) -> None:
        """Let simulated time pass; AssertionError when somebody never stops."""
        self.callbacks = {}
        self.do(self.machine.timeline.advance, seconds)
        assert sum(self.callbacks.values()) < MOST, f"somebody spins: {self.callbacks}"

    def ask(
        self, method: str, path: str, body: Any = None, *, media: str = "application/json"
    ) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": media, "accept": "application/json", "user-agent": "fuzz"}
        request = Request(method, path, {}, headers, b"" if body is None else raw)
        answer = self.do(self.machine.api.handle, request)
        assert isinstance(answer, Response)
        return answer.status, answer.body

    def empty(self, namespace: str, cluster_wide: list[tuple[Resource, str]]) -> None:
        """Take away what a case left behind, as an operator would who has to."""
        api = self.machine.api
        for resource, name in cluster_wide:
            self.ask("DELETE", f"{path_of(resource, None)}/{name}")
        self.ask("DELETE", f"/api/v1/namespaces/{namespace}")
        for _ in range(20):
            self.run(30)
            for resource in api.registry.stored():
                inside = namespace if resource.namespaced else None
                for obj in api.select(resource.name, inside):
                    name, held = obj["metadata"]["name"], obj["metadata"].get("finalizers")
                    ours = resource.namespaced or (resource, name) in cluster_wide
                    if ours and held and resource.name != "namespaces":
                        self.do(
                            api.patch,
                            resource.name,
                            inside,
                            name,
                            {"metadata": {"finalizers": None}},
                        )
            if api.get("namespaces", None, namespace) is None:
                return
        left = [
            (resource.name, obj["metadata"])
            for resource in api.registry.stored()
            if resource.namespaced
            for obj in api.select(resource.name, namespace)
        ]
        raise AssertionError(f"the namespace does not go: {left}")

    def close(self) -> None:
        self.do(self.machine.stop)
        self._loop.close()

    def _counted(self, seconds: float, callback: Callback) -> Timer:
        name = getattr(callback, "__qualname__", repr(callback))
        self.callbacks[name] = self.callbacks.get(name, 0) + 1
        if sum(self.callbacks.values()) > MOST:
            return Timer(0.0, 0, None)  # or this would never come back
        return self._after(seconds, callback)


def path_of(resource: Resource, namespace: str | None) -> str:
    root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
    inside = f"/namespaces/{namespace}" if resource.namespaced else ""
    return f"{root}{inside}/{resource.plural}"
