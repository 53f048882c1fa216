"""A started program, as the event loop hears of it: its pipes and its end are descriptors to wait for.

A command costs two turns of the loop this way; asyncio's transports and streams take a dozen for the same.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from select import PIPE_BUF
from threading import Thread
from typing import IO

CHUNK = 64 * 1024
"""Bytes read at once: what a pipe holds."""

OnData = Callable[[bytes], None]


class Child:
    """The leader of a session of its own. `pid` is its group, too."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        environment: Mapping[str, str],
        directory: Path | None,
        script: str | None,
        on_stdout: OnData,
        on_stderr: OnData,
    ) -> None:
        """Start it, with `script` on its input. Raises OSError or ValueError when that cannot be done."""
        self.ended = asyncio.Event()
        """Set when it has ended, whoever still holds its output open."""
        self.over = asyncio.Event()
        """Set when it has ended, and when `fault` is known."""
        self.heard = asyncio.Event()
        """Set when nothing more is read."""
        self.fault: Exception | None = None
        """What a reader raised; then nothing more is read."""
        self._loop = asyncio.get_running_loop()
        self._started = subprocess.Popen(
            argv,
            bufsize=0,
            stdin=subprocess.DEVNULL if script is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=environment,
            cwd=directory,
            start_new_session=True,
        )
        self.pid = self._started.pid
        self._await_end()
        self._read: set[IO[bytes]] = set()
        for pipe, on_data in ((self._started.stdout, on_stdout), (self._started.stderr, on_stderr)):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)
            self._read.add(pipe)
            self._loop.add_reader(pipe, self._hear, pipe, on_data)
        self._unwritten = memoryview((script or "").encode())
        if self._started.stdin is not None:
            self._loop.add_writer(self._started.stdin, self._write, self._started.stdin)

    @property
    def returncode(self) -> int | None:
        """As of `subprocess.Popen`: a signal is negative."""
        return self._started.returncode

    def close(self) -> None:
        """Let go of its pipes."""
        for pipe in tuple(self._read):
            self._stop_reading(pipe)
        if self._started.stdin is not None:
            self._stop_writing(self._started.stdin)

    def _await_end(self) -> None:
        try:
            descriptor = os.pidfd_open(self.pid)
        except (AttributeError, OSError):
            # Not Linux, or one before 5.3.
            Thread(target=self._wait, daemon=True).start()
        else:
            self._loop.add_reader(descriptor, self._end_of, descriptor)

    def _end_of(self, descriptor: int) -> None:
        self._loop.remove_reader(descriptor)
        os.close(descriptor)
        self._started.wait()
        self._end()

    def _wait(self) -> None:
        self._started.wait()
        self._loop.call_soon_threadsafe(self._end)

    def _end(self) -> None:
        self.ended.set()
        self.over.set()

    def _hear(self, pipe: IO[bytes], on_data: OnData) -> None:
        try:
            data = os.read(pipe.fileno(), CHUNK)
        except BlockingIOError:
            return  # the command itself, which can open its own output, was faster
        if not data:
            self._stop_reading(pipe)
            return
        try:
            on_data(data)
        except Exception as fault:  # noqa: BLE001 - whoever waits for the end raises it
            self.fault = fault
            self.over.set()
            self.close()

    def _stop_reading(self, pipe: IO[bytes]) -> None:
        self._loop.remove_reader(pipe)
        pipe.close()
        self._read.discard(pipe)
        if not self._read:
            self.heard.set()

    def _write(self, pipe: IO[bytes]) -> None:
        try:
            # So much goes into a pipe that can be written to, without waiting.
            written = os.write(pipe.fileno(), self._unwritten[:PIPE_BUF])
        except BrokenPipeError:
            # A program that ends without reading its script has said what it thinks of it by its exit code.
            written = len(self._unwritten)
        self._unwritten = self._unwritten[written:]
        if not self._unwritten:
            self._stop_writing(pipe)

    def _stop_writing(self, pipe: IO[bytes]) -> None:
        if not pipe.closed:
            self._loop.remove_writer(pipe)
            pipe.close()
