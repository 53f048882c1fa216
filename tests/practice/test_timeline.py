"""The practice machine's time: order, cancelling, speed, and a mistake that ends nothing."""

from __future__ import annotations

import asyncio

import pytest

from runbook.practice.timeline import Callback, Timeline


def note(notes: list[str], word: str) -> Callback:
    async def add() -> None:
        notes.append(word)

    return add


async def fails() -> None:
    raise ValueError("a part with a mistake in it")


async def test_callbacks_come_in_the_order_of_their_seconds() -> None:
    timeline, notes = Timeline(), list[str]()
    timeline.after(2, note(notes, "late"))
    timeline.after(1, note(notes, "early"))
    timeline.after(1, note(notes, "early, second"))
    timeline.after(3, note(notes, "not yet"))
    await timeline.advance(2)
    assert notes == ["early", "early, second", "late"]
    assert timeline.elapsed() == 2


async def test_what_is_cancelled_does_not_happen() -> None:
    timeline, notes = Timeline(), list[str]()
    timeline.after(1, note(notes, "never")).cancel()
    await timeline.advance(2)
    assert notes == []


async def test_a_mistake_in_one_part_does_not_end_a_cluster_that_serves() -> None:
    timeline, notes, done = Timeline(), list[str](), asyncio.Event()

    async def last() -> None:
        notes.append("after it")
        done.set()

    timeline.after(0, fails)
    timeline.after(1, last)
    async with asyncio.timeout(10), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(timeline.serve(1000))
        await done.wait()
        serving.cancel()
    assert notes == ["after it"]


async def test_stepped_time_tells_of_a_mistake() -> None:
    timeline = Timeline()
    timeline.after(1, fails)
    with pytest.raises(ValueError, match="mistake"):
        await timeline.advance(1)


async def test_a_timeline_that_serves_cannot_be_stepped() -> None:
    timeline = Timeline()
    async with asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(timeline.serve(1))
        await asyncio.sleep(0)
        with pytest.raises(RuntimeError, match="clock on the wall"):
            await timeline.advance(1)
        serving.cancel()
