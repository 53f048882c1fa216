"""Durations and moments as the screen writes them: m:ss, 02:31:49Z."""

from __future__ import annotations

from datetime import datetime


def clock(seconds: float) -> str:
    """0:08, 12:40, 1:02:03."""
    whole = max(0, int(seconds))
    minutes, rest = divmod(whole, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def age(seconds: float) -> str:
    """As kubectl writes ages: 42s, 7m, 3h, 2d."""
    whole = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole >= 2 * size or (size > 60 and whole >= size):
            return f"{whole // size}{unit}"
    return f"{whole}s"


def since(moment: datetime | None, now: datetime) -> float:
    return (now - moment).total_seconds() if moment is not None else 0.0


def at(moment: datetime) -> str:
    return f"{moment:%H:%M:%S}Z"


def at_minute(moment: datetime) -> str:
    return f"{moment:%H:%M}Z"
