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

GRACE = 5.0
"""Seconds between TERM and KILL: kubectl needs well under one to end a request."""

DRAIN = 2.0
"""Seconds to read on after the command has ended, for what a child of its still holds open."""

POLL = 0.02
"""Seconds between two looks whether a group has ended."""

CHUNK = 64 * 1024
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


OnData = Callable[[bytes], None]
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
    process = _Process()
    timed_out = False
    try:
        await _start(process, command)
        async with asyncio.TaskGroup() as readers:
            reading = [
                readers.create_task(_pump(process.stdout, on_stdout)),
                readers.create_task(_pump(process.stderr, on_stderr)),
            ]
            if command.shell is not None:
                await _feed(process, command.script)
            try:
                async with asyncio.timeout(timeout):
                    await process.ended.wait()
            except TimeoutError:
                timed_out = True
                await end(process)
            await asyncio.wait(reading, timeout=DRAIN)
            for task in reading:
                task.cancel()
        await end(process)  # what it left in the background
    except BaseExceptionGroup as failed:
        # A reader failed, so nobody would hear the rest.
        await end(process)
        raise failed.exceptions[0] from None
    except BaseException:
        await end(process)
        raise
    finally:
        process.close()
        how = _how(process.returncode, timed_out)
        if on_end is not None and process.pid:
            on_end(how)
    return how


def _how(code: int | None, timed_out: bool) -> Ended:
    if code is not None and code < 0:
        # A real-time signal has a number only.
        name = next((s.name for s in signal.Signals if s == -code), f"signal {-code}")
        return Ended(None, name, timed_out)
    return Ended(code, "", timed_out)


class _Process(asyncio.subprocess.SubprocessStreamProtocol):
    """A started program; `ended` is set when it ends, whoever still holds its output open."""

    def __init__(self) -> None:
        super().__init__(limit=CHUNK, loop=asyncio.get_running_loop())
        self.settled = asyncio.Event()
        """Whether it has been started is known."""
        self.ended = asyncio.Event()
        self.pid = 0
        """0 when it has not been started."""
        self._started: asyncio.SubprocessTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._started, self.pid = transport, transport.get_pid()

    def process_exited(self) -> None:
        super().process_exited()
        self.ended.set()

    @property
    def returncode(self) -> int | None:
        return self._started.get_returncode() if self._started else None

    def close(self) -> None:
        """Let go of its pipes."""
        if self._started is not None:
            self._started.close()


async def _start(process: _Process, command: Command) -> None:
    """When cancelled, first finds out whether there is a process to end."""
    try:
        await asyncio.shield(_starting(process, command))
    except asyncio.CancelledError:
        while not process.settled.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await process.settled.wait()
        raise


async def _starting(process: _Process, command: Command) -> None:
    try:
        await asyncio.get_running_loop().subprocess_exec(
            lambda: process,
            *command.argv,
            stdin=asyncio.subprocess.DEVNULL if command.shell is None else asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=dict(command.environment),
            cwd=command.directory,
            start_new_session=True,
        )
    finally:
        process.settled.set()


async def end(process: _Process) -> None:
    """TERM to the group, a grace, KILL to what is left of it.

    However often it is cancelled meanwhile, it ends the group first.
    """
    if not process.pid:
        return
    told: asyncio.CancelledError | None = None
    clock = RealClock()
    until = clock.monotonic() + GRACE
    there = _signal(process.pid, signal.SIGTERM)
    while there and clock.monotonic() < until:
        try:
            await clock.sleep(POLL)
        except asyncio.CancelledError as again:
            told = again
        there = _signal(process.pid, 0)
    if there:
        _signal(process.pid, signal.SIGKILL)
    while not process.ended.is_set():
        try:
            await process.ended.wait()
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


async def _pump(stream: asyncio.StreamReader | None, on_data: OnData) -> None:
    if stream is None:
        return
    while data := await stream.read(CHUNK):
        on_data(data)


async def _feed(process: _Process, script: str) -> None:
    if process.stdin is None:
        return
    # A program that ends without reading its script has said what it thinks of it by its exit code.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(script.encode())
        await process.stdin.drain()
    process.stdin.close()
