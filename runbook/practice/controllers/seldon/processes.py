"""The scheduler processes: one per namespace, living exactly while its pod is Ready and not terminating.

Rule 1: what a scheduler knows lies on its volume; a new pod on the same claim remembers it, a new
claim starts empty. Rule 2: nobody hears of news that happened while the process was down. Rule 3:
who talks to a scheduler has dialled it, by a name; which namespace it is in tells nothing.
Who wants to hear of a scheduler registers as a `Listener`; the process knows none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    has_condition,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.seldon.experiment_book import ExperimentBook
from runbook.practice.controllers.seldon.hosts import dial
from runbook.practice.controllers.seldon.names import (
    NAME_LABEL,
    SCHEDULER,
    SCHEDULER_CONTAINER,
    SCHEDULER_POD,
    SCHEDULER_STATE_CLAIM,
)
from runbook.practice.controllers.seldon.scheduler import Instruction, News, Scheduler
from runbook.practice.controllers.seldon.wording import logrus_line


class Mind:
    """What one scheduler volume holds."""

    def __init__(self) -> None:
        self.scheduler = Scheduler()
        self.book = ExperimentBook(self.scheduler.is_available)


@dataclass(frozen=True, slots=True)
class Process:
    """A running scheduler."""

    namespace: str
    pod_uid: str
    mind: Mind = field(repr=False)

    @property
    def scheduler(self) -> Scheduler:
        return self.mind.scheduler

    @property
    def book(self) -> ExperimentBook:
        return self.mind.book


class Listener(Protocol):
    """Told at once, inside the call that made it so: note it, queue a key, do not act."""

    def scheduler_started(self, namespace: str) -> None: ...

    def scheduler_stopped(self, namespace: str) -> None: ...

    def scheduler_news(self, process: Process, news: News, experiments: Iterable[str]) -> None: ...

    def scheduler_instructs(self, process: Process, instruction: Instruction) -> None: ...


class Schedulers:
    """A controller over the schedulers' pods."""

    def __init__(self, cluster: Cluster, logs: PodLogs) -> None:
        self._cluster = cluster
        self._logs = logs
        self._listeners: list[Listener] = []
        self._minds: dict[str, Mind] = {}
        self._running: dict[str, Process] = {}

    def add_listener(self, listener: Listener) -> None:
        self._listeners.append(listener)

    # -- asked -----------------------------------------------------------------------------------

    def serving(self, namespace: str) -> Process | None:
        """The scheduler of a namespace, if it would answer a call right now."""
        process = self._running.get(namespace)
        pod = self._cluster.get("pods", namespace, SCHEDULER_POD)
        alive = process is not None and pod is not None and uid_of(pod) == process.pod_uid
        return process if alive and pod is not None and is_serving(pod) else None

    def namespaces(self) -> list[str]:
        """Where a scheduler runs."""
        return sorted(self._running)

    def lives(self, process: Process) -> bool:
        """Whether this very process would answer a call right now."""
        return self.serving(process.namespace) == process

    def dial(self, pod: JSON, host: str, port: int) -> Process:
        """The scheduler a pod reaches under a host name. Raises Unreachable."""
        for found in dial(self._cluster, pod, host, port):
            process = self.serving(str(namespace_of(found)))
            if process is not None and process.pod_uid == uid_of(found):
                return process
        raise Unreachable(f"dial tcp {host}:{port}: connect: connection refused")

    # -- the controller --------------------------------------------------------------------------

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {"pods": _keys_of_pod}

    async def reconcile(self, key: Key) -> float | None:
        _, namespace, name = key
        if namespace is None:
            return None
        if name == SCHEDULER_POD:
            self._follow_pod(namespace)
        self.publish(namespace)
        return None

    def publish(self, namespace: str) -> None:
        """Pass on everything the scheduler has to say. To be called after every message to it."""
        process = self.serving(namespace)
        if process is None:
            return
        scheduler = process.scheduler
        news, scheduler.news = scheduler.news, News()
        instructions, scheduler.outbox = scheduler.outbox, []
        experiments = sorted({e for model in news.models for e in process.book.involving(model)})
        for listener in self._listeners:
            for instruction in instructions:
                listener.scheduler_instructs(process, instruction)
            if news.models or news.servers:
                listener.scheduler_news(process, news, experiments)

    def log(self, namespace: str, message: str, *, level: str = "info", **fields: object) -> None:
        line = logrus_line(self._cluster.timeline.now(), message, level=level, **fields)
        self._logs.append(namespace, SCHEDULER_POD, SCHEDULER_CONTAINER, line)

    def _follow_pod(self, namespace: str) -> None:
        pod = self._cluster.get("pods", namespace, SCHEDULER_POD)
        alive = pod is not None and is_serving(pod)
        running = self._running.get(namespace)
        if running is not None and (pod is None or not alive or uid_of(pod) != running.pod_uid):
            del self._running[namespace]
            for listener in self._listeners:
                listener.scheduler_stopped(namespace)
            running = None
        if running is None and pod is not None and alive:
            self._running[namespace] = Process(namespace, uid_of(pod), self._mind(namespace, pod))
            self.log(namespace, "Scheduler server ready", source="main")
            for listener in self._listeners:
                listener.scheduler_started(namespace)

    def _mind(self, namespace: str, pod: JSON) -> Mind:
        claim_name = f"{SCHEDULER_STATE_CLAIM}-{SCHEDULER_POD}"
        claim = self._cluster.get("persistentvolumeclaims", namespace, claim_name)
        volume = uid_of(claim) if claim is not None else uid_of(pod)
        if volume in self._minds:
            self._minds[volume].scheduler.restart()
        for forgotten in [v for v in self._minds if v != volume and not self._cluster.exists(v)]:
            del self._minds[forgotten]
        return self._minds.setdefault(volume, Mind())


def is_serving(pod: JSON) -> bool:
    """Ready, and not told to stop."""
    return has_condition(pod, "Ready") and not being_deleted(pod)


def _keys_of_pod(pod: JSON) -> Iterable[Key]:
    if name_of(pod) == SCHEDULER_POD or labels_of(pod).get(NAME_LABEL) == SCHEDULER:
        return [key_of("pods", pod)]
    return []
