"""Keeps what is being done equal to what the state asks for.

The order that matters: a record is on disk before anyone hears of it. Everything else follows from
`pending(plan, state)`: a retry, an abort, an expiry and a resume are changes of state, and the engine
only starts and cancels what that changes. When the journal cannot be written, nothing more is started
and everything that runs is ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Protocol

import structlog

from runbook.clock import Clock
from runbook.errors import JournalUnavailable, RunbookError
from runbook.executors.base import Attempt, Executor, Intent, nothing_beforehand
from runbook.model.document import StepKind
from runbook.plan import Plan, Scalar
from runbook.redact import Redactor
from runbook.run.discovery import Discovery, Outputs
from runbook.run.events import (
    CommandStarting,
    Event,
    Observation,
    Record,
    StepStarted,
    TaskRequested,
)
from runbook.run.machine import Effect, Execute, Observe, WakeAt, decide, pending
from runbook.run.masking import masked
from runbook.run.readings import Reading
from runbook.run.refusals import refusal
from runbook.run.session import Follower, Output, Seen
from runbook.run.signals import (
    Approve,
    Confirm,
    Countersign,
    HealthReading,
    Outcome,
    Report,
    Signal,
    Tick,
)
from runbook.run.state import RunState, evolve, replay

log = structlog.get_logger()

ReadHealth = Callable[[str], Awaitable[Reading]]
"""Reads one health check of the plan, by name, once."""

ReadValue = Callable[[str, RunState], Awaitable[Scalar]]
"""Finds a late value: a secret, or an output kept in the state."""


Countersigned = Callable[[RunState, Countersign], Approve]
"""Finds out whose answer it is. Raises RunbookError when it is nobody's who may approve."""


HandIn = Callable[[Confirm], Confirm]
"""Keeps the file that an answer names. Raises RunbookError when there is none that can be kept."""


def nothing_is_kept(given: Confirm) -> Confirm:
    """Of an engine that has no place for files."""
    raise RunbookError(f"{given.evidence} cannot be kept here")


class Journal(Protocol):
    def append(self, *records: Record) -> None:
        """Return only when all are durable. Raises JournalUnavailable: then none of them counts."""
        ...


class _Turn:
    """Facts that become durable together, and the states they lead to."""

    def __init__(
        self,
        plan: Plan,
        state: RunState,
        recorded: int,
        clock: Clock,
        redactor: Redactor,
        intent: Intent,
    ) -> None:
        self.plan = plan
        self.state = state
        self.new: list[tuple[Record, RunState]] = []
        self.starts = False
        """A step starts: it is performed before anything can ask to stop it."""
        self._recorded = recorded
        self._clock = clock
        self._redactor = redactor
        self._intent = intent

    def take(self, signal: Signal) -> None:
        self.add(decide(self.plan, self.state, signal, self._clock.now()))

    def add(self, events: Sequence[Event]) -> None:
        """Facts, and whatever follows from them by itself."""
        while events:
            for event in events:
                self._add(event)
                if isinstance(event, StepStarted):
                    self.starts = True
                    attempt = Attempt(self.plan.step(event.step), event.attempt)
                    if intent := self._intent(attempt):
                        self._add(intent)
            events = decide(self.plan, self.state, Tick(), self._clock.now())

    def _add(self, event: Event) -> None:
        number = self._recorded + len(self.new) + 1
        record = Record(number, self._clock.now(), masked(event, self._redactor.text))
        self.state = evolve(self.state, record)
        self.new.append((record, self.state))


class Engine:
    """One run, performed. It is a `Session` to whoever follows it, and a `Desk` to its executors."""

    def __init__(
        self,
        plan: Plan,
        journal: Journal,
        *,
        executors: Mapping[StepKind, Executor],
        read_health: ReadHealth,
        read_value: ReadValue,
        redactor: Redactor,
        clock: Clock,
        countersigned: Countersigned,
        outputs: Outputs,
        hand_in: HandIn = nothing_is_kept,
        intent: Intent = nothing_beforehand,
        records: Sequence[Record] = (),
    ) -> None:
        self.plan = plan
        self._journal = journal
        self._executors = executors
        self._read_health = read_health
        self._read_value = read_value
        self._redactor = redactor
        self._clock = clock
        self._countersigned = countersigned
        self._hand_in = hand_in
        self._intent = intent
        self._discovery = Discovery(redactor, outputs)
        self._records = list(records)
        self._state = replay(records)
        self._followers: list[Follower] = []
        self._inbox: asyncio.Queue[tuple[Signal, asyncio.Future[None] | None]] = asyncio.Queue()
        self._performing: dict[Effect, asyncio.Task[None]] = {}
        self._fault: JournalUnavailable | None = None

    # -- the session

    @property
    def state(self) -> RunState:
        return self._state

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records)

    def follow(self, follower: Follower) -> None:
        self._followers.append(follower)

    def send(self, signal: Signal) -> str:
        if isinstance(signal, Countersign):
            if why := refusal(self.plan, self._state, signal):
                return why
            try:
                signal = self._countersigned(self._state, signal)
            except RunbookError as fault:
                return fault.message
        why = refusal(self.plan, self._state, signal)
        if not why and isinstance(signal, Confirm) and self._asks_for_a_file(signal.step):
            try:
                signal = self._hand_in(signal)
            except RunbookError as fault:
                return fault.message
        if not why:
            self._inbox.put_nowait((signal, None))
        return why

    def _asks_for_a_file(self, step: str) -> bool:
        asked = self._state.step(step).request
        return isinstance(asked, TaskRequested) and asked.evidence == "file"

    # -- the run

    async def run(self, opening: Sequence[Event]) -> RunState:
        """Record the opening facts, then go on until the run is over or left.

        Raises JournalUnavailable when a record could not be made durable.
        """
        async with asyncio.TaskGroup() as tasks:
            try:
                await self._commit(await self._turn(opening))
                while not self._state.over:
                    self._perform(tasks)
                    await self._take(*await self._inbox.get())
            except JournalUnavailable as fault:
                self._fault = fault
            except BaseException:
                # Nobody takes reports from now on, and what runs must not wait for somebody to.
                self._fault = JournalUnavailable("the run has stopped; nothing more is recorded")
                raise
            finally:
                self._cease()
        if self._fault is not None:
            raise self._fault
        return self._state

    async def _take(self, signal: Signal, heard: asyncio.Future[None] | None) -> None:
        """Take a signal, and those that wait behind it until a step starts: what they make true is durable at once."""
        waiting = [heard]
        try:
            if self._fault is not None:
                raise self._fault
            turn = await self._turn()
            turn.take(signal)
            while not (turn.starts or turn.state.over or self._inbox.empty()):
                signal, heard = self._inbox.get_nowait()
                waiting.append(heard)
                turn.take(signal)
            await self._commit(turn)
        except JournalUnavailable as fault:
            for heard in waiting:
                if heard is not None and not heard.done():
                    heard.set_exception(fault)
            raise
        for heard in waiting:
            if heard is not None and not heard.done():
                heard.set_result(None)

    async def _turn(self, events: Sequence[Event] = ()) -> _Turn:
        recorded = len(self._records)
        turn = _Turn(self.plan, self._state, recorded, self._clock, self._redactor, self._intent)
        turn.add([*await self._discovered(), *events])
        return turn

    async def _commit(self, turn: _Turn) -> None:
        """Make the facts of a turn durable; then tell of them in order."""
        if turn.new:
            await asyncio.to_thread(self._journal.append, *(record for record, _ in turn.new))
            self._publish(turn.new)
        if self._discovery.obsolete:
            await asyncio.to_thread(self._discovery.finish)

    async def _discovered(self) -> list[Event]:
        """What follows from secrets that became known since the last commit; a run's first fact is older."""
        if self._state.opened is None or not self._discovery.due:
            return []
        return await asyncio.to_thread(self._discovery.facts, tuple(self._records))

    def _publish(self, durable: Sequence[tuple[Record, RunState]]) -> None:
        for record, state in durable:
            self._state = state
            self._records.append(record)
            for follower in self._followers:
                follower.on_record(record)

    # -- what is being done

    def _perform(self, tasks: asyncio.TaskGroup) -> None:
        """Make what is being done equal to what the state asks for."""
        wanted = set(pending(self.plan, self._state))
        for effect in self._performing.keys() - wanted:
            self._performing.pop(effect).cancel()
        for effect in wanted - self._performing.keys():
            self._performing[effect] = tasks.create_task(self._do(effect))

    def _cease(self) -> None:
        for task in self._performing.values():
            task.cancel()
        self._performing.clear()
        while not self._inbox.empty():
            _, heard = self._inbox.get_nowait()
            if heard is not None and not heard.done():
                heard.cancel()

    async def _do(self, effect: Effect) -> None:
        match effect:
            case Execute(step=step, attempt=attempt):
                unheard = self._state.step(step).unheard
                announced = self._announced(step)
                await self._execute(Attempt(self.plan.step(step), attempt, unheard, announced))
            case WakeAt(at=at):
                await self._clock.sleep_until(at)
                self._inbox.put_nowait((Tick(), None))
            case Observe(check=check):
                await self._observe(check)

    def _announced(self, step: str) -> bool:
        """Whether the last fact of a step is what it will do outside."""
        of_it = (r.event for r in reversed(self._records) if getattr(r.event, "step", "") == step)
        return isinstance(next(of_it), CommandStarting)

    async def _execute(self, attempt: Attempt) -> None:
        step = attempt.step
        # These keep their own time: they can then say how it ended, and what it waited for.
        limit = None if step.kind in ("run", "workflow") else step.step.timeout
        try:
            async with asyncio.timeout(limit):
                outcome = await self._executors[step.kind](attempt, self)
        except TimeoutError:
            outcome = attempt.timed_out(f"not done after {limit or 0:g} s")
        except asyncio.CancelledError:
            # The state no longer asks for it; what it had started has been ended by now.
            outcome = attempt.interrupted("stopped while it ran")
        except JournalUnavailable as fault:
            # A step whose facts cannot be kept has no outcome; the tick lets the run hear of it.
            self._fault = self._fault or fault
            self._inbox.put_nowait((Tick(), None))
            return
        except Exception:
            log.exception("executor-failed", step=step.id, attempt=attempt.number)
            outcome = attempt.interrupted("an internal error; see the log file")
        self._say(outcome)

    def _say(self, outcome: Outcome) -> None:
        self._inbox.put_nowait((outcome, None))

    async def _observe(self, check: str) -> None:
        every = self.plan.health[check].every
        while True:
            asked = self._clock.now()
            reading = await self._read_health(check)
            self.seen(check, reading)
            self._inbox.put_nowait((HealthReading(check, reading, asked), None))
            await self._clock.sleep(every)

    # -- the desk

    async def record(self, event: Observation) -> None:
        if self._fault is not None:
            raise self._fault
        heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._inbox.put_nowait((Report(event), heard))
        await heard

    def tell(self, event: Observation) -> None:
        if self._fault is not None:
            raise self._fault
        self._inbox.put_nowait((Report(event), None))

    def output(self, attempt: Attempt, data: bytes) -> None:
        piece = Output(attempt.step.id, attempt.number, data)
        for follower in self._followers:
            follower.on_output(piece)

    def seen(self, source: str, reading: Reading) -> None:
        clean = Reading(
            reading.verdict,
            self._redactor.text(reading.expected),
            self._redactor.text(reading.observed),
        )
        for follower in self._followers:
            follower.on_seen(Seen(source, clean))

    async def value(self, name: str) -> Scalar:
        return await self._read_value(name, self._state)
