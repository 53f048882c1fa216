"""The first frame: drawn before anything is known, and in the same places as what follows it."""

from __future__ import annotations

import asyncio

import pytest
from textual.pilot import Pilot
from textual.screen import Screen

from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.presenter.front import front_rows
from runbook.tui.presenter.spans import text_of, width_of
from runbook.tui.screens.run import RunScreen
from tests.tui.drill import app_over, ready

SIZES = [(160, 45), (120, 35), (80, 24), (60, 16), (30, 5)]


def shown(app: RunApp) -> list[str]:
    strips = app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in strip) for strip in strips]


async def until(pilot: Pilot[None], app: RunApp, word: str) -> None:
    async with asyncio.timeout(10):
        while word not in "\n".join(shown(app)):
            await pilot.pause(0.02)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("ascii_only", [False, True])
def test_every_row_is_exactly_as_wide_as_the_terminal(
    size: tuple[int, int], ascii_only: bool
) -> None:
    columns, rows = size
    drawn = front_rows("drill", "reading drill.yaml", columns, rows, ascii_only=ascii_only)
    assert len(drawn) == rows
    assert {width_of(row) for row in drawn} == {columns}
    assert "OPENING" in text_of(drawn[0])
    if ascii_only:
        assert "".join(text_of(row) for row in drawn).isascii()


def test_a_name_cannot_drive_the_terminal_or_break_the_frame() -> None:
    drawn = front_rows("a\x1b]2;x\x07b" + "c" * 300, "\x1b[2J" + "d" * 300, 80, 24)
    text = "".join(text_of(row) for row in drawn)
    assert text.isprintable()
    assert {width_of(row) for row in drawn} == {80}


@pytest.mark.parametrize("size", [(160, 45), (120, 35), (80, 24)])
async def test_nothing_moves_when_the_run_is_there(size: tuple[int, int]) -> None:
    loaded = asyncio.Event()
    over = app_over(ready())
    load = over._load

    async def later() -> Screen[None] | None:
        await loaded.wait()
        return await load()

    app = RunApp("reproduction", later, doing="reading it")
    async with app.run_test(size=size) as pilot:
        await until(pilot, app, "reading it")
        before = shown(app)
        loaded.set()
        await until(pilot, app, "READY")
        after = shown(app)
    corners = "╭╮╰╯┏┓┗┛"
    for first, second in zip(before, after, strict=True):
        for column, sign in enumerate(first):
            assert sign not in corners or second[column] == sign


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_it_can_be_left_before_the_run_is_there(key: str) -> None:
    async def never() -> RunScreen | None:
        await asyncio.Event().wait()
        return None

    app = RunApp("reproduction", never, options=ScreenOptions(ascii=True))
    async with app.run_test() as pilot:
        await until(pilot, app, "OPENING")
        await pilot.press(key)
        await pilot.pause()
    assert app.run_screen is None
    assert app._exit


async def test_the_app_ends_when_there_will_be_no_run() -> None:
    async def refused() -> RunScreen | None:
        return None

    app = RunApp("reproduction", refused)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert app._exit
