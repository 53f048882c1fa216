"""The small types of the format: durations, names and what a text may look like.

Durations are written with a unit (`90s`, `5m`, `1h30m`, `500ms`) and held as float seconds; a bare
number is refused, because half the readers would take it for minutes.
"""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_PART = r"([0-9]+(?:\.[0-9]+)?)(ms|s|m|h|d)"
DURATION = re.compile(rf"(?:{_PART})+")

LONGEST = 366 * 86400.0
"""Seconds: no run lasts longer, and a moment further away is none that a calendar has."""


def parse_duration(value: Any) -> float:
    """Seconds of a written duration. Raises ValueError with the allowed form."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a duration is a text such as 90s, 5m or 1h30m")
    if not isinstance(value, str):
        raise ValueError(f"a duration needs a unit: write {value}s or {value}m")
    text = value.strip()
    if not DURATION.fullmatch(text):
        unit = f": write {text}s or {text}m" if re.fullmatch(r"\d+(\.\d+)?", text) else ""
        raise ValueError(f"{value!r} is no duration such as 90s, 5m or 1h30m{unit}")
    seconds = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    if seconds > LONGEST:
        raise ValueError(f"{value!r} is longer than a year")
    return seconds


def format_duration(seconds: float) -> str:
    """The shortest writing of a duration that `parse_duration` reads back."""
    milliseconds = round(seconds * 1000)
    parts: list[str] = []
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def readable(seconds: float) -> str:
    """A duration for people: tenths below a minute, whole seconds above."""
    if seconds < 60:
        return f"{seconds:.1f}".rstrip("0").rstrip(".") + "s"
    return format_duration(round(seconds))


Duration = Annotated[
    float,
    BeforeValidator(parse_duration),
    PlainSerializer(format_duration, return_type=str),
    WithJsonSchema(
        {"type": "string", "pattern": rf"^\s*{DURATION.pattern}\s*$", "examples": ["90s", "5m"]}
    ),
]
"""Seconds; written as text with a unit."""

Identifier = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}$")]
"""How steps, phases, checks and inputs are referred to: lower case, digits, `-` and `_`."""

Reference = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,62}(\.[a-z][a-z0-9_-]{0,62})*$")]
"""A name, or one of a runbook that is used: `teardown.gone`."""

Text = Annotated[str, Field(min_length=1)]
