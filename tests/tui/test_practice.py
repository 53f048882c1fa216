"""The faults of a practice cluster in the palette: only where there is one, and what it answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from textual.pilot import Pilot

from runbook.tui.presenter.commands import practice_entries
from tests.tui.drill import app_over, ready, shown
from tests.tui.test_app import NORMAL, screen_text


class Desk:
    """Stands for a practice cluster with one fault."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.followed = asyncio.Event()

    async def names(self) -> Sequence[tuple[str, str]]:
        return [("x-stuck", "X hangs")]

    async def ask(self, action: str, name: str = "") -> Sequence[str]:
        self.asked.append((action, name))
        return ["x-stuck: X hangs", "", "It was deleted."] if action == "inject" else ["no fault"]

    async def follow(self) -> None:
        self.followed.set()


async def choose(pilot: Pilot[None], words: str) -> None:
    await pilot.press("colon")
    await pilot.press(*("space" if letter == " " else letter for letter in words))
    await pilot.pause(0.3)
    await pilot.press("enter")
    await pilot.pause(0.3)


async def test_a_fault_is_injected_from_the_palette_and_followed() -> None:
    desk = Desk()
    app = app_over(ready(), practice=desk)
    async with shown(app, NORMAL) as pilot:
        await choose(pilot, "inject x")
        assert desk.asked == [("inject", "x-stuck")]
        assert "It was deleted." in screen_text(app)
        await asyncio.wait_for(desk.followed.wait(), 5)


async def test_a_short_answer_takes_the_place_of_the_key_bar() -> None:
    desk = Desk()
    app = app_over(ready(), practice=desk)
    async with shown(app, NORMAL) as pilot:
        await choose(pilot, "practice status")
        assert desk.asked == [("status", "")]
        assert "no fault" in screen_text(app)


async def test_a_real_cluster_has_no_such_entries() -> None:
    app = app_over(ready())
    async with shown(app, NORMAL) as pilot:
        await pilot.press("colon", *"practice")
        await pilot.pause(0.3)
        assert "practice status" not in screen_text(app)


def test_nothing_is_offered_before_the_faults_are_known() -> None:
    assert practice_entries([]) == ()
    assert [one.title for one in practice_entries([("x-stuck", "X hangs")])] == [
        "practice status",
        "practice hint",
        "practice reset",
        "inject x-stuck",
    ]
