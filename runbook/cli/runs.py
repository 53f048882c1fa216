"""`runbook runs [list|show|prune]`: what was done on this machine, and what of it is still kept."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runbook.cli import runs_prune, runs_show
from runbook.cli.exit_codes import Exit
from runbook.cli.kept_runs import KeptRun, ago, last_drill, newest_first
from runbook.clock import RealClock
from runbook.model.values import readable
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="list|show|prune")
    listing = actions.add_parser("list", help="the runs, newest first (as without a word)")
    for one in (parser, listing):
        form = one.add_mutually_exclusive_group()
        form.add_argument("--ids", action="store_true", help="only the ids, one a line")
        form.add_argument("--json", action="store_true", help="one JSON list")
    runs_show.add(actions.add_parser("show", help="one run: summary, deviations, where things are"))
    runs_prune.add(actions.add_parser("prune", help="remove old runs from this machine"))


def main(arguments: argparse.Namespace) -> int:
    if arguments.action == "show":
        return runs_show.main(arguments)
    if arguments.action == "prune":
        return runs_prune.main(arguments)
    kept = newest_first(read_settings().runs)
    now = RealClock().now()
    if arguments.ids:
        sys.stdout.writelines(f"{run.directory.id}\n" for run in kept)
    elif arguments.json:
        sys.stdout.write(json.dumps([as_json(run) for run in kept], indent=2) + "\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in table(kept, now))
    return Exit.OK


def table(kept: Sequence[KeptRun], now: datetime) -> list[str]:
    """A line for each run, and one for each runbook that was drilled on a real cluster."""
    width = max((len(run.directory.id) for run in kept), default=0)
    lines = [_line(run, width, now) for run in kept]
    names = dict.fromkeys(run.summary.opened.name for run in kept if run.summary)
    drills = [drill for name in names if (drill := last_drill(kept, name, now))]
    return [*lines, *([""] if drills else []), *drills]


def _line(run: KeptRun, width: int, now: datetime) -> str:
    summary = run.summary
    if summary is None or run.last is None:
        return f"{run.directory.id:<{width}}  {run.result}: {run.fault}"
    took = summary.recovery.seconds
    recovery = f"recovery {readable(took) if took is not None else '-':<8}"
    age = ago((now - run.last).total_seconds())
    opened = summary.opened
    return (
        f"{run.directory.id:<{width}}  {opened.mode:<8}  {run.result:<14}  {recovery}  {age:<14}  "
        f"{opened.context}  {opened.operator}"
    )


def as_json(run: KeptRun) -> dict[str, Any]:
    """One run for programs; durations in seconds, times in UTC."""
    summary = run.summary
    known: dict[str, Any] = {
        "id": run.directory.id,
        "standing": run.standing.value,
        "path": str(run.directory.path),
    }
    if summary is None:
        return known | {"fault": run.fault}
    opened = summary.opened
    return known | {
        "name": opened.name,
        "title": opened.title,
        "mode": opened.mode.value,
        "result": summary.state.finished.result.value if summary.state.finished else None,
        "operator": opened.operator,
        "context": opened.context,
        "started": summary.started.isoformat(),
        "ended": summary.ended.isoformat() if summary.ended else None,
        "last_record": run.last.isoformat() if run.last else None,
        "recovery_seconds": summary.recovery.seconds,
        "recovery_stopped": summary.recovery.stopped is not None,
        "rto_seconds": summary.recovery.rto,
        "deviations": len(summary.deviations),
    }
