"""`runbook new [FILE] [--name N]`: a commented runbook to start from, valid and without advice."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from runbook.cli.exit_codes import Exit
from runbook.cli.writing import write_new
from runbook.errors import UsageError
from runbook.model.yaml_text import scalar

NAME = re.compile(r"[a-z][a-z0-9_-]{0,62}")
DEFAULT_NAME = "my-runbook"
TEMPLATE = Path(__file__).with_name("starting.yaml")


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", nargs="?", help="what to write (default: NAME.yaml), or -")
    parser.add_argument("--name", help=f"its name (default: that of the file, or {DEFAULT_NAME})")


def main(arguments: argparse.Namespace) -> int:
    file, name = arguments.file, arguments.name
    if name is None:
        name = Path(file).stem if file not in (None, "-") else DEFAULT_NAME
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name of a runbook",
            hint="lower case, digits, - and _, a letter first: --name my-runbook",
        )
    write_new(file or f"{name}.yaml", starting(name))
    if file != "-":
        sys.stderr.write("next: edit it, then `runbook lint` it and `runbook run` it\n")
    return Exit.OK


def starting(name: str) -> str:
    """The text of a new runbook."""
    template = TEMPLATE.read_text(encoding="utf-8")
    return template.replace("name: NAME\n", f"name: {scalar(name)}\n", 1)
