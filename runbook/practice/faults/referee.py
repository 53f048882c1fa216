"""One fault at a time: injected into a healthy platform, looked at, and judged.

    every 10 s while a fault is in place   penalties are looked for, and the check is asked
    two good answers 10 s apart            solved, for good
    a penalty seen once                    kept, whatever happens later

What was remembered at the injection and how a check comes to its answer stay here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from runbook.practice import health
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.cluster import JSON
from runbook.practice.faults.bench import Bench
from runbook.practice.faults.case import Case, Deletions, NewestModel, Reader
from runbook.practice.faults.fault import Fault
from runbook.practice.faults.places import resource_of

BETWEEN = 10.0  # simulated seconds between two looks, and between the two that must agree


class NotNow(Exception):
    """What was asked for cannot be done; the text says why and what can be."""


@dataclass(slots=True)
class Injected:
    """The fault that is in place, and how far its repair has come."""

    fault: Fault
    bench: Bench
    case: Case
    at: datetime
    began: float
    wrong: str = "the fault is still developing"
    good_since: float | None = None
    solved_after: float | None = None
    penalties: list[str] = field(default_factory=list)
    hints: int = 0


class Referee:
    """Asked by the desk, driven by the cluster's own time."""

    def __init__(
        self,
        api: ApiServer,
        faults: Mapping[str, Fault],
        *,
        documents: Callable[[], Sequence[JSON]],
        newest_model: NewestModel,
        chance: Random,
    ) -> None:
        self._api = api
        self._faults = faults
        self._documents = documents
        self._newest_model = newest_model
        self._chance = chance
        self._deletions = Deletions(api)
        self.injected: Injected | None = None

    async def inject(self, name: str) -> None:
        """Break a healthy platform. Raises NotNow, or KeyError for a name that is not known."""
        fault = self._faults[name]
        if self.injected is not None and self.injected.solved_after is None:
            raise NotNow(f"{self.injected.fault.name} is in place and not solved; reset first")
        if wrong := self._not_healthy():
            raise NotNow(f"the platform is not healthy ({wrong}); reset first")
        self._deletions.forget()
        bench = Bench(self._api, self._documents(), self._chance)
        timeline = self._api.timeline
        reader = Reader(self._api)
        case = Case(reader, self._deletions, self._newest_model, timeline.elapsed, bench.memory)
        await fault.inject(bench)
        injected = Injected(fault, bench, case, timeline.now(), timeline.elapsed())
        self.injected = injected
        self._look_later(injected)

    async def look(self) -> Injected | None:
        """How it stands right now; a look of its own counts like those by the clock."""
        injected = self.injected
        if injected is None or injected.solved_after is not None:
            return injected
        for penalty in injected.fault.penalties:
            if await penalty.seen(injected.case) and penalty.name not in injected.penalties:
                injected.penalties.append(penalty.name)
        if not injected.bench.ready:
            injected.wrong = "the fault is still developing"
            return injected
        injected.wrong = await injected.fault.check(injected.case)
        now = self._api.timeline.elapsed()
        if injected.wrong:
            injected.good_since = None
        elif injected.good_since is None:
            injected.good_since = now
        elif now - injected.good_since >= BETWEEN - 0.01:
            injected.solved_after = injected.good_since - injected.began
        return injected

    def hint(self) -> str:
        """The next hint; the last one again when there are no more. Raises NotNow."""
        if self.injected is None:
            raise NotNow("no fault is in place")
        hints = self.injected.fault.hints
        self.injected.hints = min(len(hints), self.injected.hints + 1)
        return hints[self.injected.hints - 1]

    def _look_later(self, injected: Injected) -> None:
        async def look() -> None:
            if self.injected is injected and injected.solved_after is None:
                self._look_later(injected)
                await self.look()

        self._api.timeline.after(BETWEEN, look)

    def _not_healthy(self) -> str:
        for document in self._documents():
            metadata, resource = document["metadata"], resource_of(self._api, document)
            place = (metadata.get("namespace"), metadata["name"])
            if not resource or self._api.get(resource, *place) is None:
                return f"{document['kind']} {metadata['name']} is missing"
        unhealthy = health.unhealthy(self._api)
        return unhealthy[0] if unhealthy else ""
