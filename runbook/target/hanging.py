"""The feed of rows, and of what hangs in it by Seldon's finalizers: whether that may be released now.

The same look and the same decision as `runbook release-finalizers`, made anew every few seconds while
something hangs. When nobody answers there is no decision, rather than an old one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace

from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.target.client import ClusterClient
from runbook.target.finalizers import ORDER, decide_all
from runbook.target.rows import Decisions, ObjectRow, RowKey
from runbook.target.sight import look
from runbook.target.watch import Feed, FeedBatch

AGAIN = 2.0
"""Seconds between two looks at namespaces in which something hangs."""


class HangingFeed:
    """A `Feed` whose batches also bring decisions. A batch without any leaves those before it."""

    def __init__(
        self,
        client: ClusterClient,
        resources: Iterable[str],
        namespaces: Iterable[str],
        clock: Clock,
    ) -> None:
        self._client = client
        self._clock = clock
        self._feed = Feed(client, resources, namespaces, clock)
        self._hanging: set[RowKey] = set()
        self._some = asyncio.Event()
        self._last = FeedBatch((), ())

    async def run(self, on_batch: Callable[[FeedBatch], None]) -> None:
        """Go on until cancelled."""

        def take(batch: FeedBatch) -> None:
            self._last = batch
            self._note(batch)
            on_batch(batch)

        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._feed.run(take))
            tasks.create_task(self._judge(on_batch))

    def _note(self, batch: FeedBatch) -> None:
        for key, row in batch.changes:
            held = isinstance(row, ObjectRow) and row.deleting_since is not None
            if held and isinstance(row, ObjectRow) and set(row.finalizers) & set(ORDER):
                self._hanging.add(key)
            else:
                self._hanging.discard(key)
        if self._hanging:
            self._some.set()

    async def _judge(self, on_batch: Callable[[FeedBatch], None]) -> None:
        told: Decisions = {}
        while True:
            await self._some.wait()
            self._some.clear()
            found = await self._decisions()
            if found != told:
                told = found
                on_batch(replace(self._last, changes=(), decisions=found))
            await self._clock.sleep(AGAIN)
            if self._hanging or told:
                self._some.set()

    async def _decisions(self) -> Decisions:
        found: Decisions = {}
        for namespace in sorted({key.namespace for key in self._hanging}):
            try:
                sight = await look(self._client, namespace, self._clock)
            except RunbookError:
                continue  # the feed's own state says since when nobody answers
            for one in decide_all(sight):
                key = RowKey(one.held.resource, namespace, one.held.name)
                found.setdefault(key, {})[one.finalizer] = one.decision
        return found
