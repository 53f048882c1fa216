"""WATCH: what is there, what happened since, what happens; until it is told to end.

A selector sees the old and the new object: leaving the selection is a DELETED, entering it an ADDED.
A text is made once per event and form and shared by all watchers. A watcher that does not keep up
is closed; its client starts again with a list, as with the real server.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass

from runbook.practice.apiserver.errors import ApiError, Cause, expired, invalid_options
from runbook.practice.apiserver.messages import Request, Stream
from runbook.practice.apiserver.negotiation import Form, bookmark, encode_one, negotiated
from runbook.practice.apiserver.reading import not_a_version
from runbook.practice.apiserver.selectors import field_selector, label_selector
from runbook.practice.apiserver.state import JSON, State, Target
from runbook.practice.apiserver.store import Event, EventType, Stored, encode

BATCH = 500  # events in one chunk: large enough to be cheap, small enough to keep the loop free
BOOKMARK_EVERY = 60.0
LAST_BOOKMARK = 2.0  # seconds before the end of a watch
_SHORTEST, _LONGEST = 1800.0, 3600.0  # seconds a watch lasts when the client sets no timeout


@dataclass(slots=True)
class Watch:
    """One watcher's wishes. `columns` turns False once the first table told the columns."""

    target: Target
    chooses: Callable[[JSON | None], bool]
    form: Form
    version: int
    from_now_or_all: bool  # no resourceVersion, or 0: start with what is there
    initial: bool | None  # sendInitialEvents
    bookmarks: bool
    timeout: float
    columns: bool = True


def watch(state: State, target: Target, request: Request, every: float = BOOKMARK_EVERY) -> Stream:
    version = _version_of(request)
    initial = request.asks("sendInitialEvents") if "sendInitialEvents" in request.query else None
    match = request.query.get("resourceVersionMatch")
    causes = _match_causes(match, initial)
    if causes:
        raise invalid_options("ListOptions", causes)
    wishes = Watch(
        target=target,
        chooses=_chooser(target, request),
        form=negotiated(request),
        version=version,
        from_now_or_all=version == 0,
        initial=initial,
        bookmarks=request.asks("allowWatchBookmarks"),
        timeout=_timeout(state, request),
    )
    return Stream(_stream(state, wishes, every))


def _match_causes(match: str | None, initial: bool | None) -> list[Cause]:
    field, found = "resourceVersionMatch", []
    if initial is not None and match != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        found.append(Cause.forbidden(field, why))
    if initial is None and match:
        why = "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"
        found.append(Cause.forbidden(field, why))
    if match not in {None, "", "NotOlderThan"}:
        found.append(Cause.unsupported(field, f'"{match}"', ["NotOlderThan"]))
    return found


def _version_of(request: Request) -> int:
    """The real server's watch cache words a version that is no number in its own way."""
    text = request.query.get("resourceVersion") or "0"
    if not text.isdecimal() or len(text) > 19:
        raise ApiError(500, "", not_a_version(text))
    return int(text)


def _timeout(state: State, request: Request) -> float:
    text = request.query.get("timeoutSeconds") or "0"
    try:
        seconds = float(int(text))
    except ValueError:
        cause = Cause.invalid("timeoutSeconds", f'"{text}"', "must be a whole number")
        raise invalid_options("ListOptions", [cause]) from None
    return seconds if seconds > 0 else state.chance.uniform(_SHORTEST, _LONGEST)


def _chooser(target: Target, request: Request) -> Callable[[JSON | None], bool]:
    fields = request.query.get("fieldSelector", "")
    if target.name:
        fields = ",".join(filter(None, [f"metadata.name={target.name}", fields]))
    of_labels = label_selector(request.query.get("labelSelector", ""))
    of_fields = field_selector(fields, target.resource)
    namespace = target.namespace

    def chooses(obj: JSON | None) -> bool:
        if obj is None:
            return False
        if namespace is not None and obj["metadata"].get("namespace") != namespace:
            return False
        return (of_labels is None or of_labels(obj)) and (of_fields is None or of_fields(obj))

    return chooses


async def _stream(state: State, wishes: Watch, every: float) -> AsyncGenerator[bytes, None]:
    store, resource = state.store, wishes.target.resource.name
    subscription = store.subscribe(resource)
    clock = asyncio.get_running_loop().time
    end = clock() + wishes.timeout
    next_bookmark = _next_bookmark(wishes, clock(), end, every)
    try:
        oldest = store.oldest(resource)
        if not _starts_with_state(wishes) and 0 < wishes.version < oldest:
            error = expired(f"too old resource version: {wishes.version} ({oldest})")
            yield _line("ERROR", encode(error.status()))
            return
        for chunk in _beginning(state, wishes):
            yield chunk
        while not subscription.closed:
            while subscription.events:
                size = min(BATCH, len(subscription.events))
                events = [subscription.events.popleft() for _ in range(size)]
                yield b"".join(_texts(state, wishes, events))
            now = clock()
            if now >= end:
                return
            if now >= next_bookmark:
                yield _bookmark(state, wishes)
                next_bookmark = _next_bookmark(wishes, now, end, every)
            await subscription.wait(min(end, next_bookmark))
    except ApiError:
        return  # an object that the wanted form cannot show ends the real server's watch as well
    finally:
        store.unsubscribe(resource, subscription)


def _next_bookmark(wishes: Watch, now: float, end: float, every: float) -> float:
    """Every so often, and once more shortly before the end."""
    if not wishes.bookmarks:
        return end
    last = end - LAST_BOOKMARK
    return min(now + every, last if last > now else end)


def _starts_with_state(wishes: Watch) -> bool:
    return bool(wishes.initial) or (wishes.initial is None and wishes.from_now_or_all)


def _beginning(state: State, wishes: Watch) -> Iterable[bytes]:
    """Everything up to the present. Made of a snapshot: the subscription already collects."""
    if _starts_with_state(wishes):
        resource = wishes.target.resource
        version = state.store.version
        chosen = [
            obj
            for obj in state.store.select(resource.name, wishes.target.namespace)
            if wishes.chooses(obj)
        ]
        for start in range(0, len(chosen), BATCH):
            yield b"".join(
                _object_line(state, wishes, "ADDED", obj) for obj in chosen[start : start + BATCH]
            )
        if wishes.initial and wishes.bookmarks:
            yield _bookmark(state, wishes, version=version, initial_end=True)
    elif wishes.version > 0:
        missed = state.store.since(wishes.target.resource.name, wishes.version)
        for start in range(0, len(missed), BATCH):
            yield b"".join(_texts(state, wishes, missed[start : start + BATCH]))


def _texts(state: State, wishes: Watch, events: Iterable[Event]) -> Iterable[bytes]:
    for event in events:
        kind = _kind_for(event, wishes.chooses)
        if kind is not None:
            yield _event_line(state, wishes, kind, event)


def _kind_for(event: Event, chooses: Callable[[JSON | None], bool]) -> EventType | None:
    """The event as this watcher sees it, if it does."""
    now, before = chooses(event.new), chooses(event.old)
    if event.type == "DELETED":
        return "DELETED" if before or now else None
    if now:
        return "MODIFIED" if before else "ADDED"
    return "DELETED" if before else None


def _event_line(state: State, wishes: Watch, kind: EventType, event: Event) -> bytes:
    key = (kind, wishes.form, wishes.columns, wishes.target.resource.api_version)
    known = event.texts.get(key)
    if known is None:
        shown = event.new
        if kind == "DELETED" and event.type != "DELETED" and event.old is not None:
            # It left the selection: the watcher sees it as it was when it was still chosen.
            version = event.new["metadata"]["resourceVersion"]
            metadata = {**event.old["metadata"], "resourceVersion": version}
            shown = Stored({**event.old, "metadata": metadata})
        known = event.texts[key] = _object_line(state, wishes, kind, shown)
    elif wishes.form.kind == "Table":
        wishes.columns = False
    return known


def _object_line(state: State, wishes: Watch, kind: EventType, obj: Stored) -> bytes:
    body = encode_one(
        wishes.target.resource,
        obj,
        wishes.form,
        state.timeline.now(),
        with_columns=wishes.columns,
    )
    if wishes.form.kind == "Table":
        wishes.columns = False
    return _line(kind, body)


def _bookmark(
    state: State, wishes: Watch, *, version: int | None = None, initial_end: bool = False
) -> bytes:
    reached = str(state.store.version if version is None else version)
    now = state.timeline.now()
    body = bookmark(wishes.target.resource, wishes.form, reached, now, initial_end=initial_end)
    return _line("BOOKMARK", encode(body))


def _line(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"
