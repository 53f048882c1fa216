"""`runbook show [RUNBOOK]`: a runbook as a document to read, or as a chart; nothing is asked or started."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from runbook.cli.asked import given_inputs
from runbook.cli.content import find_runbook
from runbook.cli.exit_codes import Exit
from runbook.model.loader import load_file
from runbook.model.parts import Composed
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan
from runbook.report import book, mermaid
from runbook.report.planned import phases_of
from runbook.settings import read_settings

UNKNOWN = TargetFacts("<context>", "<server>", "")
"""A document is about every cluster; so it is about every mode."""


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("runbook", nargs="?", help="a file, or the name of a shipped runbook")
    parser.add_argument("--format", choices=("markdown", "mermaid"), default="markdown")
    parser.add_argument(
        "--input", action="append", default=[], metavar="NAME=VALUE", help="show it with this value"
    )


def main(arguments: argparse.Namespace) -> int:
    file: Path = find_runbook(arguments.runbook)
    composed = load_file(file)
    declared = composed.runbook.inputs
    given = given_inputs(arguments.input, dict(read_settings().inputs), set(declared))
    plan = shown_plan(composed, given)
    if arguments.format == "mermaid":
        sys.stdout.write(mermaid.render(phases_of(plan)))
    else:
        sys.stdout.write(book.render(composed.runbook, plan))
    return Exit.OK


def shown_plan(composed: Composed, given: Mapping[str, str]) -> Plan:
    """The plan with a mark in the place of every value that nobody has given."""
    runbook = composed.runbook
    inputs = {
        name: spec.model_copy(update={"default": f"<{name}>"})
        if spec.default is None and name not in given
        else spec
        for name, spec in runbook.inputs.items()
    }
    return make_plan(
        replace(composed, runbook=runbook.model_copy(update={"inputs": inputs})),
        inputs=given,
        target=UNKNOWN,
        mode="<mode>",
        environment=os.environ,
    )
