from __future__ import annotations

from datetime import UTC, datetime

from runbook.practice.controllers.stages import Stage, Stages
from runbook.practice.timeline import Timeline


class Kettle:
    def __init__(self) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        self.plugged = True
        self.whistled: list[float] = []
        self.stages = Stages(
            self.timeline,
            [Stage("boil", lambda kettle: kettle.plugged, Kettle.whistle, after=3.0)],
        )

    async def whistle(self) -> None:
        self.whistled.append(self.timeline.elapsed())
        self.plugged = False

    async def look(self) -> float | None:
        return await self.stages.step("uid", self)


async def test_a_stage_acts_once_when_its_delay_is_over() -> None:
    kettle = Kettle()
    assert await kettle.look() == 3.0
    await kettle.timeline.advance(2)
    assert await kettle.look() == 1.0
    await kettle.timeline.advance(1)
    assert await kettle.look() is None
    assert kettle.whistled == [3.0]


async def test_the_delay_starts_anew_when_the_stage_was_left() -> None:
    kettle = Kettle()
    await kettle.look()
    await kettle.timeline.advance(2)
    kettle.plugged = False
    assert await kettle.look() is None
    kettle.plugged = True
    assert await kettle.look() == 3.0
