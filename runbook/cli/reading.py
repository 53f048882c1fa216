"""Runbook files as `validate` and `lint` are given them: names, shipped runbooks, standard input."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from runbook.cli.content import find_runbook
from runbook.errors import InvalidRunbook
from runbook.model.loader import load, load_file
from runbook.model.parts import Composed

STANDARD_INPUT = "-"
_CALLED = "<stdin>"


def read_all(names: Sequence[str]) -> Iterator[tuple[str, Composed | InvalidRunbook]]:
    """Each file with what it is called, and its runbook or why there is none. `-` is standard input;
    files that it uses are looked for here. Raises UsageError for a name that is neither a file nor
    shipped.
    """
    for name in names or (None,):
        if name == STANDARD_INPUT:
            content = sys.stdin.buffer.read()
            try:
                yield _CALLED, load(content, _CALLED, lambda key: Path(key).read_bytes())
            except InvalidRunbook as fault:
                yield _CALLED, fault
            continue
        path = find_runbook(name)
        try:
            yield str(path), load_file(path)
        except InvalidRunbook as fault:
            yield str(path), fault
