"""Ages as kubectl writes them: `5s`, `2m3s`, `7h12m`, `3d4h`, `400d`, `2y35d`.

Knows nothing of objects: a timestamp is the text Kubernetes writes, `now` is given.
"""

from __future__ import annotations

from datetime import UTC, datetime

UNKNOWN = "<unknown>"
INVALID = "<invalid>"


def parse_time(text: object) -> datetime | None:
    """RFC 3339 with or without fractions; None for anything else."""
    if not isinstance(text, str) or not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def human(seconds: float) -> str:
    """A duration with at most two units, the finer one only while it still matters."""
    whole = int(seconds)
    if whole < 0:
        return INVALID if whole < -1 else "0s"  # clocks may differ by two seconds
    if whole < 2 * 60:
        return f"{whole}s"
    minutes, hours, days = whole // 60, whole // 3600, whole // 86400
    if minutes < 10:
        return _two(minutes, "m", whole % 60, "s")
    if minutes < 3 * 60:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 2 * 24:
        return f"{hours}h"
    if hours < 8 * 24:
        return _two(days, "d", hours % 24, "h")
    if days < 2 * 365:
        return f"{days}d"
    if days < 8 * 365:
        return _two(days // 365, "y", days % 365, "d")
    return f"{days // 365}y"


def age(text: object, now: datetime) -> str:
    """How long ago a timestamp was."""
    moment = parse_time(text)
    return UNKNOWN if moment is None else human((now - moment).total_seconds())


def _two(coarse: int, coarse_unit: str, fine: int, fine_unit: str) -> str:
    return f"{coarse}{coarse_unit}{fine}{fine_unit}" if fine else f"{coarse}{coarse_unit}"
