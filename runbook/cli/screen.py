"""Performs a run with the screen: the first frame at once, everything that takes time after it.

This module must load nothing but what that frame needs; `tests/cli/test_main.py` holds it to that.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from runbook.cli.loop import run
from runbook.errors import RunbookError
from runbook.settings import Settings, read_settings
from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions

if TYPE_CHECKING:
    # The model, the engine and the rest of the screen come after the first frame.
    from runbook.cli.attended import Attended
    from runbook.cli.run_directory import RunDirectory
    from runbook.tui.screens.run import RunScreen

Prepare = Callable[[Settings], "Attended"]
AFTER_HANGUP = 2.0
"""Seconds the app may take to leave a terminal that is no longer there."""


def start(arguments: argparse.Namespace, file: Path, directory: Path) -> int:
    def prepare(settings: Settings) -> Attended:
        from runbook.cli import attended

        return attended.new(arguments, settings, file, directory)

    return _show(file.stem, f"reading {file}", prepare, arguments)


def resume(arguments: argparse.Namespace, directory: RunDirectory) -> int:
    def prepare(settings: Settings) -> Attended:
        from runbook.cli import attended

        return attended.taken_up(arguments, settings, directory)

    return _show(directory.id, f"reading {directory.path}", prepare, arguments)


def _show(name: str, doing: str, prepare: Prepare, arguments: argparse.Namespace) -> int:
    settings = read_settings()
    options = ScreenOptions(
        ascii=arguments.ascii, bell=not arguments.no_bell, no_color=settings.no_color
    )
    gc.disable()  # nothing that is loaded now is garbage; the screen turns it on again
    return run(_Showing(name, doing, prepare, settings, options).perform())


class _Showing:
    """One app, and the run that is brought into it. The engine is a task beside it, never its worker."""

    def __init__(
        self, name: str, doing: str, prepare: Prepare, settings: Settings, options: ScreenOptions
    ) -> None:
        self._prepare = prepare
        self._settings = settings
        self._options = options
        self._attended: Attended | None = None
        self._fault: RunbookError | None = None
        self._tasks = asyncio.TaskGroup()
        self._app = RunApp(name, self._load, doing=doing, options=options)

    async def perform(self) -> int:
        self._catch_signals()
        async with self._tasks:
            await self._app.run_async()
            if self._attended is not None:
                # The screen has gone; if the run has not, nobody watches it, so it is held.
                self._attended.leave("the screen ended")
        if self._fault is not None:
            raise self._fault
        if self._attended is None:
            from runbook.cli.exit_codes import Exit

            return int(Exit.BUG if self._app.return_code else Exit.HELD)
        return await self._attended.close(broken=bool(self._app.return_code))

    async def _load(self) -> RunScreen | None:
        try:
            attended = await asyncio.to_thread(self._prepare, self._settings)
        except RunbookError as fault:
            self._fault = fault
            return None
        self._attended = attended
        return attended.screen(self._tasks, self._app.exit, self._options)

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()

        def leave(number: signal.Signals) -> None:
            if self._attended is None:
                self._app.exit()
                return
            self._attended.leave(number.name)
            loop.call_later(AFTER_HANGUP, self._app.exit)

        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, leave, number)
