"""Work beside a run that must never end it: what it fails of goes to the log file, and nowhere else."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

import structlog

log = structlog.get_logger()


async def harmless(work: Coroutine[Any, Any, None]) -> None:
    """Do it, as far as it goes."""
    try:
        await work
    except Exception:
        if structlog.is_configured():  # until then a line of the log would go over the screen
            log.exception("work-beside-the-run-failed")
