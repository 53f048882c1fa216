"""`runbook import FILE.md [-o OUT]`: the draft of a runbook, made of a procedure written for people."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runbook.cli.exit_codes import Exit
from runbook.cli.writing import write_new
from runbook.errors import UsageError
from runbook.model.importing import imported
from runbook.model.yaml_nodes import MAX_BYTES


def add(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help="a Markdown file, or -")
    parser.add_argument("-o", "--output", default="-", metavar="OUT", help="default: print it")
    parser.epilog = (
        "Shell commands become steps, headings phases, checklists manual steps; what cannot be judged "
        "is manual, and every doubt a comment."
    )


def main(arguments: argparse.Namespace) -> int:
    called = "standard input" if arguments.file == "-" else Path(arguments.file).name
    stem = "imported" if arguments.file == "-" else Path(arguments.file).stem
    made = imported(_content(arguments.file), called, stem)
    write_new(arguments.output, made)
    doubts = made.count("# unsure: ")
    sys.stderr.write(f"{doubts} places are unsure: look for `# unsure`\n")
    return Exit.OK


def _content(file: str) -> str:
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
    except OSError as fault:
        raise UsageError(f"{file} cannot be read: {fault.strerror}") from fault
    if len(content) > MAX_BYTES:
        raise UsageError(f"{file} has {len(content)} bytes; at most {MAX_BYTES} are read")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as fault:
        raise UsageError(f"{file} is not UTF-8: byte {fault.start}") from fault
