"""The work queue that all controllers share: a change queues a key, a key is reconciled once.

Rule 1: level, not edge. A controller is told *what* to look at, never what happened; keys that wait
are queued once, however many changes named them.
Rule 2: one reconcile at a time, each in its own callback of the timeline, in the order of arrival.
Rule 3: nothing is lost. A reconcile that fails is tried again with a growing delay; races with other
writers (Conflict, NotFound, AlreadyExists) are everyday life, anything else is logged as well.
It knows no kind of object and no rule about any.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

import structlog

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.timeline import Timer

Key = tuple[str, str | None, str]  # resource, namespace, name
KeysOf = Callable[[JSON], Iterable[Key]]

EVERYDAY_REFUSALS = frozenset({"Conflict", "NotFound", "AlreadyExists"})
FIRST_RETRY = 0.05  # seconds; doubled with every failure in a row
LAST_RETRY = 60.0
RUNS_REMEMBERED = 4096  # moments kept before the stale ones are dropped
SHORTEST_DELAY = 0.001  # less may not move a floating-point clock at all, and then never ends

log = structlog.get_logger(__name__)


class Controller(Protocol):
    """Watches resources, and brings one object at a time to where it should be."""

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        """Resource -> the keys to look at when an object of it was added, changed or deleted."""
        ...

    async def reconcile(self, key: Key) -> float | None:
        """Act on the present state; return the seconds after which to look again, or None."""
        ...


@runtime_checkable
class Observer(Protocol):
    """A controller that needs whole changes, of every resource, to know what to look at."""

    def observe(self, change: Change) -> Iterable[Key]: ...


@dataclass(slots=True)
class Work:
    """What the queue remembers of one key of one controller."""

    failures: int = 0
    timer: Timer | None = field(default=None)


class Controllers:
    """The controllers of one cluster and the queue that drives them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._timeline = cluster.timeline
        self._controllers: list[Controller] = []
        self._watchers: dict[str, list[tuple[Controller, KeysOf]]] = {}
        self._observers: list[tuple[Controller, Observer]] = []
        self._ready: OrderedDict[tuple[int, Key], Controller] = OrderedDict()
        self._work: dict[tuple[int, Key], Work] = {}
        self._intervals: dict[int, float] = {}
        self._last_run: dict[tuple[int, Key], float] = {}
        self._draining = False
        cluster.subscribe(self._note)

    def add(self, controller: Controller, *, at_most_every: float = 0.0) -> None:
        """Start a controller: it first sees every object that already exists.

        One that looks at many objects to answer for one takes changes in batches: it is asked about
        a key at most once in so many seconds.
        """
        self._controllers.append(controller)
        if at_most_every > 0:
            self._intervals[id(controller)] = at_most_every
        for resource, keys_of in controller.watches.items():
            self._watchers.setdefault(resource, []).append((controller, keys_of))
            for obj in self._cluster.select(resource):
                self._queue_all(controller, keys_of(obj))
        if isinstance(controller, Observer):
            self._observers.append((controller, controller))

    def queue(self, controller: Controller, key: Key, *, after: float = 0.0) -> None:
        """Have a key looked at, now or later: for what no object's change tells."""
        if after > 0:
            self._look_again((id(controller), key), controller, after)
        else:
            self._queue_all(controller, (key,))

    @property
    def idle(self) -> bool:
        """Whether nothing waits to be reconciled right now."""
        return not self._ready

    def _note(self, change: Change) -> None:
        for controller, keys_of in self._watchers.get(change.resource, ()):
            self._queue_all(controller, keys_of(change.new))
            if change.old is not None:
                # An object that left a selector or an owner still concerns the one it left.
                self._queue_all(controller, keys_of(change.old))
        for controller, observer in self._observers:
            self._queue_all(controller, observer.observe(change))

    def _queue_all(self, controller: Controller, keys: Iterable[Key]) -> None:
        for key in keys:
            slot = (id(controller), key)
            early = self._too_early(slot)
            if early > 0:
                self._look_again(slot, controller, early)
            else:
                self._ready.setdefault(slot, controller)
        if self._ready:
            self._wake()

    def _too_early(self, slot: tuple[int, Key]) -> float:
        """Seconds for which changes of this key are still collected."""
        interval = self._intervals.get(slot[0], 0.0)
        if not interval or slot not in self._last_run:
            return 0.0
        return self._last_run[slot] + interval - self._timeline.elapsed()

    def _remember_run(self, slot: tuple[int, Key]) -> None:
        """When a batching controller was asked last; what is too long ago to matter is forgotten."""
        interval = self._intervals.get(slot[0], 0.0)
        if not interval:
            return
        now = self._timeline.elapsed()
        if len(self._last_run) >= RUNS_REMEMBERED:
            recent = {one: at for one, at in self._last_run.items() if at + interval > now}
            self._last_run = recent
        self._last_run[slot] = now

    def _wake(self) -> None:
        if not self._draining:
            self._draining = True
            self._timeline.after(0, self._drain)

    async def _drain(self) -> None:
        """Reconcile the oldest key; the next one gets a callback of its own."""
        if self._ready:
            slot, controller = self._ready.popitem(last=False)
            await self._reconcile(slot, controller)
        self._draining = False
        if self._ready:
            self._wake()

    async def _reconcile(self, slot: tuple[int, Key], controller: Controller) -> None:
        key = slot[1]
        self._remember_run(slot)
        work = self._work.pop(slot, None) or Work()
        if work.timer is not None:
            work.timer.cancel()  # what is decided now replaces what was planned before
        try:
            again = await controller.reconcile(key)
        except ApiError as refusal:
            if refusal.reason not in EVERYDAY_REFUSALS:
                log.warning(
                    "reconcile refused", controller=_name(controller), key=key, error=str(refusal)
                )
            self._retry(slot, controller, work.failures)
        except Exception:
            # One controller's bug must not stop the others.
            log.exception("reconcile failed", controller=_name(controller), key=key)
            self._retry(slot, controller, work.failures)
        else:
            if again is not None:
                self._look_again(slot, controller, again)

    def _retry(self, slot: tuple[int, Key], controller: Controller, failures: int) -> None:
        delay = min(LAST_RETRY, FIRST_RETRY * 2 ** min(failures, 30))
        self._look_again(slot, controller, delay, failures=failures + 1)

    def _look_again(
        self, slot: tuple[int, Key], controller: Controller, delay: float, *, failures: int = 0
    ) -> None:
        """Plan a look; the sooner of two plans holds, so that no change waits for a later one."""

        async def come_back() -> None:
            self._ready.setdefault(slot, controller)
            self._wake()

        due = self._timeline.elapsed() + max(SHORTEST_DELAY, delay)
        planned = self._work.get(slot)
        if planned is not None and planned.timer is not None:
            failures = max(failures, planned.failures)
            if planned.timer.due <= due:
                planned.failures = failures
                return
            planned.timer.cancel()
        timer = self._timeline.after(max(SHORTEST_DELAY, delay), come_back)
        self._work[slot] = Work(failures, timer)


def _name(controller: Controller) -> str:
    return type(controller).__name__
