"""`pods/log`: the lines a container printed, whole or as they come.

The lines belong to whoever runs containers; this only chooses, cuts and follows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from runbook.practice.apiserver.errors import bad_request
from runbook.practice.apiserver.messages import Answer, Request, Response, Stream
from runbook.practice.apiserver.state import State, Target

JSON = dict[str, Any]
Line = tuple[datetime, str]

LOOK_EVERY = 0.2  # seconds between two looks at a followed log; a pod's change wakes earlier
_TEXT = "text/plain"


class LogSource(Protocol):
    def __call__(
        self, namespace: str, pod: str, container: str, *, previous: bool
    ) -> list[Line]: ...


def no_lines(namespace: str, pod: str, container: str, *, previous: bool) -> list[Line]:
    """The log of a cluster in which nothing runs."""
    del namespace, pod, container, previous
    return []


@dataclass(frozen=True, slots=True)
class LogOptions:
    container: str
    previous: bool
    timestamps: bool
    tail: int | None
    since: datetime | None
    limit: int | None


def read_log(state: State, target: Target, request: Request, source: LogSource) -> Answer:
    pod = state.must(target)
    options = _options(state, pod, request)
    _check_started(pod, options)
    lines = source(
        target.namespace or "", target.name, options.container, previous=options.previous
    )
    if options.previous and not lines and not _restarts(pod, options.container):
        raise bad_request(
            f'previous terminated container "{options.container}" in pod "{target.name}" not found'
        )
    first = "".join(_shown(line, options) for line in _chosen(lines, options)).encode()
    if request.asks("follow") and not options.previous:
        follower = _Follower(state, target, options, source)
        return Stream(follower.chunks(lines, first), _TEXT)
    return Response(200, first[: options.limit], _TEXT)


def _options(state: State, pod: JSON, request: Request) -> LogOptions:
    query = request.query
    seconds = _whole(request, "sinceSeconds")
    since = None
    if seconds is not None:
        since = state.timeline.now() - timedelta(seconds=seconds)
    elif query.get("sinceTime"):
        since = _time(query["sinceTime"])
    return LogOptions(
        container=_container(pod, query.get("container", "")),
        previous=request.asks("previous"),
        timestamps=request.asks("timestamps"),
        tail=_whole(request, "tailLines"),
        since=since,
        limit=_whole(request, "limitBytes"),
    )


def _whole(request: Request, name: str) -> int | None:
    text = request.query.get(name, "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 9:
        raise bad_request(f'{name}: Invalid value: "{text}": must be a whole number from 0 up')
    return int(text)


def _time(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise bad_request(f'sinceTime: Invalid value: "{text}": must be an RFC 3339 time') from None
    if found.tzinfo is None:
        raise bad_request(f'sinceTime: Invalid value: "{text}": must name its time zone')
    return found


def _container(pod: JSON, name: str) -> str:
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    names = [one["name"] for one in spec.get("containers") or ()]
    early = [one["name"] for one in spec.get("initContainers") or ()]
    if not name:
        if len(names) == 1:
            return str(names[0])
        choice = f"choose one of: [{' '.join(names)}]"
        if early:
            choice += f" or one of the init containers: [{' '.join(early)}]"
        raise bad_request(f"a container name must be specified for pod {pod_name}, {choice}")
    if name not in names and name not in early:
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    return name


def _status(pod: JSON, container: str) -> JSON:
    status = pod.get("status") or {}
    for field in ("containerStatuses", "initContainerStatuses"):
        for one in status.get(field) or ():
            if one.get("name") == container:
                found: JSON = one
                return found
    return {}


def _restarts(pod: JSON, container: str) -> int:
    return int(_status(pod, container).get("restartCount") or 0)


def _check_started(pod: JSON, options: LogOptions) -> None:
    name = pod["metadata"]["name"]
    if not pod["spec"].get("nodeName"):
        raise bad_request(f"pod {name} does not have a host assigned")
    status = _status(pod, options.container)
    state = status.get("state") or {}
    waiting = state.get("waiting")
    if options.previous or state.get("running") or state.get("terminated"):
        return
    if waiting and _restarts(pod, options.container):
        return  # between two instances: the last one's lines are still there
    pending = (pod.get("status") or {}).get("phase") == "Pending"
    if waiting or pending:
        reason = (waiting or {}).get("reason") or "ContainerCreating"
        raise bad_request(
            f'container "{options.container}" in pod "{name}" is waiting to start: {reason}'
        )


def _chosen(lines: list[Line], options: LogOptions) -> list[Line]:
    if options.since is not None:
        lines = [line for line in lines if line[0] >= options.since]
    if options.tail is not None:
        lines = lines[max(0, len(lines) - options.tail) :]
    return lines


def _shown(line: Line, options: LogOptions) -> str:
    at, text = line
    if options.timestamps:
        return f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z {text}\n"
    return f"{text}\n"


@dataclass(slots=True)
class _Follower:
    """One `logs -f`: what it has sent, and how much more it may send."""

    state: State
    target: Target
    options: LogOptions
    source: LogSource
    last: Line | None = None
    left: int | None = None

    async def chunks(self, lines: list[Line], first: bytes) -> AsyncGenerator[bytes, None]:
        store, clock = self.state.store, asyncio.get_running_loop().time
        uid = self.state.must(self.target)["metadata"]["uid"]
        subscription = store.subscribe("pods")
        self.last, self.left = (lines[-1] if lines else None), self.options.limit
        try:
            yield self._cut(first)
            while not subscription.closed and self.left != 0:
                pod = store.get("pods", self.target.namespace, self.target.name)
                ended = pod is None or pod["metadata"]["uid"] != uid
                ended = ended or _ended(pod or {}, self.options.container)
                fresh = self._fresh()
                if fresh:
                    yield self._cut(fresh)
                if ended:
                    return
                subscription.events.clear()
                await subscription.wait(clock() + LOOK_EVERY)
        finally:
            store.unsubscribe("pods", subscription)

    def _fresh(self) -> bytes:
        lines = self.source(
            self.target.namespace or "", self.target.name, self.options.container, previous=False
        )
        fresh = list(_after(lines, self.last))
        if fresh:
            self.last = fresh[-1]
        return "".join(_shown(line, self.options) for line in fresh).encode()

    def _cut(self, chunk: bytes) -> bytes:
        if self.left is not None:
            chunk = chunk[: self.left]
            self.left -= len(chunk)
        return chunk


def _after(lines: list[Line], last: Line | None) -> Iterator[Line]:
    """What follows the very line `last`; everything when it is gone (a new instance started)."""
    start = 0
    for index in range(len(lines) - 1, -1, -1):
        if lines[index] is last:
            start = index + 1
            break
    yield from lines[start:]


def _ended(pod: JSON, container: str) -> bool:
    """A container that terminated and will not start again prints no more."""
    phase = (pod.get("status") or {}).get("phase")
    state = _status(pod, container).get("state") or {}
    return phase in {"Succeeded", "Failed"} or (
        bool(state.get("terminated")) and pod["spec"].get("restartPolicy") != "Always"
    )
