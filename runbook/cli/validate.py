"""`runbook validate FILE...`: every problem of a runbook with its place, or what it is when there is none."""

from __future__ import annotations

import argparse
import sys
from typing import Any

from runbook.cli import told
from runbook.cli.exit_codes import Exit
from runbook.cli.reading import read_all
from runbook.errors import InvalidRunbook
from runbook.model.parts import Composed
from runbook.model.values import format_duration


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="*", help="runbook files, or - (default: the reproduction drill)"
    )
    told.add_format(parser)


def main(arguments: argparse.Namespace) -> int:
    problems: list[told.Told] = []
    files: list[dict[str, Any]] = []
    for name, found in read_all(arguments.file):
        valid = not isinstance(found, InvalidRunbook)
        files.append({"file": name, "valid": valid})
        if isinstance(found, InvalidRunbook):
            problems += [told.Told(told.INVALID, problem) for problem in found.problems]
            if arguments.format == "text":
                sys.stderr.write(f"{found}\n")
        elif arguments.format == "text":
            sys.stdout.write(f"{name}: valid: {_summary(found)}\n")
    match arguments.format:
        case "json":
            sys.stdout.write(told.in_json(problems, files))
        case "sarif":
            sys.stdout.write(told.in_sarif(problems, [told.INVALID]))
        case "github":
            sys.stdout.write(told.in_github(problems))
    return Exit.USAGE if problems else Exit.OK


def _summary(composed: Composed) -> str:
    runbook = composed.runbook
    steps = sum(1 for _ in composed.steps())
    rto = runbook.objectives.rto
    budget = f", objective {format_duration(rto)}" if rto else ""
    counts = (
        (len(runbook.phases), "phase"),
        (steps, "step"),
        (len(runbook.health), "health check"),
    )
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for n, what in counts) + budget
