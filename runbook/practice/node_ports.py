"""kube-proxy for the few Services behind which a program really answers: their ports on loopback.

When a Service selects pods that run one of our programs, each such port of it gets a loopback port (its
`nodePort` if it has one), held while the Service exists, open while one of its pods is ready. The same
table answers where the API server sends `services/proxy`. Every other Service leads nowhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import structlog

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.manager import Key
from runbook.practice.controllers.objects import dig, key_of, name_of, namespace_of
from runbook.practice.services.listener import Application, Listener

RETRY = 5.0  # seconds until a port that somebody else had is asked for again

Programs = Callable[[JSON, JSON], Application | None]
"""(Service, one of its ports) -> the program that answers there, if it is one of ours."""

log = structlog.get_logger(__name__)


def has_ready_endpoint(cluster: Cluster, namespace: str | None, service: str) -> bool:
    endpoints = cluster.get("endpoints", namespace, service)
    return any(subset.get("addresses") for subset in dig(endpoints, "subsets", default=[]))


class NodePorts:
    """Watches Services and Endpoints; owns every listener."""

    def __init__(self, cluster: Cluster, programs: Programs) -> None:
        self._cluster = cluster
        self._programs = programs
        self._listeners: dict[Key, dict[int, Listener]] = {}  # Service -> its port -> listener
        self._taken: set[tuple[Key, int]] = set()  # ports that others have, each reported once
        self.watches = {
            "services": lambda service: [key_of("services", service)],
            "endpoints": lambda found: [("services", namespace_of(found), name_of(found))],
        }

    async def reconcile(self, key: Key) -> float | None:
        service = self._cluster.get(*key)
        wanted = dict(self._wanted(service)) if service is not None else {}
        held = self._listeners.setdefault(key, {})
        await self._let_go(held, wanted)
        blocked = False
        for number, (program, port) in wanted.items():
            if number not in held:
                try:
                    held[number] = Listener(program, port)
                except OSError as fault:
                    self._report(key, port, fault)
                    blocked = True
        if not blocked:
            self._taken = {taken for taken in self._taken if taken[0] != key}
        ready = service is not None and has_ready_endpoint(self._cluster, key[1], key[2])
        for listener in held.values():
            await (listener.open() if ready else listener.close())
        if not held:
            del self._listeners[key]
        return RETRY if blocked else None

    def _report(self, key: Key, port: int, fault: OSError) -> None:
        if (key, port) not in self._taken:
            self._taken.add((key, port))
            log.warning("port not available", service=key, port=port, error=str(fault))

    def backend(self, namespace: str, service: str, port: str) -> str | None:
        """The base URL behind a Service's port, or None when nobody answers."""
        held = self._listeners.get(("services", namespace, service), {})
        listener = held.get(int(port)) if port.isdecimal() else None
        return listener.url if listener is not None and listener.answers else None

    async def release(self) -> None:
        """Close everything and give every port back."""
        for held in self._listeners.values():
            for listener in held.values():
                await listener.release()
        self._listeners.clear()

    def _wanted(self, service: JSON) -> Iterable[tuple[int, tuple[Application, int]]]:
        """(port of the Service, (program, loopback port or 0 for any))."""
        for port in dig(service, "spec", "ports", default=[]):
            program = self._programs(service, port)
            if program is not None:
                yield port["port"], (program, port.get("nodePort", 0))

    @staticmethod
    async def _let_go(
        held: dict[int, Listener], wanted: Mapping[int, tuple[Application, int]]
    ) -> None:
        """Release what is not wanted, or wanted on another port."""
        for number, listener in list(held.items()):
            if number not in wanted or wanted[number][1] not in (0, listener.port):
                await held.pop(number).release()
