"""What the program's exit code says. Scripts rely on these: none is ever given another meaning."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from runbook.run.terms import Result

if TYPE_CHECKING:  # the front door needs the codes at once, and no state
    from runbook.run.state import RunState


class Exit(IntEnum):
    OK = 0
    """Recovered within the objective; or the sub-command did what it says."""
    NOT_RECOVERED = 1
    """The steps are over and the platform is not healthy; or a check or the linter said no."""
    USAGE = 2
    """The command line or the runbook cannot be used; nothing was started."""
    RECOVERED_LATE = 3
    """Recovered, but over the objective."""
    ABORTED = 4
    """A gate was refused or expired, or somebody ended the run."""
    HELD = 5
    """Left before its end; `runbook resume` goes on."""
    TARGET = 6
    """The cluster cannot be reached or is not the pinned one; nothing was started."""
    JOURNAL = 7
    """A record could not be made durable, so the run stopped."""
    BUG = 70
    """An internal error (EX_SOFTWARE)."""


_RESULTS = {
    Result.RECOVERED: Exit.OK,
    Result.RECOVERED_LATE: Exit.RECOVERED_LATE,
    Result.NOT_RECOVERED: Exit.NOT_RECOVERED,
    Result.ABORTED: Exit.ABORTED,
}


def exit_of(state: RunState) -> Exit:
    return _RESULTS[state.finished.result] if state.finished else Exit.HELD
