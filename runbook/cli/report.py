"""`runbook report [RUN]`: write a run's recovery log again, or print one form of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook.cli.exit_codes import Exit
from runbook.cli.reports import PRINTED, facts_of, write_reports
from runbook.cli.run_directory import find
from runbook.journal.file import read
from runbook.settings import read_settings


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", nargs="?", help="id, end of an id, or path; default: the newest")
    parser.add_argument("--format", choices=sorted(PRINTED), help="print this form on stdout")
    parser.add_argument("--into", type=Path, help="write the files into this directory instead")


def main(arguments: argparse.Namespace) -> int:
    directory = find(read_settings().runs, arguments.run)
    records = read(directory.path)
    if arguments.format:
        sys.stdout.write(PRINTED[arguments.format](facts_of(records)))
        return Exit.OK
    for path in write_reports(directory, records, arguments.into).files:
        sys.stdout.write(f"{path}\n")
    return Exit.OK
