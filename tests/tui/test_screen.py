"""The screen at its three sizes: every moment of the drill, the typed approval, decisions, leaving."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from textual.pilot import Pilot

from runbook.run.signals import Accept, Approve, Ending, Hold, Leave, Refuse, Retry, Skip
from runbook.tui.app import RunApp
from tests.tui.drill import (
    DOCUMENT,
    MOMENTS,
    FakeSession,
    HandClock,
    app_over,
    cluster_at,
    screen_of,
    shown,
)
from tests.tui.show import build

SIZES = [(160, 45), (120, 35), (80, 24)]
WORDS = {
    "ready": "READY",
    "approval": "YOUR APPROVAL",
    "deleting": "RUNNING",
    "waiting": "RUNNING",
    "failed": "STEP FAILED",
    "command_failed": "STEP FAILED",
    "task": "YOUR TURN",
    "paused": "PAUSED",
    "interrupted": "OUTCOME UNKNOWN",
    "settling": "SETTLING",
    "finished": "RECOVERED",
    "aborted": "ABORTED",
}


def app_of(session: FakeSession, moment: str = "ready") -> RunApp:
    async def feed(on_batch: Any) -> None:
        for batch in cluster_at(moment, session):
            on_batch(batch)
        await asyncio.Event().wait()

    return app_over(session, feed=feed)


def text_of(app: RunApp) -> list[str]:
    """What the terminal shows, row by row."""
    screen = app.screen
    return ["".join(s.text for s in strip) for strip in screen._compositor.render_strips()]


async def until_live(pilot: Pilot[None], app: RunApp) -> None:
    """Return when the cluster's rows have been painted."""
    async with asyncio.timeout(10):
        while "LIVE" not in "".join(text_of(app)[:1]):
            await pilot.pause(0.02)


async def type_in(pilot: Pilot[None], clock: HandClock, text: str) -> None:
    clock.elapsed += (
        1.0  # a question is deaf at first, against keys that were meant for something else
    )
    await pilot.press(*text)
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("moment", sorted(WORDS))
async def test_every_moment_says_its_word_and_shows_the_card(
    moment: str, size: tuple[int, int]
) -> None:
    app = app_of(MOMENTS[moment](), moment)
    async with shown(app, size):
        rows = text_of(app)
        assert WORDS[moment] in rows[0]
        assert any("2 Now" in row for row in rows)
        assert all(len(row) <= size[0] for row in rows)
        assert rows[-1].strip()


@pytest.mark.parametrize("size", SIZES)
async def test_a_model_that_hangs_is_told_and_where_there_is_room_the_reason(
    size: tuple[int, int],
) -> None:
    app = app_of(MOMENTS["waiting"](), "waiting")
    async with shown(app, size) as pilot:
        await until_live(pilot, app)
        text = "".join(row.replace(" ", "") for row in text_of(app))
        if size == SIZES[0]:
            assert "Terminating" in text
            assert "seldon.model.finalizer" in text
        else:
            assert "3terminating" in text


@pytest.mark.parametrize("size", SIZES)
async def test_the_pane_says_whether_what_hangs_may_be_released_now(size: tuple[int, int]) -> None:
    app = app_of(MOMENTS["waiting"](), "waiting")
    async with shown(app, size) as pilot:
        await until_live(pilot, app)
        assert "not safe to release yet" in _card(app)
        await pilot.press("5", "z")
        await pilot.pause()
        text = " ".join(" ".join(text_of(app)).replace("│", " ").split())
        assert "held by seldon.model.finalizer; not safe to release yet: model server" in text
        assert "mlserver-0 is shutting down and may hold models; wait until its pod is gone" in text


def _card(app: RunApp) -> str:
    rows = text_of(app)
    inside = [row.split("┃")[1] for row in rows if row.count("┃") >= 2]
    return " ".join(" ".join(inside).split())


@pytest.mark.parametrize("size", SIZES)
async def test_the_whole_screen_survives_hostile_text(size: tuple[int, int]) -> None:
    app = build("waiting", hostile=True)
    async with shown(app, size):
        text = "".join(text_of(app))
        assert all(c.isprintable() or c == " " for c in text)


async def test_a_gate_opens_only_for_the_whole_text() -> None:
    session = MOMENTS["approval"]()
    wanted = session.state.step(session.here).request
    assert wanted is not None
    text = getattr(wanted, "confirm_text", "") or "yes"
    app = app_of(session, "approval")
    async with shown(app, (120, 35)) as pilot:
        await type_in(pilot, session.clock, text[:-1])
        await pilot.press("enter")
        await pilot.pause()
        assert not session.sent
        await type_in(pilot, session.clock, text[-1])
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(session.sent[-1], Approve)


async def test_keys_typed_before_the_question_was_read_open_nothing() -> None:
    session = MOMENTS["approval"]()
    app = app_of(session, "approval")
    async with shown(app, (120, 35)) as pilot:
        await pilot.press(*"practice", "enter")
        await pilot.pause()
        assert not [s for s in session.sent if isinstance(s, Approve)]


async def test_a_gate_is_refused_with_a_reason() -> None:
    session = MOMENTS["approval"]()
    app = app_of(session, "approval")
    async with shown(app, (80, 24)) as pilot:
        session.clock.elapsed += 1.0
        await pilot.press("ctrl+r")
        await pilot.pause()
        await type_in(pilot, session.clock, "not now")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(session.sent[-1], Refuse)
        assert session.state.finished is not None


async def test_a_failure_is_retried_or_skipped_with_a_reason() -> None:
    session = MOMENTS["command_failed"]()
    app = app_of(session, "command_failed")
    async with shown(app, (120, 35)) as pilot:
        await pilot.press("s")
        await pilot.pause()
        await type_in(pilot, session.clock, "by hand")
        await pilot.press("enter")
        await pilot.pause()
        skip = next(s for s in session.sent if isinstance(s, Skip))
        assert skip.reason == "by hand"
    again = MOMENTS["command_failed"]()
    app = app_of(again, "command_failed")
    async with shown(app, (80, 24)) as pilot:
        await pilot.press("r")
        await pilot.pause()
        assert isinstance(again.sent[-1], Retry)


async def test_an_unknown_outcome_is_declared_done_only_with_a_reason() -> None:
    session = MOMENTS["interrupted"]()
    app = app_of(session, "interrupted")
    async with shown(app, (120, 35)) as pilot:
        await pilot.press("d")
        await pilot.pause()
        await type_in(pilot, session.clock, "seen gone")
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(session.sent[-1], Accept)


@pytest.mark.parametrize("skippable", [True, False])
async def test_skipping_is_offered_only_where_the_runbook_allows_it(
    skippable: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    deletion = DOCUMENT["phases"][0]["steps"][2]
    monkeypatch.setitem(deletion, "skippable", skippable)
    app = app_of(MOMENTS["interrupted"](), "interrupted")
    async with shown(app, (120, 35)):
        card = [row for row in text_of(app) if "d declare it done" in row]
        assert ["s skip" in row for row in card] == [skippable]


async def test_a_running_step_can_be_held_after_it() -> None:
    session = MOMENTS["deleting"]()
    app = app_of(session, "deleting")
    async with shown(app, (160, 45)) as pilot:
        await pilot.press("p")
        await pilot.pause()
        assert isinstance(session.sent[-1], Hold)


async def test_leaving_asks_first_and_holds_the_run() -> None:
    session = MOMENTS["deleting"]()
    app = app_of(session, "deleting")
    async with shown(app, (80, 24)) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not session.sent
        session.clock.elapsed += 1.0
        await pilot.press("y")
        await pilot.pause()
        assert isinstance(session.sent[-1], Leave)
        assert session.state.held is not None


async def test_a_key_that_does_not_fit_says_why() -> None:
    session = MOMENTS["deleting"]()
    app = app_of(session, "deleting")
    async with shown(app, (120, 35)) as pilot:
        await pilot.press("r")
        await pilot.pause()
        assert not session.sent
        assert "only a failure is retried" in text_of(app)[-1]


async def test_help_and_zoom_open_and_close() -> None:
    app = app_of(MOMENTS["deleting"](), "deleting")
    async with shown(app, (80, 24)) as pilot:
        await until_live(pilot, app)
        before = text_of(app)[0]
        await pilot.press("question_mark")
        await pilot.pause()
        assert any("Help" in row for row in text_of(app))
        await pilot.press("escape")
        await pilot.pause()
        assert text_of(app)[0] == before


async def test_before_the_start_it_says_when_this_was_last_drilled() -> None:
    app = app_of(MOMENTS["ready"]())
    async with shown(app, (80, 24)) as pilot:
        assert not any("Before" in row for row in text_of(app))
        screen_of(app).watching.before = "last drill of x: 12 days ago, recovered in 31m"
        screen_of(app)._repaint()
        await pilot.pause()
        assert any("Before  last drill of x: 12 days ago, recovered" in row for row in text_of(app))


async def test_the_list_of_steps_follows_the_run_until_somebody_looks_elsewhere() -> None:
    session = MOMENTS["deleting"]()
    app = app_of(session, "deleting")
    async with shown(app, (120, 35)) as pilot:
        await until_live(pilot, app)
        table = screen_of(app).painter.steps
        table.focus()
        assert table.cursor == session.here == "delete"
        session.run_command(0)
        await until_card(pilot, app, "Namespaces are gone")
        assert table.cursor == session.here == "gone"
        await pilot.press("up", "up")
        elsewhere = table.cursor
        assert elsewhere not in (None, "gone")
        session.end(Ending.PASSED)
        await until_card(pilot, app, "Apply the manifests")
        assert table.cursor == elsewhere
        screen_of(app).set_focus(screen_of(app).painter.output)
        session.run_command(0)
        await until_card(pilot, app, "Train the baseline model")
        assert table.cursor == session.here == "train"


async def until_card(pilot: Pilot[None], app: RunApp, title: str) -> None:
    """Return when the card in the middle is about a step."""
    async with asyncio.timeout(10):
        while title not in "".join(text_of(app)[3].split("┃")[1:]):
            await pilot.pause(0.02)
