"""Performs a run with the screen. The engine is a task beside the app, never a worker of it.

The first frame comes before anything slow: the practice cluster is started, the Kubernetes client
imported and the target pinned while the plan is already shown.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.cli.exit_codes import Exit, exit_of
from runbook.cli.late_session import LateSession
from runbook.cli.loop import run
from runbook.cli.run_directory import RunDirectory
from runbook.clock import RealClock
from runbook.errors import RunbookError
from runbook.run.events import CommandFinished, Record
from runbook.run.session import Output, Seen
from runbook.run.signals import Leave
from runbook.settings import Settings, read_settings
from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.watching import Batch

if TYPE_CHECKING:
    # Everything below brings the Kubernetes client with it, which the first frame must not wait for.
    from runbook.cli.opening import Opened

Open = Callable[[Callable[[str], None]], Awaitable["Opened"]]
AFTER_HANGUP = 2.0
"""Seconds the app may take to leave a terminal that is no longer there."""


def start(arguments: argparse.Namespace, file: Path, directory: Path) -> int:
    from runbook.cli.first_plan import first_plan, read_request

    settings = read_settings()
    request = read_request(arguments, settings, file, directory, attended=True)

    async def open_it(say: Callable[[str], None]) -> Opened:
        from runbook.cli import opening

        return await opening.open_run(request, arguments, settings, say)

    session = LateSession(first_plan(request, arguments.context or "practice"))
    return run(_Screen(session, settings, arguments, open_it).perform())


def resume(arguments: argparse.Namespace, directory: RunDirectory) -> int:
    from runbook.cli.first_plan import plan_of_run

    settings = read_settings()

    async def open_it(say: Callable[[str], None]) -> Opened:
        from runbook.cli import opening

        say(f"taking up {directory.id}")
        return await opening.reopen_run(directory, settings, attended=True, keep=arguments.keep)

    session = LateSession(plan_of_run(directory))
    return run(_Screen(session, settings, arguments, open_it).perform())


class _Screen:
    """One run on one screen."""

    def __init__(
        self, session: LateSession, settings: Settings, arguments: argparse.Namespace, open_it: Open
    ) -> None:
        self._session = session
        self._settings = settings
        self._open = open_it
        self._opened: Opened | None = None
        self._gone = False
        self._is_open = asyncio.Event()
        self._fault: BaseException | None = None
        self._reports: tuple[str, ...] = ()
        self._outputs: dict[str, str] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._engine_task: asyncio.Task[None] | None = None
        self._app = RunApp(
            session,
            clock=RealClock(),
            operator=settings.operator,
            output_of=self._output_of,
            reports=lambda: list(self._reports),
            write_report=self._write_report,
            feed=self._feed,
            on_ready=self._ready,
            options=ScreenOptions(
                ascii=arguments.ascii, bell=not arguments.no_bell, no_color=settings.no_color
            ),
        )

    async def perform(self) -> int:
        self._catch_signals()
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            shown = tasks.create_task(self._show())
            await shown
            self._gone = True
            if self._engine_task is not None and not self._engine_task.done():
                # The screen has gone and the run has not: nobody watches it, so it is held.
                self._session.send(Leave(self._settings.operator, "the screen ended"))
        return await self._close()

    async def _show(self) -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await self._app.run_async()

    async def _ready(self) -> None:
        """After the first frame."""
        assert self._tasks is not None
        self._engine_task = self._tasks.create_task(self._run())

    async def _run(self) -> None:
        from runbook.cli.log_file import log_to

        try:
            opened = await self._open(self._app.notice)
            if self._gone:
                from runbook.cli.opening import discard

                return await discard(opened)
            self._opened = opened
            directory = self._opened.wired.directory
            log_to(directory.log, self._settings.log_level)
            engine = self._opened.wired.engine
            self._session.attach(engine)
            engine.follow(self)
            self._is_open.set()
            await engine.run(self._opened.first)
            await self._write_report()
        except RunbookError as fault:
            self._fault = fault
            self._app.exit()

    # -- what the screen asks for

    async def _feed(self, on_batch: Callable[[Batch], None]) -> None:
        await self._is_open.wait()
        assert self._opened is not None
        from runbook.target.watch import Feed

        plan = self._session.plan
        feed = Feed(
            self._opened.wired.client, (*plan.watch, "namespaces"), plan.namespaces, RealClock()
        )
        await feed.run(on_batch)

    def _output_of(self, step: str) -> bytes:
        if self._opened is None:
            return b""
        return self._opened.wired.outputs.read(self._outputs.get(step, ""))

    async def _write_report(self) -> list[str]:
        from runbook.cli.reports import write_reports

        assert self._opened is not None
        wired = self._opened.wired
        written = await asyncio.to_thread(write_reports, wired.directory, wired.engine.records)
        self._reports = tuple(str(path) for path in written.files)
        return list(self._reports)

    # -- a follower, for the digests of outputs

    def on_record(self, record: Record) -> None:
        if isinstance(record.event, CommandFinished):
            self._outputs[record.event.step] = record.event.output

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None: ...

    # -- the end

    def _catch_signals(self) -> None:
        import signal

        def leave(number: signal.Signals) -> None:
            self._session.send(Leave(self._settings.operator, number.name))
            asyncio.get_running_loop().call_later(AFTER_HANGUP, self._app.exit)

        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, leave, number)

    async def _close(self) -> int:
        if self._opened is None:
            if self._fault is not None:
                raise self._fault
            return int(exit_of(self._session.state))
        state = self._session.state
        await self._opened.close(state)
        if self._app.return_code:
            return int(Exit.BUG)  # the app has told what happened; the run was held
        if self._fault is not None:
            raise self._fault
        from runbook.cli.plain import closing
        from runbook.run.summary import summarise

        # A terminal that was closed under us takes no more words; the record has them all.
        with contextlib.suppress(OSError):
            sys.stdout.write(closing(summarise(self._session.records)))
            sys.stdout.writelines(f"{path}\n" for path in self._reports)
            if state.finished is None:
                run_id = self._opened.wired.directory.id
                sys.stdout.write(f"held; go on with: runbook resume {run_id}\n")
            sys.stdout.flush()
        return int(exit_of(state))
