"""Envoy's pods: each follows the scheduler it has an open stream to, and carries requests by its routes.

Rule 1: a stream is opened to whatever the name `seldon-scheduler` means at that moment, and stays as
long as both live, whatever the name means later. Rule 2: without a stream an envoy keeps the routes
it was told last; a new one has none. Rule 3: requests are shared out among a namespace's envoys.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.network import end_of
from runbook.practice.controllers.objects import key_of, labels_of, name_of, namespace_of, uid_of
from runbook.practice.controllers.seldon import routes
from runbook.practice.controllers.seldon.names import ENVOY, NAME_LABEL, SCHEDULER, XDS_PORT
from runbook.practice.controllers.seldon.processes import Process, Schedulers, is_serving
from runbook.practice.controllers.seldon.routes import Route, RouteTable, Target
from runbook.practice.controllers.seldon.scheduler import Instruction, News

RETRY = 5.0  # seconds between two attempts to reach a scheduler


@dataclass(slots=True)
class Envoy:
    """One running envoy."""

    key: Key
    pod_uid: str
    stream: Process | None = None
    told: dict[str, Route] | None = field(default=None, repr=False)  # when the stream ended


class Envoys:
    """A controller over envoy's pods."""

    def __init__(self, cluster: Cluster, controllers: Controllers, schedulers: Schedulers) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._schedulers = schedulers
        self._envoys: dict[Key, Envoy] = {}
        self._turns: dict[str, int] = {}
        schedulers.add_listener(self)

    # -- asked -----------------------------------------------------------------------------------

    def table(self, namespace: str, pod: str) -> RouteTable | None:
        """What this envoy would do; None when it does not run, or was never told."""
        envoy = self._envoys.get(("pods", namespace, pod))
        if envoy is None:
            return None
        return _table(envoy.stream) if envoy.stream is not None else envoy.told

    def route(self, namespace: str, name: str) -> Route | None:
        """The route the next request with this value of `seldon-model` finds."""
        pods = sorted(map(name_of, self._serving(namespace)))
        if not pods:
            return None
        turn = self._turns[namespace] = self._turns.get(namespace, -1) + 1
        table = self.table(namespace, pods[turn % len(pods)])
        return table.get(name) if table is not None else None

    def healthy(self, target: Target) -> bool:
        """Whether a pod behind this target would answer."""
        pods = (self._cluster.get("pods", *place) for place in target.pods)
        return any(pod is not None and is_serving(pod) for pod in pods)

    def _serving(self, namespace: str) -> list[JSON]:
        pods = self._cluster.select("pods", namespace, {NAME_LABEL: ENVOY})
        return [pod for pod in pods if is_serving(pod)]

    # -- the controller --------------------------------------------------------------------------

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {"pods": _keys_of_pod}

    async def reconcile(self, key: Key) -> float | None:
        pod = self._cluster.get(*key)
        envoy = self._envoys.get(key)
        if pod is None or not is_serving(pod):
            self._envoys.pop(key, None)
            return None
        if envoy is None or envoy.pod_uid != uid_of(pod):
            envoy = self._envoys[key] = Envoy(key, uid_of(pod))
        if envoy.stream is not None:
            return None
        try:
            envoy.stream = self._schedulers.dial(pod, SCHEDULER, XDS_PORT)
        except Unreachable:
            return RETRY
        node, scheduler = f"{name_of(pod)}.{namespace_of(pod)}", envoy.stream.namespace
        address = end_of(pod).address
        self._schedulers.log(scheduler, "xDS stream opened", node=node, address=address)
        count = len(_table(envoy.stream))
        self._schedulers.log(scheduler, "Routes sent", node=node, count=count)
        return None

    # -- what schedulers tell --------------------------------------------------------------------

    def scheduler_started(self, namespace: str) -> None:
        for envoy in self._envoys.values():
            if envoy.stream is None:
                self._controllers.queue(self, envoy.key)

    def scheduler_stopped(self, namespace: str) -> None:
        for envoy in self._envoys.values():
            if envoy.stream is not None and envoy.stream.namespace == namespace:
                envoy.told, envoy.stream = _table(envoy.stream), None
                self._controllers.queue(self, envoy.key)

    def scheduler_news(self, process: Process, news: News, experiments: Iterable[str]) -> None:
        """Nothing to do: the routes are computed when a request comes."""

    def scheduler_instructs(self, process: Process, instruction: Instruction) -> None:
        """Agents' business."""


def _table(process: Process) -> dict[str, Route]:
    scheduler = process.scheduler
    return routes.compute(scheduler.models.values(), process.book, scheduler.servers)


def _keys_of_pod(pod: JSON) -> list[Key]:
    return [key_of("pods", pod)] if labels_of(pod).get(NAME_LABEL) == ENVOY else []
