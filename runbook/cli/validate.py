"""`runbook validate FILE...`: every problem of a runbook with its place, or what it is when there is none."""

from __future__ import annotations

import argparse
import sys

from runbook.cli.content import find_runbook
from runbook.cli.exit_codes import Exit
from runbook.errors import InvalidRunbook
from runbook.model.loader import load_file
from runbook.model.values import format_duration


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="*", help="runbook files (default: the reproduction drill)")


def main(arguments: argparse.Namespace) -> int:
    problems = 0
    for name in arguments.file or [None]:
        path = find_runbook(name)
        try:
            composed = load_file(path)
        except InvalidRunbook as fault:
            problems += len(fault.problems)
            sys.stderr.write(f"{fault}\n")
            continue
        runbook = composed.runbook
        steps = sum(1 for _ in composed.steps())
        rto = runbook.objectives.rto
        budget = f", objective {format_duration(rto)}" if rto else ""
        sys.stdout.write(
            f"{path}: valid: {len(runbook.phases)} phases, {steps} steps, "
            f"{len(runbook.health)} health checks{budget}\n"
        )
    return Exit.USAGE if problems else Exit.OK
