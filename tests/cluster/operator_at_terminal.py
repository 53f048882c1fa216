"""A person who walks a run on the screen: types a gate's text when asked, leaves when it is over.

What is asked is read from the journal, as the screen's own words are for people; what is typed goes
through a real pseudo-terminal, so that a run is attended in the only way it can be.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook.journal.file import EVENTS, read
from runbook.run.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    Record,
)
from runbook.tui.presenter.prompt import GUARD
from tests.cluster.sides import ROOT
from tests.tui.terminal import Terminal

MOMENT = 0.1
"""Seconds of the screen's output between two looks at the journal."""
READ = 2 * GUARD
"""Seconds the person takes to read a question; the screen takes no key just after it has put one."""
TYPED = 5.0
"""Seconds after which an answer that did not arrive is typed again."""


@dataclass(frozen=True, slots=True)
class Walk:
    """How a run went."""

    directory: Path
    records: tuple[Record, ...]
    screen: bytes


class Operator:
    """One person with a state directory of their own."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._environment = {
            "PATH": f"{os.environ['PATH']}:{Path(sys.executable).parent}",
            "HOME": str(home),
            "RUNBOOK_STATE_DIR": str(home / "state"),
            "PYTHONPATH": str(ROOT),
        }

    @property
    def environment(self) -> dict[str, str]:
        return self._environment

    def runs(self) -> list[Path]:
        return sorted((self._home / "state" / "runs").glob("*"))

    def walk(
        self,
        words: Sequence[str],
        answers: Mapping[str, str],
        within: float,
        meanwhile: Callable[[], None] = lambda: None,
    ) -> Walk:
        """`runbook WORDS` to its end; `answers` are the texts of the gates by step."""
        before = set(self.runs())
        with Terminal.python(
            "-m", "runbook.cli.main", *words, environment=self._environment
        ) as screen:
            deadline = time.monotonic() + within
            typed: dict[str, float] = {}  # step -> when its answer is due
            while True:
                screen.drain(MOMENT)
                meanwhile()
                new = [run for run in self.runs() if run not in before]
                records = read(new[-1]) if new and (new[-1] / EVENTS).exists() else []
                if records and records[-1].event.kind == "run.finished":
                    break
                for step in _asked(records):
                    due = typed.setdefault(step, time.monotonic() + READ)
                    if time.monotonic() >= due:
                        screen.send(answers[step].encode() + b"\r")
                        typed[step] = time.monotonic() + TYPED
                if time.monotonic() > deadline:
                    raise TimeoutError(f"the run is not over: {_last(records)}")
            screen.drain(1)
            screen.end()
            return Walk(new[-1], tuple(read(new[-1])), screen.seen)


def _asked(records: Sequence[Record]) -> list[str]:
    """Steps whose gate is open."""
    open_gates: dict[str, None] = {}
    for record in records:
        event = record.event
        if isinstance(event, ApprovalRequested):
            open_gates[event.step] = None
        elif isinstance(event, ApprovalGranted | ApprovalRefused | ApprovalExpired):
            open_gates.pop(event.step, None)
    return list(open_gates)


def _last(records: Sequence[Record]) -> str:
    return "; ".join(
        f"{record.event.kind} {getattr(record.event, 'step', '')}" for record in records[-5:]
    )
