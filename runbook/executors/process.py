"""How a process is run and how it is ended: its whole group, TERM, a grace, KILL.

Each command is the leader of a session of its own, so a signal meant for us (ctrl-c, a closed terminal)
does not reach it by accident, and what it started is ended with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook.clock import RealClock
from runbook.executors.child import Child, OnData

GRACE = 5.0
"""Seconds between TERM and KILL: kubectl needs well under one to end a request."""

DRAIN = 2.0
"""Seconds to read on after the command has ended, for what a child of its still holds open."""

POLL = 0.02
"""Seconds between two looks whether a group has ended."""

BASH = ("bash", "--noprofile", "--norc", "-euo", "pipefail", "-c")


@dataclass(frozen=True, slots=True)
class Command:
    """What to start. Without `shell` the script is bash's; else that program reads it on stdin."""

    script: str
    environment: Mapping[str, str]
    shell: str | None = None
    directory: Path | None = None

    @property
    def argv(self) -> Sequence[str]:
        """Raises ValueError for a `shell` that names no program."""
        if self.shell is None:
            return (*BASH, self.script)
        words = shlex.split(self.shell)
        if not words:
            raise ValueError("`shell` names no program")
        return words


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: an exit code, or the signal that ended it."""

    exit: int | None
    signal: str = ""
    timed_out: bool = False


OnEnd = Callable[[Ended], None]


async def run(
    command: Command,
    *,
    timeout: float | None,
    on_stdout: OnData,
    on_stderr: OnData,
    on_end: OnEnd | None = None,
) -> Ended:
    """Start, read to the end, and never leave anything behind.

    Raises OSError or ValueError when the program cannot be started, and what a reader raised. When cancelled, or
    when a reader fails, ends the group first. `on_end` hears how it ended in each of these cases.
    """
    child = Child(
        command.argv,
        environment=command.environment,
        directory=command.directory,
        script=None if command.shell is None else command.script,
        on_stdout=on_stdout,
        on_stderr=on_stderr,
    )
    timed_out = False
    try:
        try:
            async with asyncio.timeout(timeout):
                await child.over.wait()
        except TimeoutError:
            timed_out = True
            await end(child)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN):
                await child.heard.wait()
        if child.fault is not None:
            raise child.fault
    finally:
        try:
            await end(child)  # and what it left in the background
        finally:
            child.close()
            how = _how(child.returncode, timed_out)
            if on_end is not None:
                on_end(how)
    return how


def _how(code: int | None, timed_out: bool) -> Ended:
    if code is not None and code < 0:
        # A real-time signal has a number only.
        name = next((s.name for s in signal.Signals if s == -code), f"signal {-code}")
        return Ended(None, name, timed_out)
    return Ended(code, "", timed_out)


async def end(child: Child) -> None:
    """TERM to the group, a grace, KILL to what is left of it.

    However often it is cancelled meanwhile, it ends the group first.
    """
    told: asyncio.CancelledError | None = None
    clock = RealClock()
    until = clock.monotonic() + GRACE
    there = _signal(child.pid, signal.SIGTERM)
    while there and clock.monotonic() < until:
        try:
            await clock.sleep(POLL)
        except asyncio.CancelledError as again:
            told = again
        there = _signal(child.pid, 0)
    if there:
        _signal(child.pid, signal.SIGKILL)
    while not child.ended.is_set():
        try:
            await child.ended.wait()
        except asyncio.CancelledError as again:
            told = again
    if told is not None:
        raise told


def _signal(group: int, number: int) -> bool:
    """Whether there was somebody in the group to get it."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False  # it has ended already, which is what we want; or became another user's
    return True
