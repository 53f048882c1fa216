"""A run that another process performs, or nobody any more, as a session: its journal, read as it grows.

Nothing is written, and no signal is taken. What a command prints is read from the run's directory while it
runs, and from where it is stored once it has ended.
"""

from __future__ import annotations

from pathlib import Path

from runbook.cli.run_directory import RunDirectory
from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.journal import codec
from runbook.journal.file import EVENTS
from runbook.journal.outputs import OutputStore
from runbook.plan import Plan
from runbook.run.events import CommandFinished, Record
from runbook.run.outputs import last_output
from runbook.run.session import Follower, Output
from runbook.run.signals import Signal
from runbook.run.state import RunState, Status, evolve

EVERY = 0.25
"""Seconds between two looks at the journal."""
PIECE = 256 * 1024
"""Bytes of output that are read at once."""


class FollowedSession:
    """What is there is read at once; `run` reads on. Raises RunbookError when the journal is damaged."""

    def __init__(self, directory: RunDirectory, plan: Plan, clock: Clock) -> None:
        self.plan = plan
        self.state = RunState()
        self._clock = clock
        self._path = directory.path / EVENTS
        self._store = OutputStore(directory.path)
        self._offset = 0
        self._head = codec.GENESIS
        self._records: list[Record] = []
        self._followers: list[Follower] = []
        self._told: dict[tuple[str, int], int] = {}
        """Bytes of output that were told, by step and attempt."""
        self.read()

    @property
    def records(self) -> tuple[Record, ...]:
        return tuple(self._records)

    def send(self, signal: Signal) -> str:
        return "the run is another terminal's: nothing is sent from here"

    def follow(self, follower: Follower) -> None:
        self._followers.append(follower)

    def output_of(self, step: str) -> bytes:
        """What the last command of a step printed, as it is stored."""
        return self._store.read(last_output(self._records, step))

    async def run(self) -> None:
        """Follow the run until it is over. One that is held may be taken up again, so it is not."""
        while self.state.finished is None:
            self.look()
            await self._clock.sleep(EVERY)

    def look(self) -> None:
        """Take in what has been recorded and printed since."""
        self.read()
        self._outputs()

    def read(self) -> None:
        """Take in every whole line that has come since."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._offset)
                content = file.read()
        except OSError as fault:
            raise RunbookError(
                f"the journal cannot be read any more: {fault.strerror or fault}",
                where=str(self._path),
            ) from fault
        whole = content[: content.rfind(b"\n") + 1]
        for line in whole.splitlines(keepends=True):
            body = line.removesuffix(b"\n")
            record = codec.decode_line(body, len(self._records) + 1, self._head)
            self._head = codec.digest(body)
            self._offset += len(line)
            self._take(record)

    def _take(self, record: Record) -> None:
        event = record.event
        if isinstance(event, CommandFinished):
            told = self._told.pop((event.step, event.attempt), None)
            if told is not None and not event.truncated:
                self._tell(event.step, event.attempt, self._store.read(event.output)[told:])
        self.state = evolve(self.state, record)
        self._records.append(record)
        for follower in self._followers:
            follower.on_record(record)

    def _outputs(self) -> None:
        """Tell what running commands have printed since."""
        for step, here in self.state.steps.items():
            if here.status is Status.RUNNING:
                key = (step, here.attempt)
                told = self._told.setdefault(key, 0)
                piece = _piece(self._store.live_path(step, here.attempt), told)
                self._told[key] = told + len(piece)
                self._tell(step, here.attempt, piece)

    def _tell(self, step: str, attempt: int, data: bytes) -> None:
        if data:
            for follower in self._followers:
                follower.on_output(Output(step, attempt, data))


def _piece(path: Path, offset: int) -> bytes:
    """A part of a file that may not be there yet, or not any more."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            return file.read(PIECE)
    except FileNotFoundError:
        return b""
