"""`check` steps poll until they hold or time is up; unreachable is not red."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from runbook.clock import VirtualClock
from runbook.errors import RunbookError, TargetRefused, TargetUnreachable, UsageError
from runbook.executors.base import Attempt, Desk as DeskProtocol
from runbook.executors.check import CheckExecutor
from runbook.executors.guarded import GuardedExecutor
from runbook.executors.wait import WaitExecutor
from runbook.model.checks import Check
from runbook.run.events import CheckRead, TargetVerified
from runbook.run.readings import LONGEST, Reading, Verdict, fails, holds, unknown
from runbook.run.signals import Ending, Outcome
from tests.executors.test_command import Desk
from tests.run.driving import plan_of

CHECK = {"id": "c", "check": {"tcp": {"host": "h", "port": 1}}, "until": "10s", "every": "2s"}


class Bench:
    def __init__(self, *readings: Reading) -> None:
        self.clock = VirtualClock()
        self.desk = Desk()
        self.asked: list[Check] = []
        self._readings: Iterator[Reading] = iter(readings)
        self._last = readings[-1]

    async def read(self, check: Check) -> Reading:
        self.asked.append(check)
        return next(self._readings, self._last)

    async def perform(self, step: dict[str, Any] | None = None) -> Outcome:
        plan = plan_of({"id": "give", "run": "true", "register": "host"}, step or CHECK)
        executor = CheckExecutor(self.read, self.clock)
        attempt = Attempt(plan.steps[1], 1)
        task = asyncio.ensure_future(executor(attempt, self.desk))
        await self.clock.advance(30)
        return await asyncio.wait_for(task, 5)

    @property
    def verdicts(self) -> list[Verdict]:
        return [event.verdict for event in self.desk.events if isinstance(event, CheckRead)]


async def test_a_condition_that_holds_passes_at_once() -> None:
    bench = Bench(holds("up", "is up"))
    outcome = await bench.perform()
    assert (outcome.ending, outcome.reason) == (Ending.PASSED, "is up")
    assert len(bench.asked) == 1


async def test_a_check_that_sees_too_much_says_so_in_a_record_of_bounded_length() -> None:
    bench = Bench(fails("up", "pod down, " * 10_000))
    outcome = await bench.perform()
    assert outcome.ending is Ending.FAILED
    assert len(outcome.reason) < 2 * LONGEST + 100
    assert "characters left out" in outcome.reason
    seen = [event.observed for event in bench.desk.events if isinstance(event, CheckRead)]
    assert all(len(text) < LONGEST + 100 for text in seen)


async def test_it_is_asked_again_until_it_holds_and_only_changes_are_recorded() -> None:
    red, green = fails("up", "down"), holds("up", "up")
    bench = Bench(red, red, unknown("up", "?"), green)
    assert (await bench.perform()).ending is Ending.PASSED
    assert bench.verdicts == [Verdict.FAILS, Verdict.UNKNOWN, Verdict.HOLDS]
    assert len(bench.asked) == 4


async def test_red_when_time_is_up_has_failed_with_what_was_expected_and_seen() -> None:
    bench = Bench(fails("2 models ready", "1 of 2"))
    outcome = await bench.perform()
    assert outcome.ending is Ending.FAILED
    assert outcome.reason == "after 10s: expected 2 models ready; saw 1 of 2"
    assert len(bench.asked) == 6


async def test_what_cannot_be_told_has_timed_out_and_not_failed() -> None:
    bench = Bench(unknown("up", "connection refused"))
    outcome = await bench.perform()
    assert outcome.ending is Ending.TIMED_OUT
    assert "connection refused" in outcome.reason


async def test_values_that_exist_only_now_are_put_in() -> None:
    bench = Bench(holds("up", "up"))
    bench.desk.values["registered.host"] = "db"
    await bench.perform({**CHECK, "check": {"tcp": {"host": "${{ registered.host }}", "port": 1}}})
    assert bench.asked[0].model_dump() == {"tcp": {"host": "db", "port": 1}}


async def test_a_value_that_is_not_there_cannot_be_told() -> None:
    bench = Bench(holds("up", "up"))

    async def missing(name: str) -> str:
        raise RunbookError("secret x: $X is not set")

    bench.desk.value = missing  # type: ignore[method-assign]  # only this value is missing
    step = {**CHECK, "check": {"tcp": {"host": "${{ registered.host }}", "port": 1}}}
    outcome = await bench.perform(step)
    assert outcome.ending is Ending.TIMED_OUT
    assert "$X is not set" in outcome.reason
    assert not bench.asked


async def test_waiting_takes_its_time() -> None:
    clock = VirtualClock()
    plan = plan_of({"id": "w", "wait": "5s"})
    task = asyncio.ensure_future(WaitExecutor(clock)(Attempt(plan.steps[0], 1), Desk()))
    await clock.advance(4.9)
    assert not task.done()
    await clock.advance(0.2)
    assert (await task).ending is Ending.PASSED


async def destroy(fault: RunbookError | None, effect: str) -> tuple[Outcome, Desk, list[str]]:
    performed: list[str] = []

    async def perform(attempt: Attempt, desk: DeskProtocol) -> Outcome:
        performed.append(attempt.step.id)
        return attempt.passed()

    async def verify() -> str:
        if fault:
            raise fault
        return "uid-1"

    plan = plan_of({"id": "d", "run": "true", "effect": effect})
    desk = Desk()
    outcome = await GuardedExecutor(perform, verify)(Attempt(plan.steps[0], 1), desk)
    return outcome, desk, performed


async def test_nothing_is_destroyed_on_another_cluster_or_an_unknown_one() -> None:
    for fault in (
        TargetRefused("another cluster"),
        TargetUnreachable("no answer"),
        UsageError("unusable kubeconfig"),
    ):
        outcome, _, performed = await destroy(fault, "destroy")
        assert outcome.ending is Ending.FAILED
        assert outcome.reason.startswith("not started: ")
        assert not performed


async def test_that_the_cluster_was_asked_is_recorded_before_it_is_touched() -> None:
    outcome, desk, performed = await destroy(None, "destroy")
    assert outcome.ending is Ending.PASSED
    assert desk.events == [TargetVerified(step="d", cluster_uid="uid-1")]
    assert performed == ["d"]


async def test_what_destroys_nothing_is_not_held_up() -> None:
    outcome, desk, _ = await destroy(TargetUnreachable("no answer"), "read")
    assert outcome.ending is Ending.PASSED
    assert not desk.events
