"""A run with an operator before the screen: opened while its plan is shown, performed beside the app."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.cli.attended_faults import AttendedFaults
from runbook.cli.beside import harmless
from runbook.cli.exit_codes import Exit, exit_of
from runbook.cli.first_plan import first_plan, plan_of_run, read_request
from runbook.cli.late_session import LateSession
from runbook.cli.requests import keep_request
from runbook.cli.run_directory import RunDirectory
from runbook.clock import RealClock
from runbook.errors import RunbookError
from runbook.run.events import ApprovalRequested, Record, RunOpened
from runbook.run.outputs import last_output
from runbook.run.session import Output, Seen
from runbook.run.signals import AddNote, Leave
from runbook.run.terms import Mode
from runbook.settings import Settings
from runbook.tui.options import ScreenOptions
from runbook.tui.screens.run import RunScreen
from runbook.tui.watching import Batch

if TYPE_CHECKING:
    # This brings the Kubernetes client with it, which the plan on the screen must not wait for.
    from runbook.cli.opening import Opened
    from runbook.target.client import ClusterClient

Open = Callable[[Callable[[str], None]], Awaitable["Opened"]]
OPENING = "runbook.cli.opening"
"""Imported in a thread: it takes long, and keys are answered meanwhile."""


def new(arguments: argparse.Namespace, settings: Settings, file: Path, directory: Path) -> Attended:
    """A run that begins. Raises what `read_request` refuses."""
    request = read_request(arguments, settings, file, directory, attended=True)

    async def open_it(say: Callable[[str], None]) -> Opened:
        await asyncio.to_thread(import_module, OPENING)
        from runbook.cli import opening

        return await opening.open_run(request, arguments, settings, say)

    session = LateSession(first_plan(request, arguments.context or "practice"))
    return Attended(session, settings, open_it)


def taken_up(
    arguments: argparse.Namespace, settings: Settings, directory: RunDirectory
) -> Attended:
    """A run that goes on."""

    async def open_it(say: Callable[[str], None]) -> Opened:
        say(f"taking up {directory.id}")
        await asyncio.to_thread(import_module, OPENING)
        from runbook.cli import opening

        return await opening.reopen_run(
            directory, settings, attended=True, keep=arguments.keep, as_started=arguments.as_started
        )

    return Attended(LateSession(plan_of_run(directory)), settings, open_it)


class Attended:
    """One run that a person walks through."""

    def __init__(self, session: LateSession, settings: Settings, open_it: Open) -> None:
        self._session = session
        self._settings = settings
        self._open = open_it
        self._opened: Opened | None = None
        self._gone = False
        self._is_open = asyncio.Event()
        self._fault: BaseException | None = None
        self._reports: tuple[str, ...] = ()
        self._engine_task: asyncio.Task[None] | None = None

    def screen(
        self, tasks: asyncio.TaskGroup, end: Callable[[], object], options: ScreenOptions
    ) -> RunScreen:
        """The screen of this run. Once it is shown, the run is opened and performed in `tasks`."""

        async def ready() -> None:
            self._engine_task = tasks.create_task(self._run(screen, end, tasks))

        screen = RunScreen(
            self._session,
            clock=RealClock(),
            operator=self._settings.operator,
            output_of=self._output_of,
            reports=lambda: list(self._reports),
            write_report=self._write_report,
            feed=self._feed,
            practice=self._practice(),
            on_ready=ready,
            options=options,
        )
        return screen

    def _practice(self) -> AttendedFaults | None:
        """What the palette may break: only a practice cluster."""
        if self._session.plan.mode != Mode.PRACTICE:
            return None

        def client() -> ClusterClient | None:
            return self._opened.wired.client if self._opened is not None else None

        def note(text: str) -> str:
            return self._session.send(AddNote(self._settings.operator, text))

        return AttendedFaults(client, note, RealClock())

    def leave(self, reason: str) -> None:
        """Hold the run, unless it is over."""
        self._gone = True
        if self._engine_task is not None and not self._engine_task.done():
            self._session.send(Leave(self._settings.operator, reason))

    async def _run(
        self, screen: RunScreen, end: Callable[[], object], tasks: asyncio.TaskGroup
    ) -> None:
        from runbook.cli.inbox import Inbox
        from runbook.cli.log_file import log_to

        beside = [tasks.create_task(harmless(self._say_before(screen)))]
        try:
            opened = await self._open(screen.notice)
            if self._gone:
                from runbook.cli.opening import discard

                return await discard(opened)
            self._opened = opened
            directory = self._opened.wired.directory
            log_to(directory.log, self._settings.log_level, opened.wired.redactor.text)
            engine = self._opened.wired.engine
            self._session.attach(engine)
            engine.follow(self)
            self._is_open.set()
            inbox = Inbox(directory, engine, RealClock())
            beside += [
                tasks.create_task(harmless(self._remember(screen, opened))),
                tasks.create_task(harmless(inbox.watch())),
            ]
            tasks.create_task(harmless(opened.wired.notifier.tell()))
            engine.follow(opened.wired.notifier)
            await engine.run(self._opened.first)
            await self._write_report()
        except RunbookError as fault:
            self._fault = fault
            end()
        finally:
            if self._opened is not None:
                self._opened.wired.notifier.close()
            for task in beside:
                task.cancel()

    async def _remember(self, screen: RunScreen, opened: Opened) -> None:
        """How long the phases took before, for the projection; in a thread, since journals are long."""
        from runbook.cli.kept_runs import alike
        from runbook.run.projection import usual

        facts = opened.wired.engine.state.opened
        facts = facts or next(e for e in opened.first if isinstance(e, RunOpened))
        earlier = await asyncio.to_thread(alike, self._settings.runs, facts)
        screen.watching.usual = usual(earlier)

    async def _say_before(self, screen: RunScreen) -> None:
        """When this runbook was last drilled; nothing waits for it."""
        from runbook.cli.kept_runs import drill_before

        runs, name = self._settings.runs, self._session.plan.name
        screen.watching.before = await asyncio.to_thread(
            drill_before, runs, name, RealClock().now()
        )

    # -- what the screen asks for

    async def _feed(self, on_batch: Callable[[Batch], None]) -> None:
        await self._is_open.wait()
        assert self._opened is not None
        from runbook.target.hanging import HangingFeed
        from runbook.target.rows import masked_decisions, without_secrets
        from runbook.target.watch import FeedBatch

        plan = self._session.plan
        feed = HangingFeed(
            self._opened.wired.client, (*plan.watch, "namespaces"), plan.namespaces, RealClock()
        )
        mask = self._opened.wired.redactor.text

        def masked(batch: FeedBatch) -> None:
            rows = tuple((key, without_secrets(row, mask)) for key, row in batch.changes)
            decisions = masked_decisions(batch.decisions, mask)
            on_batch(replace(batch, changes=rows, decisions=decisions))

        await feed.run(masked)

    def _output_of(self, step: str) -> bytes:
        if self._opened is None:
            return b""
        wired = self._opened.wired
        return wired.outputs.read(last_output(wired.engine.records, step))

    async def _write_report(self) -> list[str]:
        from runbook.cli.reports import write_reports

        assert self._opened is not None
        wired = self._opened.wired
        written = await asyncio.to_thread(write_reports, wired.directory, wired.engine.records)
        self._reports = tuple(str(path) for path in written.files)
        return list(self._reports)

    # -- a follower, for requests to second persons

    def on_record(self, record: Record) -> None:
        if isinstance(record.event, ApprovalRequested) and self._opened is not None:
            keep_request(self._opened.wired.directory, self._session.state, record.event)

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None: ...

    # -- the end

    async def close(self, *, broken: bool) -> int:
        """End what must not outlast the run, say how it went; returns the exit code."""
        if self._opened is None:
            if self._fault is not None:
                raise self._fault
            return int(Exit.BUG if broken else exit_of(self._session.state))
        state = self._session.state
        await self._opened.close(state)
        if broken:
            return int(Exit.BUG)  # the app has told what happened; the run was held
        if self._fault is not None:
            raise self._fault
        from runbook.cli.plain import closing
        from runbook.run.summary import summarise

        # A terminal that was closed under us takes no more words; the record has them all.
        with contextlib.suppress(OSError):
            sys.stdout.write(closing(summarise(self._session.records)))
            sys.stdout.writelines(f"{path}\n" for path in self._reports)
            sys.stdout.writelines(f"{text}\n" for text in self._opened.wired.notifier.untold)
            if state.finished is None:
                run_id = self._opened.wired.directory.id
                sys.stdout.write(f"held; go on with: runbook resume {run_id}\n")
            sys.stdout.flush()
        return int(exit_of(state))
