"""Performs a run without a screen: the same engine, lines on stdout, nobody to ask.

Leaving (ctrl-c, TERM, a closed terminal) holds the run: what runs is ended, its outcome is unknown,
and `runbook resume` goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Awaitable
from pathlib import Path

from runbook.cli import opening
from runbook.cli.beside import harmless
from runbook.cli.exit_codes import Exit, exit_of
from runbook.cli.first_plan import Request, read_request
from runbook.cli.inbox import Inbox
from runbook.cli.kept_runs import drill_before
from runbook.cli.log_file import log_to
from runbook.cli.loop import run
from runbook.cli.opening import Opened
from runbook.cli.plain import PlainFollower, closing
from runbook.cli.reports import write_junit, write_reports
from runbook.clock import RealClock
from runbook.engine import Engine
from runbook.errors import UsageError
from runbook.run.events import Record
from runbook.run.machine import undecided
from runbook.run.session import Output, Seen
from runbook.run.signals import Continue, Leave, Signal
from runbook.run.state import RunState, Status
from runbook.settings import Settings, read_settings

LEAVING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Ctrl-c, a polite kill, a closed terminal."""


def start(arguments: argparse.Namespace, file: Path, directory: Path) -> int:
    settings = read_settings()
    junit: Path | None = arguments.junit
    if junit is not None and not junit.absolute().parent.is_dir():
        raise UsageError(f"--junit {junit}: there is no such folder")
    request = read_request(arguments, settings, file, directory, attended=False)
    return run(_start(request, arguments, settings))


async def _start(request: Request, arguments: argparse.Namespace, settings: Settings) -> int:
    before = await asyncio.to_thread(
        drill_before, settings.runs, request.runbook.name, RealClock().now()
    )
    if before:
        _say(before)
    run_opening = opening.open_run(request, arguments, settings, _say)
    return await open_and_perform(run_opening, settings, junit=arguments.junit)


async def open_and_perform(
    run_opening: Awaitable[Opened],
    settings: Settings,
    decisions: tuple[Signal, ...] = (),
    junit: Path | None = None,
) -> int:
    """Perform a run as soon as it is open, unless we are told to leave before: then nothing is."""
    told: list[signal.Signals] = []
    for number in LEAVING:
        asyncio.get_running_loop().add_signal_handler(number, told.append, number)
    opened = await run_opening
    if told:
        await opening.discard(opened)
        _say(f"left before the run was open: {told[0].name}")
        return Exit.HELD
    return await perform(opened, settings, decisions, junit)


def write(text: str) -> None:
    """Raises OSError when nobody reads standard output any more."""
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError as fault:
        # The terminal's own encoding lacks a character; the record has it.
        sys.stdout.write(text.encode(fault.encoding, "backslashreplace").decode(fault.encoding))
    sys.stdout.flush()


class _Lines:
    """Writes to standard output until nobody reads it; then holds the run, since nobody watches."""

    def __init__(self, engine: Engine, operator: str) -> None:
        self._engine = engine
        self._operator = operator
        self._read = True

    def __call__(self, text: str) -> None:
        if not self._read:
            return
        try:
            write(text)
        except OSError:
            self._read = False
            _let_go_of_stdout()
            self._engine.send(Leave(self._operator, "nobody reads the output any more"))


def _let_go_of_stdout() -> None:
    """What was not written must not be tried again when the program ends."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)


def _say(text: str) -> None:
    write(f"{text}\n")


def needs_a_person(engine: Engine) -> str:
    """Why an unattended run cannot go on by itself; empty when it can."""
    step = undecided(engine.plan, engine.state)
    if step is None or engine.state.step(step.id).status is not Status.INTERRUPTED:
        return ""
    return f"{step.number} {step.title}: only a person can say whether it did its work"


class _Unattended:
    """Ends a run that has come to a point where only a person can decide."""

    def __init__(self, engine: Engine, operator: str) -> None:
        self._engine = engine
        self._operator = operator

    def on_record(self, record: Record) -> None:
        if record.event.kind == "step.interrupted" and self._engine.state.held is None:
            self._engine.send(Leave(self._operator, needs_a_person(self._engine)))

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None: ...


async def perform(
    opened: Opened,
    settings: Settings,
    decisions: tuple[Signal, ...] = (),
    junit: Path | None = None,
) -> int:
    """Run to the end or to where a person is needed; print, write the reports, return the code."""
    engine = opened.wired.engine
    log_to(opened.wired.directory.log, settings.log_level, opened.wired.redactor.text)
    lines = _Lines(engine, settings.operator)
    engine.follow(PlainFollower(lines))
    leave_on_signals(engine, settings.operator)
    resumed = bool(engine.records)
    expected = len(engine.records) + len(opened.first)
    async with asyncio.TaskGroup() as tasks:
        telling = tasks.create_task(harmless(opened.wired.notifier.tell()))
        engine.follow(opened.wired.notifier)
        running = tasks.create_task(_performed(opened, telling))
        notes = tasks.create_task(
            harmless(Inbox(opened.wired.directory, engine, RealClock()).watch())
        )
        running.add_done_callback(lambda _: notes.cancel())
        if resumed:
            await _decide(engine, settings.operator, decisions, after=expected)
        engine.follow(_Unattended(engine, settings.operator))
    state = running.result()
    paths = write_reports(opened.wired.directory, engine.records)
    lines(closing(paths.summary))
    for path in paths.files:
        lines(f"{path}\n")
    if junit is not None:
        try:
            write_junit(junit, engine.records)
            lines(f"{junit}\n")
        except OSError as fault:  # the run is over, and its own record is whole
            lines(f"{junit} was not written: {fault.strerror or fault}\n")
    for text in opened.wired.notifier.untold:
        lines(f"{text}\n")
    code = exit_of(state)
    if code is Exit.HELD:
        lines(f"held; go on with: runbook resume {opened.wired.directory.id}\n")
    return code


def leave_on_signals(engine: Engine, operator: str) -> None:
    """Ctrl-c, TERM and a closed terminal hold the run; nothing is ever rolled back by them."""

    def leave(number: signal.Signals) -> None:
        engine.send(Leave(operator, number.name))

    for number in LEAVING:
        asyncio.get_running_loop().add_signal_handler(number, leave, number)


async def _performed(opened: Opened, telling: asyncio.Task[None]) -> RunState:
    try:
        return await opened.wired.engine.run(opened.first)
    finally:
        opened.wired.notifier.close()
        await asyncio.wait([telling])  # a webhook's secret may be in the cluster
        await opened.close(opened.wired.engine.state)


async def _decide(
    engine: Engine, operator: str, decisions: tuple[Signal, ...], *, after: int
) -> None:
    """When all is recorded that a resume begins with, give the run the decisions of the command line."""
    resumed = asyncio.Event()

    class Waiter:
        def on_record(self, record: Record) -> None:
            if len(engine.records) >= after:
                resumed.set()

        def on_output(self, output: Output) -> None: ...

        def on_seen(self, seen: Seen) -> None: ...

    engine.follow(Waiter())
    await resumed.wait()
    if not decisions:
        why = needs_a_person(engine)
        engine.send(Leave(operator, why) if why else Continue(operator))
    for decision in decisions:
        if why := engine.send(decision):
            _say(f"not done: {why}")
            engine.send(Leave(operator, why))
