from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web

from runbook.clock import RealClock, VirtualClock
from runbook.target.client import ClusterClient
from runbook.target.identity import WHO
from runbook.target.rows import ObjectRow, PodRow, RowKey
from runbook.target.watch import LONGEST_RETRY, PULSE, Feed, FeedBatch

PODS = "/api/v1/pods"


def pod(name: str, version: int, namespace: str = "a", phase: str = "Running") -> dict[str, Any]:
    return {
        "metadata": {"namespace": namespace, "name": name, "resourceVersion": str(version)},
        "spec": {"containers": [{}]},
        "status": {"phase": phase},
    }


def listing(*items: Any, version: int = 1) -> dict[str, Any]:
    return {"metadata": {"resourceVersion": str(version)}, "items": list(items)}


class Seen:
    """Everything a feed told, and a way to wait for what is wanted."""

    def __init__(self) -> None:
        self.batches: list[FeedBatch] = []
        self.rows: dict[RowKey, Any] = {}
        self._news = asyncio.Event()

    def take(self, batch: FeedBatch) -> None:
        self.batches.append(batch)
        for key, row in batch.changes:
            if row is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = row
        self._news.set()

    @property
    def names(self) -> set[str]:
        return {key.name for key in self.rows}

    def state(self, resource: str = "pods") -> Any:
        return dict(self.batches[-1].states)[resource]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not (self.batches and condition()):
                self._news.clear()
                await self._news.wait()


class Ticking(VirtualClock):
    """Sleeps take no time but are counted."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self._elapsed += seconds
        await asyncio.sleep(0)


@pytest.fixture
async def running(
    client: ClusterClient,
) -> AsyncIterator[Callable[..., Seen]]:
    async with asyncio.TaskGroup() as tasks:
        started = []

        def start(
            resources: list[str], namespaces: tuple[str, ...] = (), clock: Any = None
        ) -> Seen:
            seen = Seen()
            feed = Feed(client, resources, namespaces, clock or RealClock())
            started.append(tasks.create_task(feed.run(seen.take)))
            return seen

        yield start
        for task in started:
            task.cancel()


def in_turn(stream: Any, *lists: Any) -> Any:
    """Answers each list request in turn, the last one for ever, and all watches from the stream."""
    remaining = list(lists)

    async def answer(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            watched: web.StreamResponse = await stream.answer(request)
            return watched
        return web.json_response(remaining.pop(0) if len(remaining) > 1 else remaining[0])

    return answer


def serve_pods(api: Any, stream: Any, *lists: Any) -> None:
    api.serve(("", "v1", "pods", "Pod", True))
    api.answers[PODS] = in_turn(stream, *lists)


async def test_rows_follow_the_list_and_the_events(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(pod("one", 1), pod("two", 2), version=5))
    seen = running(["pods"])
    await seen.until(lambda: seen.names == {"one", "two"})
    assert (await stream.opened.get())["resourceVersion"] == "5"
    stream.send("ADDED", pod("three", 6))
    stream.send("DELETED", pod("one", 7))
    stream.send("MODIFIED", pod("two", 8, phase="Failed"))
    await seen.until(lambda: seen.names == {"two", "three"})
    row = seen.rows[RowKey("pods", "a", "two")]
    assert isinstance(row, PodRow)
    assert row.status == "Failed"
    assert seen.state().connected


async def test_a_window_that_ended_goes_on_from_the_last_version(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(version=5))
    seen = running(["pods"], clock=Ticking())
    assert (await stream.opened.get())["resourceVersion"] == "5"
    stream.send("ADDED", pod("x", 6))
    stream.send("BOOKMARK", {"metadata": {"resourceVersion": "40"}})
    stream.end()
    assert (await stream.opened.get())["resourceVersion"] == "40"
    assert seen.names == {"x"}
    assert sum("watch" not in path and "/pods" in path for _, path in api.requests) == 1


async def test_an_expired_version_means_a_new_list_and_what_is_missing_is_gone(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(pod("old", 1), version=5), listing(pod("new", 9), version=9))
    seen = running(["pods"], clock=Ticking())
    await seen.until(lambda: seen.names == {"old"})
    stream.send("ERROR", {"kind": "Status", "code": 410, "message": "too old"})
    stream.end()
    await seen.until(lambda: seen.names == {"new"})
    assert all(dict(batch.states)["pods"].message == "" for batch in seen.batches[1:])


async def test_a_lost_server_leaves_the_rows_and_is_asked_again_with_growing_pauses(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(pod("one", 1)))
    clock = Ticking()
    seen = running(["pods"], clock=clock)
    await seen.until(lambda: seen.names == {"one"})
    api.answers[PODS] = lambda request: refuse(api)
    stream.end()
    clock.slept.clear()
    await seen.until(lambda: clock.slept.count(LONGEST_RETRY) >= 2)
    pauses = [pause for pause in clock.slept if pause >= 1 and pause != PULSE]
    assert pauses[pauses.index(2.0) :][:5] == [2, 4, 8, LONGEST_RETRY, LONGEST_RETRY]
    assert max(pauses) == LONGEST_RETRY
    assert seen.names == {"one"}
    assert not seen.state().connected
    assert seen.state().message == "come back later"
    assert seen.state().retry_at is not None
    told = [dict(batch.states)["pods"] for batch in seen.batches]
    lost = [state.since for state in told if state.message == "come back later"]
    assert len(lost) > 1
    assert len(set(lost)) == 1
    serve_pods(api, stream, listing(pod("two", 2)))
    await seen.until(lambda: seen.names == {"two"} and seen.state().connected)


async def refuse(api: Any) -> web.Response:
    answer: web.Response = api.failure(503, "ServiceUnavailable", "come back later")
    return answer


async def test_a_kind_the_cluster_does_not_serve_is_empty_and_found_when_it_comes(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    api.serve(("", "v1", "pods", "Pod", True))
    seen = running(["models.mlops.seldon.io"], clock=Ticking())
    await seen.until(lambda: bool(seen.batches))
    await seen.until(lambda: seen.state("models.mlops.seldon.io").connected)
    assert "serves no kind" in seen.state("models.mlops.seldon.io").message
    api.serve(("mlops.seldon.io", "v1alpha1", "models", "Model", True))
    path = "/apis/mlops.seldon.io/v1alpha1/models"

    async def models(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            watched: web.StreamResponse = await stream.answer(request)
            return watched
        return web.json_response(listing({"metadata": {"namespace": "a", "name": "m"}}))

    api.answers[path] = models
    await seen.until(lambda: seen.names == {"m"})
    row = seen.rows[RowKey("models.mlops.seldon.io", "a", "m")]
    assert isinstance(row, ObjectRow)
    assert row.kind == "Model"


async def test_rows_vanish_with_their_kind(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(pod("one", 1)))
    seen = running(["pods"], clock=Ticking())
    await seen.until(lambda: seen.names == {"one"})
    del api.answers[PODS]
    stream.end()
    await seen.until(lambda: seen.names == set())
    assert seen.state().connected


async def test_only_the_wanted_namespaces_are_watched(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    api.serve(("", "v1", "pods", "Pod", True), ("", "v1", "namespaces", "Namespace", False))
    api.answers["/api/v1/namespaces/a/pods"] = in_turn(stream, listing(pod("one", 1)))
    api.answers["/api/v1/namespaces/b/pods"] = in_turn(stream, listing(pod("two", 1, "b")))
    api.answers["/api/v1/namespaces"] = in_turn(
        stream,
        listing(*({"metadata": {"name": name}, "status": {"phase": "Active"}} for name in "abc")),
    )
    seen = running(["pods", "namespaces"], ["a", "b"])
    await seen.until(lambda: seen.names == {"one", "two", "a", "b"})
    assert not any(path.startswith(f"{PODS}?") for _, path in api.requests)


async def test_a_resource_is_live_only_when_it_is_in_every_namespace(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    async def forbidden(request: web.Request) -> web.Response:
        refused: web.Response = api.failure(403, "Forbidden", "not you")
        return refused

    api.serve(("", "v1", "pods", "Pod", True))
    api.answers["/api/v1/namespaces/a/pods"] = in_turn(stream, listing(pod("one", 1)))
    api.answers["/api/v1/namespaces/b/pods"] = forbidden
    seen = running(["pods"], ["a", "b"])
    await seen.until(lambda: seen.names == {"one"} and seen.state().message == "not you")
    assert not seen.state().connected


async def test_a_storm_of_events_is_handed_over_ten_times_a_second(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(version=1))
    clock = VirtualClock()
    seen = running(["pods"], clock=clock)
    await stream.opened.get()
    await seen.until(lambda: bool(seen.batches))
    before = len(seen.batches)
    for number in range(500):
        stream.send("MODIFIED", pod(f"p{number % 20}", number, phase=f"Phase{number}"))
    stream.send("MODIFIED", pod("last", 501))
    handed_over = asyncio.create_task(seen.until(lambda: "last" in seen.names))
    while not handed_over.done():
        await clock.advance(0.01)
    await handed_over
    assert len(seen.batches) - before <= 1 + clock.monotonic() / 0.1
    assert len(seen.names) == 21
    assert seen.rows[RowKey("pods", "a", "p19")].status == "Phase499"


@pytest.mark.parametrize(
    ("code", "message"),
    [(500, "etcdserver: request timed out"), (503, "shutting down"), (401, "Unauthorized")],
)
async def test_a_watch_that_stays_open_is_not_live_when_nobody_answers(
    api: Any, running: Callable[..., Seen], stream: Any, code: int, message: str
) -> None:
    serve_pods(api, stream, listing(pod("one", 1)))
    api.answers[WHO] = {"metadata": {"uid": "u"}}
    seen = running(["pods"], clock=Ticking())
    await seen.until(lambda: seen.state().connected)

    async def fail(request: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = api.failure(code, "", message)
        return response

    api.answers[WHO] = fail
    await seen.until(lambda: not seen.state().connected)
    lost = seen.state()
    assert lost.message == message
    assert lost.retry_at > lost.since
    assert seen.names == {"one"}
    api.answers[WHO] = {"metadata": {"uid": "u"}}
    await seen.until(lambda: seen.state().connected)
    stream.send("ADDED", pod("two", 2))
    await seen.until(lambda: seen.names == {"one", "two"})


async def test_a_server_that_will_not_say_who_it_is_answers_all_the_same(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(pod("one", 1)))
    asked: asyncio.Queue[None] = asyncio.Queue()

    async def refuse_it(request: web.Request) -> web.StreamResponse:
        asked.put_nowait(None)
        response: web.StreamResponse = api.failure(403, "Forbidden", "not for you")
        return response

    api.answers[WHO] = refuse_it
    seen = running(["pods"], clock=Ticking())
    await seen.until(lambda: seen.state().connected)
    for _ in range(4):
        await asyncio.wait_for(asked.get(), 10)
    assert seen.state().connected


async def test_a_watch_that_breaks_off_inside_an_event_is_taken_up_again(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    serve_pods(api, stream, listing(pod("one", 1)))
    seen = running(["pods"], clock=Ticking())
    await stream.opened.get()
    stream.send_bytes(b'{"type": "ADDED", "obj')
    stream.end()
    await seen.until(lambda: "broke off" in seen.state().message)
    await stream.opened.get()
    stream.send("ADDED", pod("two", 2))
    await seen.until(lambda: seen.names == {"one", "two"} and seen.state().connected)


async def test_a_busy_server_is_left_alone_for_as_long_as_it_asks(
    api: Any, running: Callable[..., Seen]
) -> None:
    api.serve(("", "v1", "pods", "Pod", True))

    async def busy(request: web.Request) -> web.StreamResponse:
        response: web.StreamResponse = api.failure(429, "TooManyRequests", "slow down")
        response.headers["Retry-After"] = "9"
        return response

    api.answers[PODS] = busy
    clock = Ticking()
    seen = running(["pods"], clock=clock)
    await seen.until(lambda: seen.state().message == "slow down")
    assert 9.0 in clock.slept


async def test_moments_are_told_by_our_own_clock(
    api: Any, running: Callable[..., Seen], stream: Any
) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    ahead = now + timedelta(minutes=7)
    made = pod("one", 1)
    made["metadata"]["creationTimestamp"] = f"{ahead:%Y-%m-%dT%H:%M:%SZ}"

    async def pods(request: web.Request) -> web.StreamResponse:
        if "watch" in request.query:
            watched: web.StreamResponse = await stream.answer(request)
            return watched
        date = format_datetime(datetime.now(UTC) + timedelta(minutes=7), usegmt=True)
        return web.json_response(listing(made), headers={"Date": date})

    api.serve(("", "v1", "pods", "Pod", True))
    api.answers[PODS] = pods
    seen = running(["pods"])
    await seen.until(lambda: seen.names == {"one"})
    created = seen.rows[RowKey("pods", "a", "one")].created
    assert abs((created - now).total_seconds()) < 10
