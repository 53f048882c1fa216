"""The app in a terminal, with a run of a test's own going on; what it shows and what it records.

`with RunningApp(...) as app`: the screen is drawn in memory, so that a test reads what a person would.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

from runbook.journal.file import EVENTS, read
from runbook.run.events import Record
from tests.cluster.operator_at_terminal import Operator
from tests.tui.terminal import Terminal

COLUMNS, ROWS = 160, 45
LOOK = 0.05
LEAVE = 15.0


class RunningApp:
    """One attended run of a runbook file against a kubeconfig's context."""

    def __init__(self, home: Path, runbook: Path, kubeconfig: Path, context: str) -> None:
        self._operator = Operator(home)
        self._words = ["run", str(runbook), "--mode", "drill", "--context", context]
        self._words += ["--kubeconfig", str(kubeconfig)]
        self._drawn = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.ByteStream(self._drawn)
        self._taken = 0

    def __enter__(self) -> Self:
        self._terminal = Terminal.python(
            "-m",
            "runbook.cli.main",
            *self._words,
            columns=COLUMNS,
            rows=ROWS,
            environment=self._operator.environment,
        )
        self._terminal.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._terminal.__exit__(kind, fault, trace)

    @property
    def pid(self) -> int:
        return self._terminal.pid

    @property
    def terminal(self) -> Terminal:
        return self._terminal

    @property
    def directory(self) -> Path:
        return self._operator.runs()[-1]

    @property
    def records(self) -> Sequence[Record]:
        runs = self._operator.runs()
        return read(runs[-1]) if runs and (runs[-1] / EVENTS).exists() else []

    @property
    def screen(self) -> str:
        """What is on it now."""
        self._stream.feed(self._terminal.seen[self._taken :])
        self._taken = len(self._terminal.seen)
        return "\n".join(self._drawn.display)

    def until(self, true: Callable[[], bool], within: float, what: str) -> float:
        """Take the screen in until something is true; the seconds it took."""
        began = time.monotonic()
        while not true():
            if time.monotonic() - began > within:
                told = [f"{r.event.kind} {getattr(r.event, 'step', '')}" for r in self.records[-8:]]
                raise TimeoutError(f"not within {within:g} s: {what}\n{self.screen}\n{told}")
            self._terminal.read(LOOK)
        return time.monotonic() - began

    def until_shown(self, text: str, within: float = 30) -> float:
        return self.until(lambda: text in self.screen, within, f"{text!r} on the screen")

    def recorded(self, kind: str, source: str) -> list[Record]:
        """What the journal tells of a step or a health check."""
        return [
            record
            for record in self.records
            if record.event.kind == kind
            and source in (getattr(record.event, "step", ""), getattr(record.event, "check", ""))
        ]

    def until_finished(self, within: float = 60) -> None:
        def over() -> bool:
            return bool(self.records) and self.records[-1].event.kind == "run.finished"

        self.until(over, within, "the run is over")

    def leave(self) -> None:
        """Close the screen of a run that is over."""
        self._terminal.end(LEAVE)

    def verify(self) -> str:
        """What `runbook verify` says of the run."""
        done = subprocess.run(
            [sys.executable, "-m", "runbook.cli.main", "verify", str(self.directory)],
            capture_output=True,
            text=True,
            check=False,
            env=self._operator.environment,
        )
        return done.stdout
