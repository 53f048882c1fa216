"""`runbook runs`: what was done on this machine, newest last."""

from __future__ import annotations

import argparse
import sys

from runbook.cli.exit_codes import Exit
from runbook.cli.run_directory import all_runs
from runbook.errors import RunbookError
from runbook.journal.file import read
from runbook.model.values import format_duration
from runbook.run.summary import summarise
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ids", action="store_true", help="only the ids, one a line")


def main(arguments: argparse.Namespace) -> int:
    runs = read_settings().runs
    for run in all_runs(runs):
        if arguments.ids:
            sys.stdout.write(f"{run.id}\n")
            continue
        try:
            summary = summarise(read(run.path))
        except (RunbookError, ValueError, IndexError) as fault:
            sys.stdout.write(f"{run.id}  unreadable: {fault}\n")
            continue
        recovery = summary.recovery.seconds
        took = format_duration(round(recovery)) if recovery is not None else "-"
        status = summary.status if summary.status != "running" else "unfinished"
        sys.stdout.write(
            f"{run.id}  {summary.opened.mode:<8}  {status:<13}  recovery {took:<8}  "
            f"{summary.opened.context}  {summary.opened.operator}\n"
        )
    return Exit.OK
