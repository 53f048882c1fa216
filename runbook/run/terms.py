"""What a run is for and how it ended. Apart, because the front door needs these words and no events."""

from __future__ import annotations

from enum import StrEnum


class Mode(StrEnum):
    """What the target is to us. The least dangerous is the default."""

    PRACTICE = "practice"
    DRILL = "drill"
    RECOVERY = "recovery"


class Result(StrEnum):
    """How a run ended. A run that has not ended is told by its state."""

    RECOVERED = "recovered"
    RECOVERED_LATE = "recovered_late"
    NOT_RECOVERED = "not_recovered"
    ABORTED = "aborted"


RECOVERED = frozenset({Result.RECOVERED, Result.RECOVERED_LATE})
"""The platform is healthy again, in time or not."""
