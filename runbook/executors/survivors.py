"""What an earlier process of ours has left running: commands live in sessions of their own.

Each command carries the run and the step it belongs to in its environment, where another process of ours
finds them again, however the first one ended.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import psutil

RUN, STEP = "RUNBOOK_RUN", "RUNBOOK_STEP"
"""Variables of every command: the id of its run, and of its step."""


@dataclass(frozen=True, slots=True)
class Survivor:
    """A process that still does what a step asked for."""

    pid: int
    step: str
    command: str

    def __str__(self) -> str:
        return f"pid {self.pid} ({self.command})"


def survivors(run: str) -> list[Survivor]:
    """The commands of a run that are alive, the first process of each; oldest first."""
    ours = {own.pid: own for own in psutil.process_iter() if own.pid != os.getpid()}
    found = {pid: told for pid, own in ours.items() for told in _told(own, run)}
    return [one for pid, one in sorted(found.items()) if _parent(ours[pid]) not in found]


def _told(process: psutil.Process, run: str) -> Iterator[Survivor]:
    try:
        given = process.environ()
        if given.get(RUN) == run and process.status() != psutil.STATUS_ZOMBIE:
            yield Survivor(process.pid, given.get(STEP, ""), process.name())
    except psutil.Error:
        return  # gone meanwhile, or somebody else's


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.Error:
        return None
