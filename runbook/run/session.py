"""The door between a run and whoever follows it: send a signal, hear of records.

The screen and the headless printer know a run only so; a live run, a spectator and a replay are then
one screen over different sessions. Callbacks come on the event loop, after the record is durable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from runbook.plan import Plan
from runbook.run.events import Record
from runbook.run.readings import Reading
from runbook.run.signals import Signal
from runbook.run.state import RunState


@dataclass(frozen=True, slots=True)
class Output:
    """A piece of what a running command prints, masked, as it came. Not a record: the file is."""

    step: str
    attempt: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Seen:
    """What a polled condition sees at this moment. `source` is a step id or a health check's name."""

    source: str
    reading: Reading


class Follower(Protocol):
    """Hears what goes on. Never slow: it notes, and paints later."""

    def on_record(self, record: Record) -> None: ...

    def on_output(self, output: Output) -> None: ...

    def on_seen(self, seen: Seen) -> None: ...


class Session(Protocol):
    plan: Plan

    @property
    def state(self) -> RunState: ...

    @property
    def records(self) -> tuple[Record, ...]:
        """Every record so far, oldest first."""
        ...

    def send(self, signal: Signal) -> str:
        """Pass a signal on. Returns why it does not fit the moment, or an empty text."""
        ...

    def follow(self, follower: Follower) -> None:
        """Be told of everything from now on."""
        ...
