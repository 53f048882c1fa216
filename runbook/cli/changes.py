"""What has changed in a runbook's files since a run was started from them."""

from __future__ import annotations

import difflib
from pathlib import Path

from runbook.cli.run_directory import RunDirectory
from runbook.errors import RunbookError
from runbook.run.events import RunOpened

LINES = 60
"""Of a difference that are shown; the files are there for the rest."""


def since(directory: RunDirectory, opened: RunOpened) -> dict[str, str]:
    """Each file that is another now, with the difference. A file that is gone says nothing."""
    source = Path(opened.source)
    pairs = [(source, directory.source)]
    pairs += [(source.parent / key, directory.part_path(key)) for key in opened.parts]
    found: dict[str, str] = {}
    for now, then in pairs:
        try:
            before, after = then.read_bytes(), now.read_bytes()
        except OSError:
            continue
        if before != after:
            found[now.name] = _difference(before, after, now)
    return found


def _difference(before: bytes, after: bytes, path: Path) -> str:
    lines = list(
        difflib.unified_diff(
            before.decode("utf-8", "replace").splitlines(),
            after.decode("utf-8", "replace").splitlines(),
            f"{path} (as this run was started)",
            f"{path} (now)",
            lineterm="",
            n=1,
        )
    )
    more = [f"… and {len(lines) - LINES} more lines"] if len(lines) > LINES else []
    return "\n".join([*lines[:LINES], *more])


def refused(changed: dict[str, str], directory: RunDirectory) -> RunbookError:
    """A run goes on with what it was started with; that somebody meant otherwise must be ruled out."""
    return RunbookError(
        "the runbook has changed since this run was started\n" + "\n".join(changed.values()),
        where=directory.id,
        hint="--as-started goes on with the copy that was kept, and the record says so; "
        "for the changed one start a new run",
    )
