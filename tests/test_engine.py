"""The engine keeps what is done equal to what the state asks for, and the disk first."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from runbook.clock import VirtualClock
from runbook.engine import Engine
from runbook.errors import JournalUnavailable, RunbookError
from runbook.executors.base import Attempt, Desk, Executor, Intent, nothing_beforehand
from runbook.journal.file import EVENTS, JournalFile
from runbook.plan import Plan
from runbook.redact import Redactor
from runbook.run.events import CommandFinished, CommandStarting, Record, TaskConfirmed
from runbook.run.readings import Reading, holds
from runbook.run.session import Output, Seen
from runbook.run.signals import (
    Abort,
    AddNote,
    Approve,
    Confirm,
    Countersign,
    Leave,
    Outcome,
    Retry,
    Signal,
)
from runbook.run.state import RunState, replay
from tests.executors import test_command as commands
from tests.run.driving import BUILD, DELETE, GATE, HEALTH, OBJECTIVES, opened, plan_of


class Memory:
    """A journal in memory that can be told to fail, and notes what its followers knew."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.turns: list[list[str]] = []
        self.fail_at: int | None = None
        self.then: Callable[..., None] = lambda *_: None

    def append(self, *records: Record) -> None:
        if self.fail_at is not None and records[-1].seq >= self.fail_at:
            raise JournalUnavailable("the disk is full")
        self.records += records
        self.turns.append([record.event.kind for record in records])
        self.then(*records)

    @property
    def kinds(self) -> list[str]:
        return [record.event.kind for record in self.records]


class Outputs:
    """No stored outputs, or those of which a test says that they hold a secret."""

    def __init__(self) -> None:
        self.purged: list[tuple[str, str]] = []
        self.removed: list[str] = []

    def cleaned(self, mask: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
        pairs, self.purged = self.purged, []
        return pairs

    def remove(self, digests: Iterable[str]) -> None:
        self.removed += digests


class Watcher:
    def __init__(self, journal: Memory) -> None:
        self.heard: list[str] = []
        self.seen: list[Seen] = []
        self._journal = journal

    def on_record(self, record: Record) -> None:
        assert record in self._journal.records, "heard of before it was on disk"
        self.heard.append(record.event.kind)

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None:
        self.seen.append(seen)


async def passes(attempt: Attempt, desk: Desk) -> Outcome:
    return attempt.passed()


def nobody(state: RunState, given: Countersign) -> Approve:
    """There is no second person."""
    raise RunbookError("not signed by a key that is allowed to")


class Bench:
    """An engine with everything around it replaced by what a test says."""

    def __init__(
        self,
        plan: Plan,
        perform: Executor = passes,
        records: list[Record] | None = None,
        intent: Intent = nothing_beforehand,
    ) -> None:
        self.clock = VirtualClock()
        self.journal = Memory()
        self.journal.records = list(records or [])
        self.redactor = Redactor()
        self.outputs = Outputs()
        self.reading: Reading = holds("up", "up")

        async def read_health(_: str) -> Reading:
            return self.reading

        async def read_value(name: str, _: RunState) -> str:
            return name

        self.engine = Engine(
            plan,
            self.journal,
            executors=dict.fromkeys(("run", "check", "wait", "workflow"), perform),
            read_health=read_health,
            read_value=read_value,
            countersigned=nobody,
            redactor=self.redactor,
            clock=self.clock,
            outputs=self.outputs,
            records=records or [],
            intent=intent,
        )
        self.watcher = Watcher(self.journal)
        self.engine.follow(self.watcher)

    async def until(self, kind: str) -> None:
        async with asyncio.timeout(5):
            while kind not in self.watcher.heard:  # noqa: ASYNC110 - nothing else tells a test
                await asyncio.sleep(0)


@pytest.mark.parametrize(
    ("asked", "last"), [(Abort("ann"), "run.finished"), (Leave("ann", "bye"), "step.interrupted")]
)
async def test_who_asks_for_the_end_right_when_a_step_starts_gets_it(
    asked: Signal, last: str
) -> None:
    plan = plan_of(DELETE, BUILD)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        if attempt.step.id == BUILD["id"]:
            await asyncio.Event().wait()
        # It waits behind the outcome by which the next step starts.
        asyncio.get_running_loop().call_soon(bench.engine.send, asked)
        return attempt.passed()

    bench = Bench(plan, perform)
    async with asyncio.timeout(5):
        await bench.engine.run([opened(plan)])
    assert bench.journal.kinds[-1] == last
    assert "step.interrupted" in bench.journal.kinds


async def test_a_run_is_performed_step_by_step_and_heard_of_in_order() -> None:
    plan = plan_of(DELETE, BUILD)
    bench = Bench(plan)
    state = await bench.engine.run([opened(plan)])
    assert bench.journal.kinds == [
        "run.opened",
        "step.started",
        "step.passed",
        "step.started",
        "step.passed",
        "run.finished",
    ]
    assert bench.watcher.heard == bench.journal.kinds
    assert replay(bench.journal.records) == state


async def test_an_intent_is_on_disk_before_the_command_exists() -> None:
    plan = plan_of(BUILD)
    order: list[list[str]] = []

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        await desk.record(CommandStarting(step="build", attempt=1, script="true", shell="bash"))
        order.append(bench.journal.kinds)
        return attempt.passed()

    bench = Bench(plan, perform)
    await bench.engine.run([opened(plan)])
    assert order[0][-1] == "command.starting"


async def test_a_command_s_end_and_what_follows_are_durable_at_once() -> None:
    plan = plan_of(DELETE, BUILD)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        step = attempt.step.id
        await desk.record(CommandStarting(step=step, attempt=1, script="true", shell="bash"))
        desk.tell(CommandFinished(step=step, attempt=1, exit=0, duration=1.0))
        return attempt.passed()

    bench = Bench(plan, perform)
    await bench.engine.run([opened(plan)])
    assert bench.journal.turns == [
        ["run.opened", "step.started"],
        ["command.starting"],
        ["command.finished", "step.passed", "step.started"],
        ["command.starting"],
        ["command.finished", "step.passed", "run.finished"],
    ]


async def test_an_intent_that_is_known_is_durable_with_the_start_and_before_the_command(
    tmp_path: Path,
) -> None:
    count = f"grep -c command.starting {tmp_path}/{EVENTS}"
    plan = plan_of(*({"id": f"s{n}", "run": f"test $({count}) = {n}"} for n in (1, 2)))
    around = commands.Bench(tmp_path)
    bench = Bench(plan, around.executor, intent=around.executor.intent)
    file = JournalFile.create(tmp_path)
    bench.journal.then = file.append
    await bench.engine.run([opened(plan)])
    file.close()
    assert bench.journal.turns == [
        ["run.opened", "step.started", "command.starting"],
        ["command.finished", "step.passed", "step.started", "command.starting"],
        ["command.finished", "step.passed", "run.finished"],
    ]


async def test_what_was_said_after_the_run_was_over_is_not_recorded() -> None:
    plan = plan_of(DELETE)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        assert not bench.engine.send(AddNote("ann", "before it ends"))
        desk.tell(CommandFinished(step="delete", attempt=1, exit=0, duration=1.0))
        bench.engine._say(attempt.passed())
        assert not bench.engine.send(AddNote("ann", "after it ended"))
        return attempt.passed()

    bench = Bench(plan, perform)
    await bench.engine.run([opened(plan)])
    assert bench.journal.kinds[2:] == [
        "note.added",
        "command.finished",
        "step.passed",
        "run.finished",
    ]


async def test_a_fact_told_after_the_journal_failed_is_refused() -> None:
    plan = plan_of(DELETE)
    told: list[str] = []

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            with pytest.raises(JournalUnavailable):
                desk.tell(CommandFinished(step="delete", attempt=1, exit=None, duration=1.0))
            told.append("refused")
        raise AssertionError

    bench = Bench(plan, perform)
    bench.journal.fail_at = 3
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("step.started")
    bench.engine.send(AddNote("ann", "the disk is full"))
    with pytest.raises(JournalUnavailable):
        await asyncio.wait_for(run, 5)
    assert told == ["refused"]


async def test_an_abort_ends_what_runs_before_the_run_is_finished() -> None:
    plan = plan_of(DELETE)
    ended: list[str] = []

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("process")
            await desk.record(CommandFinished(step="delete", attempt=1, exit=None, duration=1.0))
        raise AssertionError

    bench = Bench(plan, perform)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("step.started")
    assert bench.engine.send(Abort("ann", "wrong cluster")) == ""
    await asyncio.wait_for(run, 5)
    assert ended == ["process"]
    assert bench.journal.kinds[-4:] == [
        "run.abort-requested",
        "command.finished",
        "step.interrupted",
        "run.finished",
    ]


async def test_leaving_holds_the_run_and_leaves_no_task_behind() -> None:
    plan = plan_of(DELETE, BUILD, health=HEALTH)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    bench = Bench(plan, perform)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("step.started")
    bench.engine.send(Leave("ann", "ctrl-c"))
    state = await asyncio.wait_for(run, 5)
    assert state.finished is None
    assert bench.journal.kinds[-1] == "step.interrupted"
    assert len(asyncio.all_tasks()) == 1


async def test_a_gate_expires_by_the_clock_alone() -> None:
    plan = plan_of(GATE, DELETE)
    bench = Bench(plan)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("approval.requested")
    await bench.clock.advance(301)
    await asyncio.wait_for(run, 5)
    assert bench.journal.kinds[-2:] == ["approval.expired", "run.finished"]


async def test_a_refused_signal_says_why_and_changes_nothing() -> None:
    plan = plan_of(GATE)
    bench = Bench(plan)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("approval.requested")
    assert bench.engine.send(Retry("go", "ann")) == (
        "the step is waiting; only a failure is retried"
    )
    assert bench.engine.send(Approve("go", "ann", "ctx")) == ""
    await asyncio.wait_for(run, 5)


async def test_health_is_read_on_and_recorded_when_it_changes() -> None:
    plan = plan_of(GATE, health=HEALTH, objectives=OBJECTIVES)
    bench = Bench(plan)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("health.read")
    await bench.clock.advance(20)
    assert len(bench.watcher.seen) >= 4
    assert bench.journal.kinds.count("health.read") == 1
    bench.engine.send(Abort("ann"))
    await asyncio.wait_for(run, 5)


async def test_a_look_that_is_overtaken_by_a_destroying_step_counts_for_nothing() -> None:
    plan = plan_of(GATE, DELETE, health=HEALTH, objectives=OBJECTIVES)
    bench = Bench(plan)
    answers = asyncio.Event()

    async def slow(_: str) -> Reading:
        await answers.wait()
        return holds("up", "up")

    bench.engine._read_health = slow
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("approval.requested")
    await bench.clock.advance(1)
    bench.engine.send(Approve("go", "ann", "ctx"))
    await bench.until("step.passed")
    answers.set()
    await bench.clock.advance(1)
    bench.engine.send(AddNote("ann", "what was said before this has been heard"))
    await bench.until("note.added")
    assert "health.read" not in bench.journal.kinds
    await bench.clock.advance(10)
    await bench.until("health.read")
    await asyncio.wait_for(run, 5)


@pytest.mark.parametrize("failing", [2, 3, 4])
async def test_when_the_journal_fails_nothing_more_is_started(failing: int) -> None:
    plan = plan_of(DELETE, BUILD)
    started: list[str] = []

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        await desk.record(
            CommandStarting(step=attempt.step.id, attempt=1, script="true", shell="bash")
        )
        started.append(attempt.step.id)
        return attempt.passed()

    bench = Bench(plan, perform)
    bench.journal.fail_at = failing
    with pytest.raises(JournalUnavailable):
        await asyncio.wait_for(bench.engine.run([opened(plan)]), 5)
    assert (
        list(bench.engine.records) == bench.journal.records
    )  # what is durable is told, and no more
    assert started == (["delete"] if failing == 4 else [])
    assert len(asyncio.all_tasks()) == 1


async def test_output_that_cannot_be_stored_stops_the_run_as_a_failed_record_does() -> None:
    plan = plan_of(DELETE, BUILD)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        raise JournalUnavailable("the output cannot be stored")

    bench = Bench(plan, perform)
    with pytest.raises(JournalUnavailable, match="output"):
        await asyncio.wait_for(bench.engine.run([opened(plan)]), 5)
    assert bench.journal.kinds == ["run.opened", "step.started"]


async def test_when_the_run_itself_fails_what_runs_is_ended_and_waits_for_nobody() -> None:
    plan = plan_of(DELETE)
    ended: list[str] = []

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("process")
            await desk.record(CommandFinished(step="delete", attempt=1, exit=None, duration=1.0))
        raise AssertionError

    class Broken(Watcher):
        def on_record(self, record: Record) -> None:
            if record.event.kind == "note.added":
                raise BrokenPipeError

    bench = Bench(plan, perform)
    bench.engine.follow(Broken(bench.journal))
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("step.started")
    bench.engine.send(AddNote("ann", "still there?"))
    with pytest.raises(ExceptionGroup):
        await asyncio.wait_for(run, 5)
    assert ended == ["process"]
    assert len(asyncio.all_tasks()) == 1


async def test_an_executor_that_raises_is_a_bug_and_its_outcome_unknown() -> None:
    plan = plan_of(DELETE)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        raise ZeroDivisionError

    bench = Bench(plan, perform)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("step.interrupted")
    bench.engine.send(Abort("ann"))
    await asyncio.wait_for(run, 5)


async def test_a_step_longer_than_its_timeout_has_timed_out() -> None:
    plan = plan_of({"id": "w", "wait": "1h", "timeout": "10ms"})

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        await asyncio.Event().wait()
        raise AssertionError

    bench = Bench(plan, perform)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    await bench.until("step.timed-out")
    bench.engine.send(Abort("ann"))
    await asyncio.wait_for(run, 5)


async def test_a_command_out_of_time_says_how_it_was_ended_and_what_it_said_last(
    tmp_path: Path,
) -> None:
    plan = plan_of({"id": "s", "run": "echo half; sleep 300", "timeout": "300ms"})
    bench = Bench(plan, commands.Bench(tmp_path).executor)
    run = asyncio.ensure_future(bench.engine.run([opened(plan)]))
    async with asyncio.timeout(10):
        while "step.timed-out" not in bench.watcher.heard:  # noqa: ASYNC110 - as in `until`
            await asyncio.sleep(0.02)
    finished: Any = bench.journal.records[-2].event
    assert finished.signal == "SIGTERM"
    timed_out: Any = bench.journal.records[-1].event
    assert timed_out.reason == "not done after 0.3 s; last: half"
    bench.engine.send(Abort("ann"))
    await asyncio.wait_for(run, 5)


async def test_secrets_are_masked_before_a_fact_exists() -> None:
    plan = plan_of(BUILD)

    async def perform(attempt: Attempt, desk: Desk) -> Outcome:
        return attempt.passed("token is hunter2hunter2")

    bench = Bench(plan, perform)
    bench.redactor.register("password", "hunter2hunter2")
    await bench.engine.run([opened(plan)])
    passed: Any = bench.journal.records[2].event
    assert passed.detail == "token is [REDACTED:password]"


async def test_an_output_that_held_a_secret_goes_when_the_record_says_so() -> None:
    """Never before: a crash in between must not leave a record of an output that is nowhere."""
    plan = plan_of(BUILD)
    bench = Bench(plan)
    bench.outputs.purged = [("old", "new")]
    removed: list[list[str]] = []
    append = bench.journal.append

    def noting(*records: Record) -> None:
        removed.extend([list(bench.outputs.removed)] * len(records))
        append(*records)

    bench.journal.append = noting  # type: ignore[method-assign]  # looks on
    bench.redactor.register("db", "secret-value")
    await bench.engine.run([opened(plan)])
    (place,) = [n for n, kind in enumerate(bench.journal.kinds) if kind == "output.purged"]
    assert removed[place] == []
    assert bench.outputs.removed == ["old"]
    assert bench.engine.state.finished is not None


async def test_a_task_that_asks_for_a_file_is_answered_with_one_that_was_kept() -> None:
    plan = plan_of({"id": "look", "manual": {"instructions": "look", "evidence": "file"}})

    def hand_in(given: Confirm) -> Confirm:
        if given.evidence != "here.png":
            raise RunbookError("no such file")
        return replace(given, output="ab" * 32, bytes=9)

    bench = Bench(plan)
    bench.engine._hand_in = hand_in
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(bench.engine.run([opened(plan)]))
        await bench.until("task.requested")
        assert bench.engine.send(Confirm("look", "ann", "")) == (
            "this task asks for evidence: name a file"
        )
        assert bench.engine.send(Confirm("look", "ann", "gone.png")) == "no such file"
        assert bench.engine.send(Confirm("look", "ann", "here.png")) == ""
        await running
    events = [r.event for r in bench.journal.records if isinstance(r.event, TaskConfirmed)]
    assert [(e.evidence, e.output, e.bytes) for e in events] == [("here.png", "ab" * 32, 9)]
