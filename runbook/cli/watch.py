"""`runbook watch [RUN]`: a second terminal over a run, which can change nothing.

Without a terminal it prints what a headless run would, until the run is over or nobody performs it. The
exit code is that of the run once it is over, and 0 before.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from collections.abc import Callable

from runbook.cli.exit_codes import Exit, exit_of
from runbook.cli.first_plan import plan_of_run
from runbook.cli.followed import EVERY, FollowedSession
from runbook.cli.loop import run
from runbook.cli.plain import PlainFollower, closing
from runbook.cli.reports import FORMS
from runbook.cli.run_directory import RunDirectory, find
from runbook.clock import RealClock, pause
from runbook.errors import RunbookError
from runbook.journal.file import being_written
from runbook.run.summary import summarise
from runbook.settings import read_settings
from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.screens.watch import WatchScreen
from runbook.tui.watching import Batch


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="id, end of an id, or path; default: the newest")
    parser.add_argument("--headless", action="store_true", help="lines instead of the screen")
    parser.add_argument("--ascii", action="store_true", help="no symbols beyond ASCII")
    parser.add_argument("--no-bell", action="store_true", help="never ring the terminal's bell")


def main(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    directory = find(settings.runs, arguments.run)
    session = FollowedSession(directory, plan_of_run(directory), RealClock())
    if arguments.headless or not (sys.stdout.isatty() and sys.stdin.isatty()):
        _print(session, directory)
    else:
        options = ScreenOptions(
            ascii=arguments.ascii, bell=not arguments.no_bell, no_color=settings.no_color
        )
        run(_Watch(session, directory, options).perform())
    return exit_of(session.state) if session.state.finished else Exit.OK


def _print(session: FollowedSession, directory: RunDirectory) -> None:
    """Lines as they come. Raises BrokenPipeError when nobody reads them any more."""

    def write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()

    printer = PlainFollower(write)
    for record in session.records:
        printer.on_record(record)
    session.follow(printer)
    while session.state.finished is None:
        performed = being_written(directory.path)
        session.look()
        if not performed:
            break
        pause(EVERY)
    write(closing(summarise(session.records)))
    if session.state.finished is None:
        write("nobody performs it now\n")


class _Watch:
    """The app over a followed run."""

    def __init__(
        self,
        session: FollowedSession,
        directory: RunDirectory,
        options: ScreenOptions,
    ) -> None:
        self._session = session
        self._directory = directory
        self._options = options
        self._fault: RunbookError | None = None
        self._tasks = asyncio.TaskGroup()
        self._following: asyncio.Task[None] | None = None
        self._app = RunApp(
            directory.id, self._load, doing=f"reading {directory.path}", options=options
        )

    async def perform(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._app.exit)
        async with self._tasks:
            await self._app.run_async()
            if self._following is not None:
                self._following.cancel()
        if self._fault is not None:
            raise self._fault

    async def _ready(self) -> None:
        """What is heard is painted, so it is listened to from within the app."""
        self._following = self._tasks.create_task(self._follow())

    async def _follow(self) -> None:
        try:
            await self._session.run()
        except RunbookError as fault:
            self._fault = fault
            self._app.exit()

    async def _load(self) -> WatchScreen:
        opened = self._session.state.opened
        has_cluster = self._session.state.finished is None and self._directory.kubeconfig.exists()
        return WatchScreen(
            self._session,
            clock=RealClock(),
            operator=opened.operator if opened else "",
            output_of=self._session.output_of,
            reports=self._reports,
            feed=self._feed if has_cluster else None,
            on_ready=self._ready,
            options=self._options,
        )

    def _reports(self) -> list[str]:
        paths = (self._directory.report(kind) for kind in FORMS)
        return [str(path) for path in paths if path.exists()]

    async def _feed(self, on_batch: Callable[[Batch], None]) -> None:
        """The cluster's rows, read with the run's own credentials."""
        from runbook.target.client import connect
        from runbook.target.hanging import HangingFeed

        plan = self._session.plan
        client = await connect(self._directory.kubeconfig)
        try:
            resources = (*plan.watch, "namespaces")
            await HangingFeed(client, resources, plan.namespaces, RealClock()).run(on_batch)
        finally:
            await client.close()
