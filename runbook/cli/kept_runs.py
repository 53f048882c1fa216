"""What is known of each run that is kept on this machine: how it stands, and whether somebody performs it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from runbook.cli.run_directory import RunDirectory, all_runs
from runbook.errors import RunbookError
from runbook.journal.file import being_written, read
from runbook.model.values import readable
from runbook.run.events import Record, RunOpened
from runbook.run.summary import Summary, summarise
from runbook.run.terms import Mode

REMEMBERED = 5
"""Earlier runs that say how long this one will take."""


class Standing(StrEnum):
    """How a run stands now."""

    FINISHED = "finished"
    GOING_ON = "going on"
    """A process performs it."""
    HELD = "held"
    """Somebody left it; it can be taken up again."""
    DIED = "process died"
    """Its process ended without a word; it can be taken up again."""
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class KeptRun:
    directory: RunDirectory
    standing: Standing
    summary: Summary | None
    """None when its journal says nothing."""
    fault: str = ""

    @property
    def result(self) -> str:
        """How it ended, or how it stands."""
        if self.standing is Standing.FINISHED and self.summary is not None:
            return self.summary.status
        return self.standing.value

    @property
    def last(self) -> datetime | None:
        """When something was last recorded."""
        return self.summary.state.last if self.summary else None


def look_at(directory: RunDirectory) -> KeptRun:
    """One run as it stands."""
    records: list[Record] = []
    try:
        busy = being_written(directory.path)
        records = read(directory.path)
        summary = summarise(records)
    except (RunbookError, ValueError, OSError) as fault:
        return KeptRun(directory, Standing.UNREADABLE, None, str(fault))
    if summary.state.finished is not None:
        return KeptRun(directory, Standing.FINISHED, summary)
    if busy:
        return KeptRun(directory, Standing.GOING_ON, summary)
    left = summary.state.leaving
    return KeptRun(directory, Standing.HELD if left else Standing.DIED, summary)


def newest_first(runs: Path) -> list[KeptRun]:
    return [look_at(directory) for directory in reversed(all_runs(runs))]


def alike(runs: Path, opened: RunOpened) -> list[Summary]:
    """The newest finished runs of the same runbook, in the same mode and at the same speed."""
    found: list[Summary] = []
    for run in _of_name(runs, opened.name):
        if run.standing is not Standing.FINISHED or run.summary is None:
            continue
        other = run.summary.opened
        if (other.name, other.mode, other.speed) == (opened.name, opened.mode, opened.speed):
            found.append(run.summary)
        if len(found) == REMEMBERED:
            break
    return found


def ago(seconds: float) -> str:
    """How long since, in the largest unit that says something."""
    for unit, size in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // size)
        if count:
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


LOOKED_AT = 50
"""Runs of one runbook that are read before one of it begins: enough for a year of rehearsals."""


def drill_before(runs: Path, name: str, now: datetime) -> str:
    """The last drill of a runbook, found without reading the runs of all others."""
    return last_drill(_of_name(runs, name), name, now)


def _of_name(runs: Path, name: str) -> Iterator[KeptRun]:
    """The newest runs of one runbook, each read when it is asked for."""
    of_name = [directory for directory in reversed(all_runs(runs)) if f"-{name}-" in directory.id]
    return map(look_at, of_name[:LOOKED_AT])


def last_drill(kept: Iterable[KeptRun], name: str, now: datetime) -> str:
    """When this runbook was last drilled on a real cluster, and how it went; empty when never."""
    for run in kept:
        summary = run.summary
        if summary is None or run.standing is not Standing.FINISHED or run.last is None:
            continue
        if summary.opened.name != name or summary.opened.mode is Mode.PRACTICE:
            continue
        took = summary.recovery.seconds
        in_time = f" in {readable(took)}" if took is not None and summary.recovery.stopped else ""
        when = ago((now - run.last).total_seconds())
        return f"last {summary.opened.mode} of {name}: {when}, {summary.status}{in_time}"
    return ""
