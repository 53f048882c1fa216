"""Every error a user can meet: what happened, where, what was allowed, what to do next.

Raised anywhere; put into words only by `runbook.cli` and `runbook.tui`. Messages are lower case
without a full stop, and carry the value that was refused. An error that is not a `RunbookError`
is a bug of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


class RunbookError(Exception):
    """Base of all expected errors."""

    def __init__(self, message: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.message}" if self.where else self.message]
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


class UsageError(RunbookError):
    """The command line or a setting cannot be used as given."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault of a file, with its place. `line` and `column` count from 1; 0 means the whole file."""

    message: str
    file: str = ""
    line: int = 0
    column: int = 0
    source: str = ""
    hint: str = ""

    def __str__(self) -> str:
        place = ":".join([self.file, *(str(n) for n in (self.line, self.column) if n)])
        lines = [f"{place}: {self.message}"]
        if self.source:
            lines.append(f"    {self.source.rstrip()}")
            lines.append("    " + " " * max(0, self.column - 1) + "^")
        if self.hint:
            lines.append(f"    hint: {self.hint}")
        return "\n".join(lines)


class InvalidRunbook(RunbookError):
    """A runbook file was refused; carries every problem found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        super().__init__(f"{count} problem{'s' if count != 1 else ''} in the runbook")

    def __str__(self) -> str:
        return "\n".join([*(str(problem) for problem in self.problems), self.message])


class IllegalTransition(RunbookError):
    """An event that the state machine does not accept now: a bug, or an edited journal."""


class JournalDamaged(RunbookError):
    """The journal's lines do not form one unbroken chain."""


class JournalUnavailable(RunbookError):
    """A record could not be made durable; nothing may be started after this."""


class TargetRefused(RunbookError):
    """The cluster is not the one the run was pinned to, or cannot be identified."""


class TargetUnreachable(RunbookError):
    """The cluster did not answer. Says nothing about its health."""


class CheckMisconfigured(RunbookError):
    """A check asks for something that cannot be read at all."""
