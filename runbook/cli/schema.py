"""`runbook schema`: the JSON Schema of the format, for editors."""

from __future__ import annotations

import argparse
import json
import sys

from runbook.cli.exit_codes import Exit
from runbook.model.schema import json_schema


def add(parser: argparse.ArgumentParser) -> None:
    parser.epilog = "save it as runbook.schema.json beside your runbooks"


def main(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - every sub-command is called alike
    json.dump(json_schema(), sys.stdout, indent=2)
    sys.stdout.write("\n")
    return Exit.OK
