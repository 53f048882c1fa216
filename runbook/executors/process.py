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

GRACE = 5.0
"""Seconds between TERM and KILL: kubectl needs well under one to end a request."""

DRAIN = 2.0
"""Seconds to read on after the command has ended, for what a child of its still holds open."""

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
        return (*BASH, self.script) if self.shell is None else shlex.split(self.shell)


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: an exit code, or the signal that ended it."""

    exit: int | None
    signal: str = ""
    timed_out: bool = False


OnData = Callable[[bytes], None]


async def run(
    command: Command, *, timeout: float | None, on_stdout: OnData, on_stderr: OnData
) -> Ended:
    """Start, read to the end, and never leave anything behind.

    Raises OSError when the program cannot be started. When cancelled, ends the group first.
    """
    process = await asyncio.create_subprocess_exec(
        *command.argv,
        stdin=asyncio.subprocess.DEVNULL if command.shell is None else asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=dict(command.environment),
        cwd=command.directory,
        start_new_session=True,
    )
    timed_out = False
    try:
        async with asyncio.TaskGroup() as readers:
            reading = [
                readers.create_task(_pump(process.stdout, on_stdout)),
                readers.create_task(_pump(process.stderr, on_stderr)),
            ]
            if command.shell is not None:
                await _feed(process, command.script)
            try:
                async with asyncio.timeout(timeout):
                    await process.wait()
            except TimeoutError:
                timed_out = True
                await end(process)
            await asyncio.wait(reading, timeout=DRAIN)
            for task in reading:
                task.cancel()
    except BaseException:
        # Cancelled, or a reader failed: either way nothing of it may go on.
        await asyncio.shield(end(process))
        raise
    code = process.returncode
    if code is not None and code < 0:
        return Ended(None, signal.Signals(-code).name, timed_out)
    return Ended(code, "", timed_out)


async def end(process: asyncio.subprocess.Process) -> None:
    """TERM to the group, a grace, KILL to what is left of it."""
    if process.returncode is not None:
        return
    _signal(process.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(GRACE):
            await process.wait()
    except TimeoutError:
        pass
    _signal(process.pid, signal.SIGKILL)
    await process.wait()


def _signal(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has ended already, which is what we want
        os.killpg(group, number)


async def _pump(stream: asyncio.StreamReader | None, on_data: OnData) -> None:
    if stream is None:
        return
    while data := await stream.read(CHUNK):
        on_data(data)


async def _feed(process: asyncio.subprocess.Process, script: str) -> None:
    if process.stdin is None:
        return
    # A program that ends without reading its script has said what it thinks of it by its exit code.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(script.encode())
        await process.stdin.drain()
    process.stdin.close()
