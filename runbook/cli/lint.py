"""`runbook lint FILE...`: advice about runbooks that are valid, each piece with its place and its rule."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Collection
from typing import Any

from runbook.cli import told
from runbook.cli.exit_codes import Exit
from runbook.cli.reading import read_all
from runbook.errors import InvalidRunbook
from runbook.model.document import CheckStep
from runbook.model.lint import lint
from runbook.model.lint_rules import RULES, as_markdown
from runbook.model.parts import Composed


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="*", help="runbook files, or - (default: the reproduction drill)"
    )
    told.add_format(parser)
    parser.add_argument("--rules", action="store_true", help="explain every rule, in Markdown")
    parser.epilog = "exit codes: 0 nothing but notes, 1 an error or a warning, 2 no valid runbook"


def main(arguments: argparse.Namespace) -> int:
    if arguments.rules:
        sys.stdout.write(as_markdown())
        return Exit.OK
    advice: list[told.Told] = []
    files: list[dict[str, Any]] = []
    unreadable = False
    for name, found in read_all(arguments.file):
        files.append({"file": name, "valid": not isinstance(found, InvalidRunbook)})
        if isinstance(found, InvalidRunbook):
            unreadable = True
            advice += [told.Told(told.INVALID, problem) for problem in found.problems]
        else:
            known = practice_faults() if _proves(found) else None
            advice += [told.Told(one.rule, one.problem) for one in lint(found, name, known)]
    match arguments.format:
        case "json":
            sys.stdout.write(told.in_json(advice, files))
        case "sarif":
            sys.stdout.write(told.in_sarif(advice, [*RULES, told.INVALID]))
        case "github":
            sys.stdout.write(told.in_github(advice))
        case _:
            sys.stdout.write(told.in_text(advice))
            sys.stderr.write(f"{told.counted(advice) or 'nothing found'}\n")
    if unreadable:
        return Exit.USAGE
    return Exit.NOT_RECOVERED if any(one.level != "note" for one in advice) else Exit.OK


def _proves(composed: Composed) -> bool:
    return any(isinstance(step, CheckStep) and step.proves_against for _, step in composed.steps())


def practice_faults() -> Collection[str]:
    """The names of the faults that this installation can inject; takes a second to find out."""
    from runbook.practice.faults.catalogue import FAULTS

    return FAULTS
