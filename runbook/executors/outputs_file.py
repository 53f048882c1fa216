"""What a command writes to $RUNBOOK_OUTPUT: `KEY=VALUE` lines, and here-documents for long values.

The form is that of GitHub Actions:

    version=1.2.3
    notes<<END
    as many lines
    as wanted
    END
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from runbook.errors import RunbookError

NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
READ_LIMIT = 1024 * 1024
LIMIT = 16 * 1024
"""Bytes of all values of one step, with their names, as the journal writes them: its lines are short."""


def read_outputs(file: Path) -> dict[str, str]:
    """The values by name; none when the command wrote none. Raises RunbookError with the bad line."""
    try:
        # Whatever a command put there: a pipe that nobody writes to is not waited for.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as written:
            if not stat.S_ISREG(os.fstat(written.fileno()).st_mode):
                raise RunbookError("cannot be read: it is no file", where="$RUNBOOK_OUTPUT")
            text = written.read(READ_LIMIT).decode("utf-8", "replace")
    except FileNotFoundError:
        return {}
    except OSError as fault:
        raise RunbookError(f"cannot be read: {fault.strerror}", where="$RUNBOOK_OUTPUT") from fault
    outputs: dict[str, str] = {}
    lines = iter(enumerate(_lines(text), 1))
    for number, line in lines:
        if not line.strip():
            continue
        name, mark, rest = _split(line)
        if mark == "<<":
            outputs[name] = _document(lines, rest.strip(), number)
        elif mark == "=":
            outputs[name] = rest
        if mark == "" or not NAME.fullmatch(name):
            raise RunbookError(
                f"{line!r} is neither NAME=VALUE nor NAME<<END", where=f"$RUNBOOK_OUTPUT:{number}"
            )
    if sum(written_size(name) + written_size(value) for name, value in outputs.items()) > LIMIT:
        raise RunbookError(f"the values are longer than {LIMIT} bytes", where="$RUNBOOK_OUTPUT")
    return outputs


def _lines(text: str) -> list[str]:
    """Only a line feed ends a line: a value may hold whatever else Unicode takes for a line's end."""
    return [line.removesuffix("\r") for line in text.split("\n")]


def written_size(text: str) -> int:
    """Bytes of a text as JSON, where a control character takes six."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))


def _split(line: str) -> tuple[str, str, str]:
    found = re.search(r"<<|=", line)
    if found is None:
        return line, "", ""
    return line[: found.start()], found.group(), line[found.end() :]


def _document(lines: Iterator[tuple[int, str]], end: str, started: int) -> str:
    collected: list[str] = []
    for _, line in lines:
        if line == end:
            return "\n".join(collected)
        collected.append(line)
    raise RunbookError(f"no line {end!r} ends this value", where=f"$RUNBOOK_OUTPUT:{started}")
