"""A second terminal over a run: it shows what the first does, and can change nothing."""

from __future__ import annotations

import pytest

from runbook.run.signals import AddNote, Leave
from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.screens.watch import WatchScreen
from tests.tui.drill import MOMENTS, OPERATOR, FakeSession, shown
from tests.tui.test_screen import text_of


def watching(session: FakeSession) -> RunApp:
    screen = WatchScreen(
        session,
        clock=session.clock,
        operator=OPERATOR,
        output_of=lambda step: session.stored.get(step, b""),
        reports=list,
        feed=None,
        options=ScreenOptions(),
    )

    async def load() -> WatchScreen:
        return screen

    app = RunApp(session.plan.name, load)
    app.run_screen = screen
    return app


@pytest.mark.parametrize("moment", ["approval", "failed", "deleting", "paused", "task"])
async def test_every_key_that_would_send_something_says_so(moment: str) -> None:
    session = MOMENTS[moment]()
    sent = list(session.sent)
    app = watching(session)
    async with shown(app, (120, 35)) as pilot:
        assert "watching" in text_of(app)[0]
        assert not any("abort the run" in row or "x stop" in row for row in text_of(app))
        for key in ("enter", "p", "x", "r", "s", "d", "t", "u", "a", "c", "w"):
            await pilot.press(key)
            await pilot.pause()
            assert "you are watching" in text_of(app)[-1].lower(), key
        await pilot.press("3", "z", "z", "question_mark")
        await pilot.pause()
        assert "Help" in "".join(text_of(app))
        assert session.sent == sent


async def test_what_is_typed_at_a_gate_goes_nowhere_and_leaving_ends_nothing() -> None:
    session = MOMENTS["approval"]()
    sent = list(session.sent)
    app = watching(session)
    async with shown(app, (120, 35)) as pilot:
        session.clock.elapsed += 5
        await pilot.press(*"practice", "enter")
        await pilot.pause()
        await pilot.press("q")
        await pilot.pause()
    assert session.sent == sent
    assert not app.is_running


async def test_it_follows_the_other_terminal_and_stays_when_that_is_left() -> None:
    session = MOMENTS["approval"]()
    app = watching(session)
    async with shown(app, (120, 35)) as pilot:
        session.send(AddNote("bob", "the pager is quiet"))
        session.send(Leave(OPERATOR, "q"))
        await pilot.press("6", "z")
        await pilot.pause(0.2)
        rows = text_of(app)
        assert f"HELD, left by {OPERATOR}" in rows[0]
        assert any("the pager is quiet" in row for row in rows)
        assert app.is_running
