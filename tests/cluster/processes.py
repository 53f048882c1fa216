"""Child processes of a test cluster: started, watched until ready, and stopped by their pid."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

POLL = 0.05
"""Seconds between two looks; a look costs one request on loopback."""
GRACE = 3.0
"""Seconds from TERM to KILL. An API server would go on serving its watches for a minute."""
TAIL = 20


class StartFailed(Exception):
    """A process ended or was not ready in time; says so with what it wrote last."""


def wait_until(true: Callable[[], bool], within: float, what: str) -> None:
    """Looks again and again; the only place of these helpers that sleeps."""
    deadline = time.monotonic() + within
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {within:g} s: {what}")
        time.sleep(POLL)


def free_ports(count: int) -> list[int]:
    """Loopback ports that nobody had a moment ago, all different."""
    with contextlib.ExitStack() as held:
        ports: list[int] = []
        for _ in range(count):
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(int(listener.getsockname()[1]))
        return ports


@dataclass
class Process:
    """One program; started again, it goes on in the same log."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    grace: float = GRACE
    _child: subprocess.Popen[bytes] | None = None
    _logged_before: int = 0

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None and self.running else None

    @property
    def running(self) -> bool:
        return self._child is not None and self._child.poll() is None

    def launch(self) -> None:
        """Starts it and does not wait for it."""
        if self.running:
            return
        with self.log.open("ab") as log:
            self._logged_before = log.tell()
            self._child = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.log.parent,
                env={"PATH": os.environ.get("PATH", ""), **self.environment},
                start_new_session=True,  # Ctrl-C is for the test, which then stops this in order
            )

    def wait_ready(self, within: float) -> None:
        def settled() -> bool:
            return not self.running or self.ready()

        try:
            wait_until(settled, within, f"{self.name} is ready")
        except TimeoutError as late:
            raise StartFailed(f"{late}\n{self.tail()}") from late
        if not self.running:
            code = self._child.returncode if self._child is not None else None
            raise StartFailed(f"{self.name} ended with {code}\n{self.tail()}")

    def stop(self) -> None:
        """TERM, and KILL for one that does not go."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.terminate()
        try:
            self._child.wait(self.grace)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """KILL, as a power failure would."""
        if self._child is None or self._child.poll() is not None:
            return
        self._child.kill()
        self._child.wait()

    def freeze(self) -> None:
        """Keeps its connections open and answers nothing, until `thaw`."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def said(self, text: str) -> bool:
        """Since its last start; for a program that tells only its log when it is ready."""
        with self.log.open("rb") as log:
            log.seek(self._logged_before)
            return text.encode() in log.read()

    def tail(self, lines: int = TAIL) -> str:
        try:
            written = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            written = []
        return "\n".join([f"--- the end of {self.log.name}:", *written[-lines:]])

    def _signal(self, number: signal.Signals) -> None:
        if self._child is not None and self.running:
            self._child.send_signal(number)
