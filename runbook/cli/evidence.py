"""The file that a person hands in for a manual task: found, looked at, and kept with the run's outputs."""

from __future__ import annotations

import os
import shlex
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runbook.errors import JournalUnavailable, RunbookError
from runbook.journal.outputs import OutputStore
from runbook.redact import Redactor
from runbook.run.signals import Confirm

LIMIT = 16 * 1024 * 1024
"""Bytes of a file: a screenshot, a log, a signed form; what is larger belongs elsewhere."""


def keeper(outputs: OutputStore, redactor: Redactor) -> Callable[[Confirm], Confirm]:
    """What keeps the file that an answer names, and gives the answer with its name and digest."""

    def keep(given: Confirm) -> Confirm:
        path = _named(given.evidence.strip())
        content = _content(path)
        if redactor.masked(content) != content:
            raise RunbookError(f"{path.name} holds a secret of this run: hand in one without it")
        try:
            digest = outputs.keep(content)
        except OSError as fault:
            raise RunbookError(f"{path.name} cannot be kept: {fault.strerror or fault}") from fault
        except JournalUnavailable as fault:
            raise RunbookError(f"{path.name} cannot be kept: {fault.message}") from fault
        return replace(given, evidence=path.name, output=digest, bytes=len(content))

    return keep


def _named(typed: str) -> Path:
    """The file that is meant: as typed, or quoted as terminals do with one that is dropped on them."""
    path = Path(typed).expanduser()
    if path.exists():
        return path
    try:
        words = shlex.split(typed)
    except ValueError:
        return path
    return Path(words[0]).expanduser() if len(words) == 1 else path


def _content(path: Path) -> bytes:
    """Never waits: of what is no plain file nothing is read."""
    try:
        with open(path, "rb", opener=_without_waiting) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise RunbookError(f"{path} is no file")
            content = file.read(LIMIT + 1)
    except (OSError, ValueError) as fault:
        why = getattr(fault, "strerror", None) or fault
        raise RunbookError(f"{path} cannot be read: {why}") from fault
    if len(content) > LIMIT:
        raise RunbookError(f"{path.name} has more than {LIMIT // 1024 // 1024} MiB")
    if not content:
        raise RunbookError(f"{path.name} is empty")
    return content


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)
