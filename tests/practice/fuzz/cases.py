"""How many cases there are, and what must not be in a log afterwards.

`make test` runs a fixed number of the same cases. RUNBOOK_FUZZ=N makes N times as many, others each
time: the seed is printed with what they find.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from hypothesis import HealthCheck, Phase, settings
from structlog.testing import capture_logs
from structlog.typing import EventDict

FACTOR = int(os.environ.get("RUNBOOK_FUZZ", "0"))
SECONDS = 0 if FACTOR else 300  # for one test, on a busy machine; 0 is for ever

Test = TypeVar("Test", bound=Callable[..., None])


def cases(count: int) -> Callable[[Test], Test]:
    """So many examples of a test, times RUNBOOK_FUZZ."""
    return settings(
        max_examples=count * max(1, FACTOR),
        derandomize=FACTOR == 0,
        database=None,
        deadline=None,
        print_blob=FACTOR > 0,
        phases=(Phase.explicit, Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )


class Stumbled(AssertionError):
    """Somewhere a bug was caught, logged and survived."""


@contextmanager
def nothing_stumbles() -> Iterator[list[str]]:
    """Fail with the first mistake that was logged, as it was raised. Yields what was refused."""
    stumbles: list[BaseException] = []
    refusals: list[str] = []

    def note(_logger: object, level: str, event: EventDict) -> EventDict:
        if level in {"error", "critical"}:
            stumbles.append(sys.exc_info()[1] or Stumbled(str(event)))
        elif level == "warning":
            refusals.append(str(event))
        return event

    with capture_logs(processors=[note]):
        yield refusals
    if stumbles:
        raise stumbles[0]
