from __future__ import annotations

from runbook.clock import VirtualClock
from runbook.practice.activity import Activity


async def test_nobody_is_counted_from_the_end_of_the_last_request() -> None:
    clock = VirtualClock()
    activity = Activity(clock)
    await clock.advance(5)
    assert activity.idle == 5
    with activity.request():
        await clock.advance(60)
        assert activity.idle == 0
    assert activity.idle == 0
    await clock.advance(2)
    assert activity.idle == 2


async def test_one_open_watch_is_somebody_while_others_come_and_go() -> None:
    clock = VirtualClock()
    activity = Activity(clock)
    with activity.request():
        with activity.request():
            pass
        await clock.advance(100)
        assert activity.idle == 0
