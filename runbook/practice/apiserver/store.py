"""The cluster's memory: objects, one global resourceVersion, a replay log per resource, watchers.

Rule 1: a stored object is never mutated; a write stores a new one. Rule 2: every committed write gets
the next resourceVersion, deletes too. Rule 3: an object is encoded once, whoever reads it. Knows
nothing of API rules: what may be written is decided before it is put here.
"""

from __future__ import annotations

import asyncio
import collections
import json
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from runbook.practice.apiserver.sharing import shared
from runbook.practice.cluster import Change

JSON = dict[str, Any]
EventType = Literal["ADDED", "MODIFIED", "DELETED"]
Key = tuple[str, str, str]  # resource name, namespace or "", name


def encode(value: object) -> bytes:
    """JSON as it goes over the wire: compact, UTF-8."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


class Stored(dict[str, Any]):
    """An object as kept: a dict nobody changes any more, with its JSON text once someone asked."""

    __slots__ = ("_encoded",)

    def __init__(self, obj: JSON) -> None:
        super().__init__(obj)
        self._encoded: bytes | None = None

    def encoded(self) -> bytes:
        if self._encoded is None:
            self._encoded = encode(self)
        return self._encoded

    def encoded_item(self) -> bytes:
        """As an item of a list that says for all its items what they are. Not kept a second time."""
        text = self.encoded()
        for head in self._heads():
            if text.startswith(head):
                return b"{" + text[len(head) :]
        return encode(without_type(self))

    def _heads(self) -> Iterator[bytes]:
        """How the text begins if what the object is stands first, as nearly always."""
        kind, version = f'"kind":"{self["kind"]}",', f'"apiVersion":"{self["apiVersion"]}",'
        yield f"{{{version}{kind}".encode()
        yield f"{{{kind}{version}".encode()


def without_type(obj: JSON) -> JSON:
    return {key: value for key, value in obj.items() if key not in {"apiVersion", "kind"}}


class Event:
    """One committed write as watchers see it, with the texts already made of it."""

    __slots__ = ("new", "old", "texts", "type", "version")

    def __init__(self, version: int, type_: EventType, new: Stored, old: Stored | None) -> None:
        self.version = version
        self.type = type_
        self.new = new
        self.old = old
        self.texts: dict[object, bytes] = {}


class Subscription:
    """A watcher's queue. It is closed, never waited for, when the watcher is too slow."""

    def __init__(self, limit: int) -> None:
        self.events: collections.deque[Event] = collections.deque()
        self.closed = False
        self._limit = limit
        self._woken = asyncio.Event()

    def push(self, event: Event) -> None:
        if len(self.events) >= self._limit:
            self.close()
        else:
            self.events.append(event)
            self._woken.set()

    def close(self) -> None:
        self.closed = True
        self.events.clear()
        self._woken.set()

    async def wait(self, deadline: float) -> None:
        """Until something was pushed, it was closed, or the loop's clock reaches `deadline`."""
        try:
            async with asyncio.timeout_at(deadline):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()


class Store:
    """Objects by resource, namespace and name."""

    def __init__(
        self, *, window: int = 4096, queue_limit: int = 20_000, first_version: int = 1
    ) -> None:
        self.version = first_version
        self._first_version = first_version
        self.window = window
        self._queue_limit = queue_limit
        self._objects: dict[str, dict[str, dict[str, Stored]]] = {}
        self._log: dict[str, collections.deque[Event]] = {}
        self._floor: dict[str, int] = {}
        self._subscriptions: dict[str, list[Subscription]] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._latest: dict[str, Stored] = {}  # the likeliest to have parts equal to the next one's
        self._by_uid: dict[str, Key] = {}
        self._owned: dict[str, dict[Key, None]] = {}

    def get(self, resource: str, namespace: str | None, name: str) -> Stored | None:
        return self._objects.get(resource, {}).get(namespace or "", {}).get(name)

    def select(self, resource: str, namespace: str | None = None) -> list[Stored]:
        """Everything of a resource (in one namespace), ordered by namespace, then name."""
        spaces = self._objects.get(resource, {})
        chosen: Iterable[str] = sorted(spaces) if namespace is None else (namespace,)
        found: list[Stored] = []
        for space in chosen:
            objects = spaces.get(space, {})
            found.extend(objects[name] for name in sorted(objects))
        return found

    def select_at(self, resource: str, namespace: str | None, version: int) -> list[Stored]:
        """What `select` found when the cluster was at this version; the log must reach back to it."""
        then = {_place(obj): obj for obj in self.select(resource, namespace)}
        for event in reversed(self.since(resource, version)):
            if namespace is None or event.new["metadata"].get("namespace") == namespace:
                then.pop(_place(event.new), None)
                if event.old is not None:
                    then[_place(event.old)] = event.old
        return [then[place] for place in sorted(then)]

    def owned_by(self, uid: str) -> Iterator[tuple[str, Stored]]:
        for resource, namespace, name in tuple(self._owned.get(uid, ())):
            found = self.get(resource, namespace, name)
            if found is not None:
                yield resource, found

    def exists(self, uid: str) -> bool:
        return uid in self._by_uid

    def put(self, resource: str, obj: JSON, type_: EventType) -> Stored:
        """Commit. `obj` is handed over: the caller keeps no reference it would change."""
        self.version += 1
        metadata = obj["metadata"] = {**obj["metadata"], "resourceVersion": str(self.version)}
        key: Key = (resource, metadata.get("namespace") or "", metadata["name"])
        space = self._objects.setdefault(resource, {}).setdefault(key[1], {})
        old = space.get(key[2])
        for like in (old, self._latest.get(resource)):
            if like is not None:
                _share(obj, like)
        new = self._latest[resource] = Stored(obj)
        if old is not None:
            self._forget(key, old)
        if type_ == "DELETED":
            space.pop(key[2], None)
            if not space:
                del self._objects[resource][key[1]]
        else:
            space[key[2]] = new
            self._remember(key, new)
        self._publish(resource, Event(self.version, type_, new, old))
        return new

    def _remember(self, key: Key, obj: Stored) -> None:
        metadata = obj["metadata"]
        self._by_uid[metadata["uid"]] = key
        for owner in metadata.get("ownerReferences") or ():
            self._owned.setdefault(owner["uid"], {})[key] = None

    def _forget(self, key: Key, obj: Stored) -> None:
        metadata = obj["metadata"]
        self._by_uid.pop(metadata["uid"], None)
        for owner in metadata.get("ownerReferences") or ():
            dependents = self._owned.get(owner["uid"])
            if dependents is not None:
                dependents.pop(key, None)
                if not dependents:
                    del self._owned[owner["uid"]]

    def _publish(self, resource: str, event: Event) -> None:
        log = self._log.get(resource)
        if log is None:
            log = self._log[resource] = collections.deque(maxlen=self.window)
        if len(log) == log.maxlen:
            self._floor[resource] = log[0].version
        log.append(event)
        for subscription in self._subscriptions.get(resource, ()):
            subscription.push(event)
        change = Change(event.type, resource, event.new, event.old)
        for listener in self._listeners:
            listener(change)

    def listen(self, listener: Callable[[Change], None]) -> None:
        self._listeners.append(listener)

    def subscribe(self, resource: str) -> Subscription:
        subscription = Subscription(self._queue_limit)
        self._subscriptions.setdefault(resource, []).append(subscription)
        return subscription

    def unsubscribe(self, resource: str, subscription: Subscription) -> None:
        known = self._subscriptions.get(resource, [])
        if subscription in known:
            known.remove(subscription)

    def close_subscriptions(self, resource: str | None = None) -> None:
        """End the watches of one resource, or all of them."""
        for name, subscriptions in self._subscriptions.items():
            if resource is None or resource == name:
                for subscription in subscriptions:
                    subscription.close()

    def watchers(self) -> int:
        return sum(len(subscriptions) for subscriptions in self._subscriptions.values())

    def oldest(self, resource: str) -> int:
        """Changes after this resourceVersion can still be replayed."""
        return self._floor.get(resource, self._first_version - 1)

    def since(self, resource: str, version: int) -> list[Event]:
        """What was committed after `version`, oldest first."""
        found: list[Event] = []
        for event in reversed(self._log.get(resource, ())):
            if event.version <= version:
                break
            found.append(event)
        found.reverse()
        return found


def _share(obj: JSON, like: Stored) -> None:
    """Top-level parts one by one: the object itself is always another."""
    for part, value in obj.items():
        obj[part] = shared(value, like.get(part))


def _place(obj: JSON) -> tuple[str, str]:
    return (obj["metadata"].get("namespace") or "", obj["metadata"]["name"])
