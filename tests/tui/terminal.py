"""A real pseudo-terminal of a given size with a program in it: keys in, bytes out."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

CLEARED = ("NO_COLOR", "COLUMNS", "LINES", "TMUX", "TEXTUAL_THEME")


class Terminal:
    """`with Terminal([...]) as terminal`: the program is ended and waited for on leaving."""

    def __init__(
        self,
        argv: Sequence[str],
        *,
        columns: int = 120,
        rows: int = 35,
        environment: dict[str, str] | None = None,
    ) -> None:
        self.seen = b""
        inherited = {k: v for k, v in os.environ.items() if k not in CLEARED}
        given = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "PYTHONPATH": str(Path.cwd())}
        full = {**inherited, **given, **(environment or {})}
        size = struct.pack("HHHH", rows, columns, 0, 0)
        # The size is there before the program is: it must not have to adapt to it.
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
        self.began = time.perf_counter()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(master)
            os.login_tty(slave) if hasattr(os, "login_tty") else _login_tty(slave)
            os.execve(argv[0], list(argv), full)
        os.close(slave)
        self._master = master

    @classmethod
    def python(cls, *arguments: str, **options: object) -> Self:
        return cls([sys.executable, *arguments], **options)  # type: ignore[arg-type]  # options by name

    def hang_up(self, seconds: float = 30) -> int:
        """Close the window, as a terminal emulator does; the exit code of the program in it."""
        os.close(self._master)
        self._master = -1
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
            select.select([], [], [], 0.02)
        raise TimeoutError("the program outlives its terminal")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self._master >= 0:
            os.close(self._master)

    def send(self, keys: bytes) -> float:
        """Type; returns when."""
        os.write(self._master, keys)
        return time.perf_counter()

    def end(self, seconds: float = 10) -> None:
        """Ask the program to end, and read what it still says until it has."""
        os.kill(self.pid, signal.SIGTERM)
        end = time.perf_counter() + seconds
        while time.perf_counter() < end and self.read(0.2):
            continue

    def read(self, seconds: float) -> bool:
        """Take what comes within some seconds; False when nothing did."""
        if not select.select([self._master], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._master, 262_144)
        except OSError:  # Linux says so when the other side is gone
            return False
        self.seen += data
        return bool(data)

    def wait_for(self, marker: bytes, seconds: float = 30, start: int = 0) -> float:
        """The moment `marker` came, looked for from `start` on."""
        end = time.perf_counter() + seconds
        while marker not in self.seen[start:]:
            left = end - time.perf_counter()
            if left <= 0 or not self.read(left):
                raise TimeoutError(f"{marker!r} did not come; last: {self.seen[-300:]!r}")
        return time.perf_counter()

    def drain(self, seconds: float) -> None:
        """Read for some time."""
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            self.read(left)


def _login_tty(slave: int) -> None:
    """os.login_tty of Python 3.11 and later, by hand where the platform has none."""
    os.setsid()
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for descriptor in range(3):
        os.dup2(slave, descriptor)
    if slave > 2:
        os.close(slave)
