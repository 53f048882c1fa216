"""Following a run for people elsewhere: never in its way, never twice, and never silently in vain."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from runbook.model.document import Notification
from runbook.notify import notifier as room
from runbook.notify.message import Message
from runbook.notify.notifier import Notifier
from runbook.notify.ways import NotDelivered
from runbook.run.events import NoteAdded, Record, RunResumed
from runbook.run.signals import Confirm, Continue, Leave
from runbook.run.state import RunState
from tests.run.driving import DELETE, T0, opened, plan_of
from tests.test_engine import Bench, passes

TELL: dict[str, Any] = {"command": ["pager"], "in_practice": True}
GATE = {"id": "go", "approve": {"message": "Now?", "timeout": "5m"}}
TASK = {"id": "ring", "manual": {"instructions": "Dial 7."}}


class Pager:
    """Where messages come to; `fault` is raised instead of taking one, `stuck` keeps it waiting."""

    def __init__(self, fault: Exception | None = None, *, stuck: bool = False) -> None:
        self.got: list[str] = []
        self.fault = fault
        self.stuck = stuck

    async def __call__(self, notification: Notification, message: Message) -> None:
        if self.stuck:
            await asyncio.Event().wait()
        if self.fault is not None:
            raise self.fault
        self.got.append(message.event)


class Told:
    """A run with a notifier, as the command line performs one."""

    def __init__(
        self, pager: Pager, *steps: Any, records: list[Record] | None = None, **tell: Any
    ) -> None:
        plan = plan_of(*steps, notify=[{**TELL, **tell}])
        self.bench = Bench(plan, passes, records)
        self.notifier = Notifier(self.bench.engine, pager)
        self.first: list[Any] = [opened(plan)]

    async def perform(self) -> RunState:
        self.bench.engine.follow(self.notifier)
        telling = asyncio.ensure_future(self.notifier.tell())
        try:
            return await self.bench.engine.run(self.first)
        finally:
            self.notifier.close()
            await asyncio.wait_for(telling, 5)

    def notes(self) -> list[str]:
        events = (record.event for record in self.bench.engine.records)
        return [f"{e.by}: {e.text}" for e in events if isinstance(e, NoteAdded)]


async def test_the_end_of_a_run_is_told() -> None:
    pager = Pager()
    await Told(pager, DELETE).perform()
    assert pager.got == ["finished"]


@pytest.mark.parametrize(
    ("tell", "got"), [({"in_practice": False}, []), ({"events": ["failed"]}, [])]
)
async def test_what_is_not_asked_for_is_not_told(tell: dict[str, Any], got: list[str]) -> None:
    pager = Pager()
    await Told(pager, DELETE, **tell).perform()
    assert pager.got == got


async def test_a_gate_is_told_while_it_waits_and_its_expiry_as_the_end() -> None:
    pager = Pager()
    told = Told(pager, GATE)
    running = asyncio.ensure_future(told.perform())
    await until(lambda: pager.got == ["waiting"])
    await told.bench.clock.advance(301)
    await running
    assert pager.got == ["waiting", "finished"]


async def test_one_that_hangs_neither_delays_the_run_nor_keeps_it_for_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(room, "PATIENCE", 0.05)
    told = Told(Pager(stuck=True), DELETE)
    state = await told.perform()
    assert state.finished is not None
    assert told.bench.engine.records[-1].at == T0
    assert told.notifier.untold == ["the last message was not sent within 0.05 seconds"]


@pytest.mark.parametrize("fault", [NotDelivered("HTTP 404 no_service"), RuntimeError("a bug")])
async def test_a_message_that_reaches_nobody_is_noted_once_and_ends_nothing(
    fault: Exception,
) -> None:
    pager = Pager(fault)
    told = Told(pager, TASK, {**TASK, "id": "ring-again"})
    running = asyncio.ensure_future(told.perform())
    why = fault.message if isinstance(fault, NotDelivered) else "RuntimeError('a bug')"
    await until(lambda: told.notes() == [f"runbook: command pager told nobody: {why}"])
    told.bench.engine.send(Leave("ann", "q"))
    await running
    assert len(told.notes()) == 1


async def test_after_the_end_there_is_no_record_to_note_it_in() -> None:
    told = Told(Pager(NotDelivered("HTTP 404")), DELETE)
    await told.perform()
    assert told.notes() == []
    assert told.notifier.untold == ["command pager told nobody: HTTP 404"]


async def test_a_run_that_is_taken_up_does_not_tell_again_what_was_told() -> None:
    first = Told(pager := Pager(), TASK)
    running = asyncio.ensure_future(first.perform())
    await until(lambda: pager.got == ["waiting"])
    first.bench.engine.send(Leave("ann", "q"))
    await running
    again = Told(pager, TASK, records=list(first.bench.engine.records))
    again.first = [RunResumed(operator="ann", attended=True, host="h", pid=2)]
    running = asyncio.ensure_future(again.perform())
    await again.bench.until("run.resumed")
    again.bench.engine.send(Continue("ann"))
    await until(lambda: again.bench.engine.state.held is None)
    again.bench.engine.send(Leave("ann", "q"))
    await running
    assert pager.got == ["waiting"]


async def test_no_way_waits_for_another() -> None:
    got: list[str] = []

    async def send(notification: Notification, message: Message) -> None:
        if notification.command == ["slow"]:
            await asyncio.Event().wait()
        got.append((notification.command or [""])[0])

    slow, quick = {**TELL, "command": ["slow"]}, {**TELL, "command": ["quick"]}
    plan = plan_of(TASK, {**TASK, "id": "ring-again"}, notify=[slow, quick])
    bench = Bench(plan)
    notifier = Notifier(bench.engine, send)
    bench.engine.follow(notifier)
    telling = asyncio.ensure_future(notifier.tell())
    running = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await until(lambda: got == ["quick"])
    bench.engine.send(Confirm("ring", by="ann"))
    await until(lambda: got == ["quick", "quick"])
    bench.engine.send(Leave("ann", "q"))
    await running
    telling.cancel()


async def until(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():  # noqa: ASYNC110 - nothing else tells a test
            await asyncio.sleep(0)
