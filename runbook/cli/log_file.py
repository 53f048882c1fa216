"""Diagnostics for us: structlog to the run's own file, one event name and its keys; never the screen."""

from __future__ import annotations

import logging
from pathlib import Path

import structlog


def log_to(path: Path, level: str) -> None:
    """Send every log entry of this process to `path`, as JSON lines."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(file=path.open("a", buffering=1)),
        cache_logger_on_first_use=False,
    )
