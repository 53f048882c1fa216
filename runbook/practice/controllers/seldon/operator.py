"""The operator's process: whether it runs, what it prints, and when it goes through everything anew.

Rule 1: it acts only while one of its pods leads; cut off, it changes nothing, so what it wrote last
stays. Another pod that takes over is a process that has just started. Rule 2: when it starts, or a
scheduler starts, it replays servers, experiments and models, in that order. Rule 3: for each namespace it dials `seldon-scheduler.NAMESPACE`, whatever that name
means at that moment, and keeps the connection while both live. Rule 4: it reacts to new generations and deletions, not to edited metadata.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.dns import Unreachable
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    key_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.seldon.names import (
    EXPERIMENTS,
    MODELS,
    OPERATOR_CONTAINER,
    OPERATOR_DEPLOYMENT,
    OPERATOR_NAMESPACE,
    OPERATOR_PORT,
    SCHEDULER,
    SERVERS,
)
from runbook.practice.controllers.seldon.processes import Process, Schedulers, is_serving
from runbook.practice.controllers.seldon.scheduler import Instruction, News
from runbook.practice.controllers.seldon.wording import operator_line, unavailable

CONNECT_AFTER = 3.0  # from a scheduler's readiness to the operator's new connection
FIRST_RETRY = 0.2
LAST_RETRY = 60.0
RECONCILE_LIMIT = 300.0  # after which a call that never got through is written down


class Replayed(Protocol):
    """A controller of the operator, as the operator drives it."""

    def replay(self, namespace: str | None) -> None:
        """Look at every object (of one namespace) again."""
        ...

    def hear(self, namespace: str, news: News, experiments: Iterable[str]) -> None:
        """An event arrived from the scheduler that is asked about this namespace."""
        ...


class Operator:
    """Also a controller itself: over its own pods."""

    def __init__(self, cluster: Cluster, schedulers: Schedulers, logs: PodLogs) -> None:
        self._cluster = cluster
        self._schedulers = schedulers
        self._logs = logs
        self._parts: list[Replayed] = []
        self._connections: dict[str, Process] = {}  # namespace -> the scheduler dialled for it
        self._leader = ""  # the uid of the pod whose process this is
        schedulers.add_listener(self)

    def add(self, part: Replayed) -> None:
        """In the order in which they are replayed."""
        self._parts.append(part)

    @property
    def available(self) -> bool:
        return self._pod() is not None

    def _pod(self) -> JSON | None:
        """The pod that leads: the one that did, as long as it serves, else any other that does."""
        pods = [
            pod for pod in self._cluster.select("pods", OPERATOR_NAMESPACE) if _is_operator(pod)
        ]
        serving = [pod for pod in pods if is_serving(pod)]
        return next((pod for pod in serving if uid_of(pod) == self._leader), None) or next(
            iter(serving), None
        )

    def reach(self, namespace: str) -> Process | None:
        """The scheduler the operator talks to about this namespace."""
        try:
            return self._connection(namespace)
        except Unreachable:
            return None

    def publish(self, process: Process) -> None:
        self._schedulers.publish(process.namespace)

    def dial_error(self, namespace: str) -> str:
        """Why a call to the namespace's scheduler does not get through; empty when it does."""
        try:
            self._connection(namespace)
        except Unreachable as error:
            return unavailable(str(error))
        return ""

    def _connection(self, namespace: str) -> Process:
        standing = self._connections.get(namespace)
        if standing is not None and self._schedulers.lives(standing):
            return standing
        pod = self._pod()
        if pod is None:
            raise Unreachable("the operator does not run")
        found = self._schedulers.dial(pod, f"{SCHEDULER}.{namespace}", OPERATOR_PORT)
        self._connections[namespace] = found
        return found

    def log(self, logger: str, message: str, *, level: str = "info", **fields: object) -> None:
        line = operator_line(self._cluster.timeline.now(), logger, message, level=level, **fields)
        pod = self._pod()
        if pod is not None:
            self._logs.append(OPERATOR_NAMESPACE, name_of(pod), OPERATOR_CONTAINER, line)

    # -- the controller --------------------------------------------------------------------------

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {"pods": lambda pod: [key_of("pods", pod)] if _is_operator(pod) else []}

    async def reconcile(self, key: Key) -> float | None:
        """Notice the process coming and going."""
        pod = self._pod()
        leader = uid_of(pod) if pod is not None else ""
        if leader and leader != self._leader:
            self._leader = leader
            self._connections.clear()
            self.log("setup", "starting manager")
            self._replay(None)
        return None

    def _replay(self, namespace: str | None) -> None:
        for part in self._parts:
            part.replay(namespace)

    # -- what schedulers tell --------------------------------------------------------------------

    def scheduler_started(self, namespace: str) -> None:
        async def connect() -> None:
            if not self.available:
                return
            for asked in self._namespaces(namespace):
                process = self.reach(asked)
                if process is not None and process.namespace == namespace:
                    self.log("schedulerClient", "Subscribed to scheduler", namespace=asked)
                    self._replay(asked)

        self._cluster.timeline.after(CONNECT_AFTER, connect)

    def scheduler_stopped(self, namespace: str) -> None:
        for asked, process in list(self._connections.items()):
            if process.namespace == namespace:
                del self._connections[asked]
                self.log("schedulerClient", "Scheduler not ready", level="error", namespace=asked)

    def scheduler_news(self, process: Process, news: News, experiments: Iterable[str]) -> None:
        for asked, connected in list(self._connections.items()):
            if connected == process:
                for part in self._parts:
                    part.hear(asked, news, experiments)

    def _namespaces(self, first: str) -> list[str]:
        """Where there is anything to tell a scheduler about, and one more."""
        kinds = (SERVERS, MODELS, EXPERIMENTS)
        objects = (obj for kind in kinds for obj in self._cluster.select(kind))
        return sorted({first, *(str(namespace_of(obj)) for obj in objects)})

    def scheduler_instructs(self, process: Process, instruction: Instruction) -> None:
        """Agents' business."""


class Retries:
    """Calls that do not get through: since when, and when to try again."""

    def __init__(self, cluster: Cluster) -> None:
        self._timeline = cluster.timeline
        self._failed: dict[str, tuple[float, int]] = {}  # uid -> since, attempts

    def next_delay(self, uid: str) -> float:
        since, attempts = self._failed.get(uid, (self._timeline.elapsed(), 0))
        self._failed[uid] = (since, attempts + 1)
        delay: float = min(LAST_RETRY, FIRST_RETRY * 2.0 ** min(attempts, 16))
        return delay

    def exhausted(self, uid: str) -> bool:
        """Whether one reconcile's time is over, so that the error becomes visible."""
        since, _ = self._failed.get(uid, (self._timeline.elapsed(), 0))
        return self._timeline.elapsed() - since >= RECONCILE_LIMIT

    def clear(self, uid: str) -> None:
        self._failed.pop(uid, None)


def is_news(change: Change) -> bool:
    """Rule 4: whether the operator reacts to this change of one of its objects."""
    if change.type != "MODIFIED" or change.old is None:
        return True
    before, after = change.old["metadata"], change.new["metadata"]
    return (
        before.get("generation") != after.get("generation")
        or before["uid"] != after["uid"]
        or ("deletionTimestamp" in after) != ("deletionTimestamp" in before)
    )


def _is_operator(pod: JSON) -> bool:
    mine = name_of(pod).startswith(f"{OPERATOR_DEPLOYMENT}-")
    return mine and namespace_of(pod) == OPERATOR_NAMESPACE
