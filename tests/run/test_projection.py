"""How long a run will still take, by what earlier runs took."""

from __future__ import annotations

from datetime import timedelta

from runbook.run.projection import to_go, usual
from runbook.run.signals import Abort, Ending
from runbook.run.summary import Summary, summarise
from tests.run.driving import Drive, plan_of

STEPS = {"phases": [{"id": p, "steps": [{"id": f"{p}s", "run": "true"}]} for p in ("one", "two")]}


def walked(*seconds: float, ending: Ending = Ending.PASSED) -> Summary:
    """A run whose steps took so long; it stands where there is no number any more."""
    run = Drive(plan_of(**STEPS))
    for step, spent in zip(("ones", "twos"), seconds, strict=False):
        run.now += timedelta(seconds=spent)
        run.ends(step, ending)
    return summarise(run.records, run.now)


def test_the_middle_of_what_earlier_runs_took_is_usual() -> None:
    assert usual([walked(10, 1), walked(30, 2), walked(20, 900)]) == {"one": 20, "two": 2}


def test_a_run_that_did_not_come_to_health_says_nothing() -> None:
    run = Drive(plan_of(**STEPS))
    run.send(Abort("ann"), after=99)
    run.ends("ones", Ending.INTERRUPTED)
    assert usual([summarise(run.records), walked(10)]) == {}


def test_what_is_ahead_is_counted_and_what_is_spent_taken_off() -> None:
    before = {"one": 20.0, "two": 5.0}
    run = Drive(plan_of(**STEPS))
    run.now += timedelta(seconds=8)
    assert to_go(summarise(run.records, run.now), before) == 17.0
    run.now += timedelta(seconds=100)
    assert to_go(summarise(run.records, run.now), before) == 5.0


def test_nothing_is_promised_of_a_phase_that_was_never_walked_nor_at_the_end() -> None:
    assert to_go(walked(1), {"one": 2.0}) is None
    assert to_go(walked(1, 1), {"one": 2.0, "two": 2.0}) is None
