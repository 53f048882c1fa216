"""`runbook runs prune`: old runs, with their journals and outputs, leave this machine.

What goes is named by ids or by criteria, listed, and removed when its number has been typed: there is no
flag that says yes. A script types the number too, so it can remove no more than it counted. A run that a
process performs never goes, one that could be resumed only with --held, one that cannot be read only by
its id.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from runbook.cli import practice_cluster
from runbook.cli.exit_codes import Exit
from runbook.cli.kept_runs import KeptRun, Standing, ago, look_at, newest_first
from runbook.cli.run_directory import find
from runbook.clock import RealClock
from runbook.errors import RunbookError, UsageError
from runbook.journal.file import EVENTS, JournalFile, being_written
from runbook.model.values import parse_duration
from runbook.settings import Settings, read_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="*", help="ids, or ends of ids; without any, criteria choose")
    parser.add_argument("--keep", type=int, metavar="N", help="the newest N runs stay")
    parser.add_argument(
        "--older-than", metavar="AGE", help="only runs whose last record is older, such as 30d"
    )
    parser.add_argument(
        "--held", action="store_true", help="also runs that could be resumed; they cannot be then"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="say what would go, and remove nothing"
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes, and what was asked for but stays, with the reason."""

    going: tuple[KeptRun, ...]
    staying: tuple[tuple[KeptRun, str], ...]


def main(arguments: argparse.Namespace) -> int:
    settings = read_settings()
    now = RealClock().now()
    choice = choose(
        _asked(arguments, settings, now), held=arguments.held, named=bool(arguments.run)
    )
    for run, why in choice.staying:
        sys.stderr.write(f"stays: {run.directory.id}: {why}\n")
    for run in choice.going:
        age = f", {ago((now - run.last).total_seconds())}" if run.last else ""
        sys.stdout.write(f"{run.directory.id}  {run.result}{age}\n")
    if not choice.going:
        sys.stderr.write("nothing to remove\n")
        return Exit.OK
    if arguments.dry_run:
        sys.stderr.write(f"{len(choice.going)} would be removed; nothing was\n")
        return Exit.OK
    if not _agreed(len(choice.going)):
        sys.stderr.write("nothing was removed\n")
        return Exit.ABORTED
    left = [why for run in choice.going if (why := remove(run, settings))]
    for why in left:
        sys.stderr.write(f"stays: {why}\n")
    return Exit.NOT_RECOVERED if left else Exit.OK


def _asked(arguments: argparse.Namespace, settings: Settings, now: datetime) -> list[KeptRun]:
    """The runs that were named, or that the criteria choose."""
    keep, older = arguments.keep, arguments.older_than
    if arguments.run:
        if keep is not None or older is not None:
            raise UsageError("name runs, or give criteria: not both")
        return [look_at(find(settings.runs, one)) for one in dict.fromkeys(arguments.run)]
    if keep is None and older is None:
        raise UsageError(
            "say which runs: ids, --keep N or --older-than AGE",
            hint="--dry-run shows what would go",
        )
    if keep is not None and keep < 0:
        raise UsageError(f"--keep {keep}: a number of runs")
    before = now - timedelta(seconds=_age(older)) if older is not None else now
    beyond = newest_first(settings.runs)[keep or 0 :]
    return [run for run in beyond if run.last is not None and run.last < before]


def _age(text: str) -> float:
    try:
        return parse_duration(text)
    except ValueError as fault:
        raise UsageError(f"--older-than: {fault}") from fault


def choose(asked: Sequence[KeptRun], *, held: bool, named: bool) -> Choice:
    """What of the runs that were asked for may go."""
    going, staying = [], []
    for run in asked:
        if why := _why_not(run, held=held, named=named):
            staying.append((run, why))
        else:
            going.append(run)
    return Choice(tuple(going), tuple(staying))


def _why_not(run: KeptRun, *, held: bool, named: bool) -> str:
    match run.standing:
        case Standing.GOING_ON:
            return "a process performs it"
        case Standing.HELD | Standing.DIED if not held:
            return f"{run.standing}: it could be resumed; --held removes it all the same"
        case Standing.UNREADABLE if not named:
            return "its journal cannot be read; name it to remove it"
    try:
        return "a process performs it" if being_written(run.directory.path) else ""
    except OSError as fault:
        return str(fault)


def _agreed(count: int) -> bool:
    """Whether the number was typed. The end of input is no answer, and so a no."""
    what = "this run" if count == 1 else f"these {count} runs"
    sys.stderr.write(f"Type  {count}  to remove {what} for good: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == str(count)


def remove(run: KeptRun, settings: Settings) -> str:
    """Remove one run; why not, when it stays. Its journal goes last: what is half gone is still listed."""
    directory = run.directory
    cluster = practice_cluster.find(settings.practice / directory.id)
    if cluster is not None and run.standing is Standing.FINISHED:
        return f"{directory.id}: its practice cluster still runs; runbook practice stop --name {directory.id}"
    journal: JournalFile | None = None
    try:
        if run.standing is not Standing.UNREADABLE:
            journal, _, _ = JournalFile.reopen(directory.path)  # nobody takes it up meanwhile
        if cluster is not None:
            cluster.stop()
        shutil.rmtree(settings.practice / directory.id, ignore_errors=True)
        for path in directory.path.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            elif path.name != EVENTS:
                path.unlink()
        shutil.rmtree(directory.path)
    except (OSError, RunbookError) as fault:
        return f"{directory.id}: {fault}"
    finally:
        if journal is not None:
            journal.close()
    return ""
