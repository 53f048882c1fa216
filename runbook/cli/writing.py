"""Files that a person will edit: written once, and never over what is there."""

from __future__ import annotations

import sys
from pathlib import Path

from runbook.errors import UsageError


def write_new(file: str, text: str) -> None:
    """Write a file and print its name; `-` is standard output. Raises UsageError when it exists or
    cannot be written.
    """
    if file == "-":
        sys.stdout.write(text)
        return
    try:
        with Path(file).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError as fault:
        raise UsageError(f"{file} exists already", hint="it is not overwritten") from fault
    except OSError as fault:
        raise UsageError(f"{file} cannot be written: {fault.strerror}") from fault
    sys.stdout.write(f"{file}\n")
