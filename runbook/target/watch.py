"""Lists and watches resources for as long as it is wanted, and tells what changed, as rows.

Nothing here ends the feed: a server that goes away is asked again for ever, with pauses of 1 to 15
seconds, while the last rows stay and their state says since when they are old. A watch on which
nothing comes proves nothing, since a server that hangs, or has lost its storage, keeps it open: so a
question that its storage must answer is asked every few seconds besides. A kind that the
cluster does not serve is an empty list and is looked for again slowly, since a rebuild may install
it. Changes are gathered and handed over at most ten times a second, the latest of each object only,
so a storm of events costs the screen ten repaints.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import aclosing
from dataclasses import dataclass, replace
from datetime import timedelta

from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.target.api import JSON, ApiStatusError, ResourceRef, UnknownResource
from runbook.target.client import ClusterClient
from runbook.target.identity import WHO
from runbook.target.rows import Decisions, FeedState, Row, RowKey, by_our_clock, make_row

BATCH_INTERVAL = 0.1
SHORTEST_RETRY = 1.0
LONGEST_RETRY = 15.0
PULSE = 5.0
"""Seconds between two questions whether anybody answers, and the patience with each."""
EXPIRED = 410


@dataclass(frozen=True, slots=True)
class FeedBatch:
    """What changed since the last batch; a row of None means the object is gone."""

    changes: tuple[tuple[RowKey, Row | None], ...]
    states: tuple[tuple[str, FeedState], ...]
    """Every watched resource with its state, as it is now."""
    decisions: Decisions | None = None
    """About all that hangs; None when nothing is said about that."""


class Feed:
    """Watches `resources` (`pods`, `models.mlops.seldon.io`, …) in some namespaces; without any, in all."""

    def __init__(
        self,
        client: ClusterClient,
        resources: Iterable[str],
        namespaces: Iterable[str],
        clock: Clock,
    ) -> None:
        self._client = client
        self._clock = clock
        self._namespaces = tuple(namespaces)
        self._changes: dict[RowKey, Row | None] = {}
        self._answered = clock.now()
        self._silence: FeedState | None = None
        self._dirty = asyncio.Event()
        self._sources = [
            _Source(resource, namespace, self._first_state())
            for resource in resources
            for namespace in self._split(resource)
        ]

    async def run(self, on_batch: Callable[[FeedBatch], None]) -> None:
        """Go on until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for source in self._sources:
                tasks.create_task(self._keep(source))
            tasks.create_task(self._hand_over(on_batch))
            tasks.create_task(self._feel_pulse())

    def _split(self, resource: str) -> tuple[str | None, ...]:
        # Namespaces themselves are picked from one list of all.
        if not self._namespaces or resource == "namespaces":
            return (None,)
        return self._namespaces

    def _first_state(self) -> FeedState:
        return FeedState(False, self._clock.now(), None, "connecting")

    async def _hand_over(self, on_batch: Callable[[FeedBatch], None]) -> None:
        while True:
            await self._dirty.wait()
            self._dirty.clear()
            changes, self._changes = self._changes, {}
            on_batch(FeedBatch(tuple(changes.items()), self._states()))
            await self._clock.sleep(BATCH_INTERVAL)

    def _states(self) -> tuple[tuple[str, FeedState], ...]:
        """One state for each resource: live only when it is live in every namespace."""
        states: dict[str, FeedState] = {}
        for source in self._sources:
            known, state = states.get(source.name), source.state
            if state.connected and self._silence is not None:
                state = self._silence
            if known is None or (known.connected and not state.connected):
                states[source.name] = state
        return tuple(states.items())

    async def _feel_pulse(self) -> None:
        """Ask again and again who the cluster is, and note since when it does not say."""
        while True:
            await self._clock.sleep(PULSE)
            before = self._silence
            try:
                await self._client.get(WHO, timeout=PULSE)
            except RunbookError as error:
                self._silence = None if _is_answer(error) else self._silent(error.message)
            else:
                self._silence = None
            if self._silence is None:
                self._answered = self._clock.now()
            if self._silence != before:
                self._dirty.set()

    def _silent(self, message: str) -> FeedState:
        retry_at = self._clock.now() + timedelta(seconds=PULSE)
        return FeedState(False, self._answered, retry_at, message)

    async def _keep(self, source: _Source) -> None:
        retry = SHORTEST_RETRY
        while True:
            try:
                resource = await self._client.resolve(source.name)
                async for _ in self._follow(source, resource):
                    retry = SHORTEST_RETRY
                    self._set_state(source, connected=True, message="")
            except UnknownResource as error:
                retry = self._nothing_there(source, error.message)
            except ApiStatusError as error:
                if error.code == EXPIRED:
                    retry = SHORTEST_RETRY
                elif error.code == 404:
                    retry = self._nothing_there(source, error.message)
                else:
                    retry = max(retry, min(error.retry_after or 0.0, LONGEST_RETRY))
                    self._lost(source, retry, error.message)
            except RunbookError as error:
                # Unreachable, or credentials that cannot be read now: both may be mended meanwhile.
                self._lost(source, retry, error.message)
            await self._clock.sleep(retry)
            retry = min(retry * 2, LONGEST_RETRY)

    async def _follow(self, source: _Source, resource: ResourceRef) -> AsyncIterator[None]:
        """List once, then watch window after window; yields at each proof that the line is live."""
        version = await self._list(source, resource)
        yield
        while True:
            opened = self._clock.monotonic()
            events = self._client.watch(resource, source.namespace, resource_version=version)
            async with aclosing(events):
                async for event in events:
                    version = self._take(source, resource, event) or version
            yield
            if self._clock.monotonic() - opened < SHORTEST_RETRY:
                # A server that ends every window at once would keep us spinning.
                await self._clock.sleep(SHORTEST_RETRY)

    async def _list(self, source: _Source, resource: ResourceRef) -> str:
        listed: set[RowKey] = set()
        version = ""
        async for page in self._client.pages(resource, source.namespace):
            for item in page.items:
                if (key := self._key(resource, item)) is not None:
                    listed.add(key)
                    self._put(source, key, self._row(resource, item))
            version = page.resource_version
        for key in source.known - listed:
            self._put(source, key, None)
        return version

    def _take(self, source: _Source, resource: ResourceRef, event: JSON) -> str | None:
        item = event.get("object") or {}
        version = (item.get("metadata") or {}).get("resourceVersion")
        if event.get("type") != "BOOKMARK" and (key := self._key(resource, item)) is not None:
            gone = event.get("type") == "DELETED"
            self._put(source, key, None if gone else self._row(resource, item))
        return str(version) if version else None

    def _row(self, resource: ResourceRef, item: JSON) -> Row:
        return by_our_clock(make_row(resource.kind, item), self._client.clock_ahead)

    def _key(self, resource: ResourceRef, item: JSON) -> RowKey | None:
        metadata = item.get("metadata") or {}
        name = str(metadata.get("name", ""))
        if resource.kind == "Namespace" and self._namespaces and name not in self._namespaces:
            return None
        return RowKey(resource.name, str(metadata.get("namespace", "")), name)

    def _put(self, source: _Source, key: RowKey, row: Row | None) -> None:
        if row is None:
            source.known.discard(key)
        else:
            source.known.add(key)
        self._changes[key] = row
        self._dirty.set()

    def _nothing_there(self, source: _Source, message: str) -> float:
        """An empty list, and how long to wait before it is asked for again."""
        for key in tuple(source.known):
            self._put(source, key, None)
        self._set_state(source, connected=True, message=message)
        return LONGEST_RETRY

    def _lost(self, source: _Source, retry: float, message: str) -> None:
        self._set_state(source, connected=False, message=message)
        at = self._clock.now() + timedelta(seconds=retry)
        source.state = replace(source.state, retry_at=at)

    def _set_state(self, source: _Source, *, connected: bool, message: str) -> None:
        before = source.state
        since = before.since if before.connected == connected else self._clock.now()
        source.state = FeedState(connected, since, None, message)
        if source.state != before:
            self._dirty.set()


def _is_answer(error: RunbookError) -> bool:
    """Whether it comes from a server that is well and knows us, whatever it allows us to see."""
    return isinstance(error, ApiStatusError) and error.code < 500 and error.code != 401


class _Source:
    """One watched list: a resource in one namespace or in all."""

    def __init__(self, name: str, namespace: str | None, state: FeedState) -> None:
        self.name = name
        self.namespace = namespace
        self.state = state
        self.known: set[RowKey] = set()
