"""Releases the finalizers that may be released, each by a patch that holds only for what was judged.

The patch names the object's uid and resourceVersion and takes off one entry. Where anything has changed
since, the server refuses, everything is looked at and decided anew, a few times at most. Before each
patch the cluster is asked again who it is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from runbook.clock import Clock
from runbook.errors import TargetUnreachable
from runbook.target import identity
from runbook.target.api import JSON, ApiStatusError
from runbook.target.client import ClusterClient
from runbook.target.finalizers import (
    SAFE,
    Decided,
    Held,
    Sight,
    Verdict,
    decide,
    decide_all,
)
from runbook.target.sight import held_of, look

ATTEMPTS = 5
"""Patches of one finalizer: as many as kubectl makes of its own."""
AGAIN = 1.0
"""Seconds between two looks while it is waited for what is on its way out."""
CONFLICTS = frozenset({409, 422})
"""How servers say that a test of a JSON patch did not hold."""


class Outcome(StrEnum):
    RELEASED = "released"
    WOULD = "would be released"
    LEFT = "left"
    """The decision said no."""
    GONE = "gone"
    """Somebody else took it off meanwhile."""
    REFUSED = "refused"
    """The decision said yes, and the server no."""
    UNKNOWN = "unknown"
    """The server did not answer the patch."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of one finalizer."""

    decided: Decided
    outcome: Outcome
    detail: str = ""
    """What the server said."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked for."""

    namespace: str
    objects: tuple[tuple[str, str], ...] = ()
    """Resource and name; all that hang when empty."""
    dry_run: bool = False
    vouched: bool = False
    wait: float = 0.0
    """Seconds that it is waited for what is not safe yet."""


class Releaser:
    def __init__(
        self,
        client: ClusterClient,
        pinned: identity.Identity,
        clock: Clock,
        on_done: Callable[[Sight, Done], object],
        on_wait: Callable[[Decided], object] = lambda _: None,
    ) -> None:
        self._client = client
        self._pinned = pinned
        self._clock = clock
        self._on_done = on_done
        self._on_wait = on_wait
        self.sight: Sight | None = None
        """The last look."""
        self._tried: Counter[_Key] = Counter()
        self._done: dict[_Key, Done] = {}

    async def carry_out(self, order: Order) -> list[Done]:
        """What became of everything, in order; each is told when it is settled.

        Raises TargetRefused when another cluster answers, TargetUnreachable when none does.
        """
        end = self._clock.monotonic() + order.wait
        while True:
            self.sight = sight = await look(self._client, order.namespace, self._clock)
            found = [one for one in await self._decide(order, sight) if _key(one) not in self._done]
            if not order.dry_run and not await self._release_all(found, sight):
                continue
            left = [one for one in found if _key(one) not in self._done]
            waits = [one for one in left if one.decision.verdict is Verdict.WAIT]
            if not waits or self._clock.monotonic() >= end:
                for one in left:
                    self._settle(sight, one, _untouched(one))
                return list(self._done.values())
            self._on_wait(waits[0])
            await self._clock.sleep(AGAIN)

    async def _decide(self, order: Order, sight: Sight) -> list[Decided]:
        found = list(decide_all(sight, only=order.objects, vouched=order.vouched))
        hanging = {(one.held.resource, one.held.name) for one in found}
        for resource, name in order.objects:
            if (resource, name) not in hanging:
                found += await self._other(order, sight, resource, name)
        return found

    async def _other(self, order: Order, sight: Sight, resource: str, name: str) -> list[Decided]:
        """An object that was named and is none of Seldon's that hang."""
        ref = await self._client.resolve(resource)
        try:
            item = await self._client.get(ref.path(order.namespace, name))
        except ApiStatusError as error:
            if error.says_absent:
                return []
            raise
        held = held_of(resource, ref.kind, item)
        return [
            Decided(held, one, decide(held, one, sight, vouched=order.vouched))
            for one in held.finalizers or ("",)
        ]

    async def _release_all(self, found: list[Decided], sight: Sight) -> bool:
        """Whether all that was safe is settled; else everything is to be looked at again."""
        for one in found:
            if one.decision.verdict is SAFE and not await self._release(one, sight):
                return False  # what comes after it counted on it
        return True

    async def _release(self, one: Decided, sight: Sight) -> bool:
        held = one.held
        self._tried[_key(one)] += 1
        await identity.verify(self._client, self._pinned)
        resource = await self._client.resolve(held.resource)
        try:
            await self._client.patch(
                resource, held.namespace, held.name, patch_of(held, one.finalizer)
            )
        except ApiStatusError as error:
            if error.code in CONFLICTS and self._tried[_key(one)] < ATTEMPTS:
                return False
            outcome = Outcome.GONE if error.says_absent else Outcome.REFUSED
            self._settle(sight, one, outcome, "" if error.says_absent else error.message)
        except TargetUnreachable as silence:
            self._settle(sight, one, Outcome.UNKNOWN, silence.message)
            raise
        else:
            self._settle(sight, one, Outcome.RELEASED)
        return True

    def _settle(self, sight: Sight, one: Decided, outcome: Outcome, detail: str = "") -> None:
        self._done[_key(one)] = done = Done(one, outcome, detail)
        self._on_done(sight, done)


_Key = tuple[str, str, str]


def _key(one: Decided) -> _Key:
    return (one.held.uid, one.held.resource, one.finalizer)


def _untouched(one: Decided) -> Outcome:
    return Outcome.WOULD if one.decision.verdict is SAFE else Outcome.LEFT


def patch_of(held: Held, finalizer: str) -> list[JSON]:
    """A JSON patch that takes off this finalizer, and holds only for this state of this object."""
    entry = f"/metadata/finalizers/{held.finalizers.index(finalizer)}"
    return [
        {"op": "test", "path": "/metadata/uid", "value": held.uid},
        {"op": "test", "path": "/metadata/resourceVersion", "value": held.version},
        {"op": "test", "path": entry, "value": finalizer},
        {"op": "remove", "path": entry},
    ]


def unsettled(done: Collection[Done]) -> bool:
    """Whether something is still held that was to be released."""
    good = (Outcome.RELEASED, Outcome.GONE, Outcome.WOULD)
    return any(one.outcome not in good for one in done)
