"""From the start of the process to the first painted screen: `runbook run` against a minimal Textual app.

    PYTHONPATH=. .venv/bin/python tests/bench/bench_first_frame.py

Both run in a real pseudo-terminal of 120x35, in turns; the ratio is the figure.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import statistics
import struct
import sys
import tempfile
import termios
import time

ROUNDS = 7
MINIMAL = """
from textual.app import App
from textual.widgets import Static
class Minimal(App):
    def compose(self):
        yield Static("PAINTED")
Minimal().run()
"""


def painted_after(argv: list[str], marker: bytes, environment: dict[str, str]) -> float:
    """Seconds until `marker` is written to the terminal."""
    began = time.perf_counter()
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(argv[0], argv, environment)
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 35, 120, 0, 0))
    seen = b""
    try:
        while marker not in seen:
            if not select.select([terminal], [], [], 30)[0]:
                raise TimeoutError(seen[-500:])
            seen += os.read(terminal, 65536)
        return time.perf_counter() - began
    finally:
        os.kill(pid, signal.SIGTERM)
        with contextlib.suppress(OSError):
            while os.read(terminal, 65536):
                pass
        os.waitpid(pid, 0)
        os.close(terminal)


def main() -> None:
    ours: list[float] = []
    minimal: list[float] = []
    with tempfile.TemporaryDirectory() as state:
        environment = {**os.environ, "TERM": "xterm-256color", "RUNBOOK_STATE_DIR": state}
        for _ in range(ROUNDS):
            minimal.append(painted_after([sys.executable, "-c", MINIMAL], b"PAINTED", environment))
            command = [sys.executable, "-m", "runbook.cli.main", "run"]
            ours.append(painted_after(command, b"READY", environment))
    first, second = statistics.median(minimal), statistics.median(ours)
    print(f"first frame, median of {ROUNDS}")
    print(f"  minimal Textual app  {first * 1000:6.0f} ms")
    print(f"  runbook run          {second * 1000:6.0f} ms")
    print(f"  ratio                {second / first:6.2f}")


if __name__ == "__main__":
    main()
