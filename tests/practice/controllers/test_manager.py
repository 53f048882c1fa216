from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.timeline import Timeline


class Notices:
    """The part of a cluster that the queue uses: existing objects, and changes as they come."""

    def __init__(self) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        self.objects: list[JSON] = []
        self.tell: Callable[[Change], None] | None = None

    def select(self, resource: str) -> list[JSON]:
        return self.objects

    def subscribe(self, on_change: Callable[[Change], None]) -> None:
        self.tell = on_change

    def changed(self, *names: str) -> None:
        assert self.tell is not None, "nobody has subscribed"
        for name in names:
            self.tell(Change("MODIFIED", "pods", _pod(name), None))


class Recorder:
    """Writes down what it is asked to reconcile, and answers or raises as told."""

    def __init__(self, *answers: float | Exception | None) -> None:
        self.seen: list[tuple[float, str]] = []
        self.answers = list(answers)
        self.timeline: Timeline | None = None
        self.watches: Mapping[str, KeysOf] = {"pods": lambda pod: [("pods", None, pod["name"])]}

    async def reconcile(self, key: Key) -> float | None:
        assert self.timeline is not None
        self.seen.append((round(self.timeline.elapsed(), 3), key[2]))
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer


def _pod(name: str) -> JSON:
    return {"name": name}


def _start(recorder: Recorder, *existing: str, at_most_every: float = 0.0) -> Notices:
    cluster = Notices()
    cluster.objects = [_pod(name) for name in existing]
    recorder.timeline = cluster.timeline
    controllers = Controllers(cluster)  # type: ignore[arg-type]  # only what the queue needs
    controllers.add(recorder, at_most_every=at_most_every)
    return cluster


async def test_a_controller_first_sees_what_is_already_there() -> None:
    recorder = Recorder()
    cluster = _start(recorder, "a", "b")
    await cluster.timeline.advance(0)
    assert recorder.seen == [(0, "a"), (0, "b")]


async def test_a_key_that_waits_is_queued_once() -> None:
    recorder = Recorder()
    cluster = _start(recorder)
    cluster.changed("a", "b", "a", "a")
    await cluster.timeline.advance(0)
    assert [name for _, name in recorder.seen] == ["a", "b"]


async def test_a_returned_delay_brings_the_key_back_then() -> None:
    recorder = Recorder(4.0)
    cluster = _start(recorder, "a")
    await cluster.timeline.advance(10)
    assert recorder.seen == [(0, "a"), (4, "a")]


async def test_a_change_replaces_the_planned_look() -> None:
    recorder = Recorder(4.0, None)
    cluster = _start(recorder, "a")
    await cluster.timeline.advance(1)
    cluster.changed("a")
    await cluster.timeline.advance(10)
    assert recorder.seen == [(0, "a"), (1, "a")]


@pytest.mark.parametrize("reason", ["Conflict", "NotFound", "AlreadyExists"])
async def test_everyday_refusals_are_tried_again_in_silence(reason: str) -> None:
    recorder = Recorder(ApiError(409, reason, "no"), ApiError(409, reason, "no"))
    cluster = _start(recorder, "a")
    with capture_logs() as logged:
        await cluster.timeline.advance(1)
    assert recorder.seen == [(0, "a"), (0.05, "a"), (0.15, "a")]
    assert logged == []


@pytest.mark.parametrize(
    ("failure", "event"),
    [
        (ApiError(403, "Forbidden", "exceeded quota"), "reconcile refused"),
        (ZeroDivisionError("a bug"), "reconcile failed"),
    ],
)
async def test_any_other_failure_is_logged_and_tried_again(failure: Exception, event: str) -> None:
    recorder = Recorder(failure)
    cluster = _start(recorder, "a")
    with capture_logs() as logged:
        await cluster.timeline.advance(1)
    assert [entry["event"] for entry in logged] == [event]
    assert recorder.seen == [(0, "a"), (0.05, "a")]


async def test_the_delay_between_failures_grows_to_a_minute() -> None:
    recorder = Recorder(*[ApiError(409, "Conflict", "no")] * 14)
    cluster = _start(recorder, "a")
    await cluster.timeline.advance(300)
    moments = [at for at, _ in recorder.seen]
    gaps = [round(after - before, 2) for before, after in itertools.pairwise(moments)]
    assert gaps[:4] == [0.05, 0.1, 0.2, 0.4]
    assert gaps[-1] == 60


async def test_a_success_ends_the_growth() -> None:
    conflict = ApiError(409, "Conflict", "no")
    recorder = Recorder(conflict, conflict, None, conflict)
    cluster = _start(recorder, "a")
    await cluster.timeline.advance(1)
    cluster.changed("a")
    await cluster.timeline.advance(1)
    assert [at for at, _ in recorder.seen][-2:] == [1, 1.05]


async def test_a_controller_may_take_changes_in_batches() -> None:
    recorder = Recorder()
    cluster = _start(recorder, at_most_every=1.0)
    for _ in range(5):
        cluster.changed("a")
        await cluster.timeline.advance(0.3)
    await cluster.timeline.advance(5)
    assert recorder.seen == [(0, "a"), (1, "a"), (2, "a")]


async def test_a_change_during_a_reconcile_is_not_lost_to_a_later_plan() -> None:
    recorder = Recorder(30.0)
    cluster = _start(recorder, at_most_every=1.0)
    first = recorder.reconcile

    async def changed_meanwhile(key: Key) -> float | None:
        if not recorder.seen:
            cluster.changed("a")
        return await first(key)

    recorder.reconcile = changed_meanwhile  # type: ignore[method-assign]  # one change in between
    cluster.changed("a")
    await cluster.timeline.advance(5)
    assert recorder.seen == [(0, "a"), (1, "a")]
