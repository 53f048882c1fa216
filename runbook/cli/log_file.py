"""Diagnostics for us: structlog to the run's own file, one event name and its keys; never the screen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import structlog


def log_to(path: Path, level: str, mask: Callable[[str], str]) -> None:
    """Send every log entry of this process to `path`, as JSON lines without secrets."""

    def masked(_logger: object, _method: str, line: Any) -> str:
        return mask(str(line))

    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
            masked,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=path.open("a", buffering=1)),
        cache_logger_on_first_use=False,
    )
