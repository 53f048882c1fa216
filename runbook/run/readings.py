"""What a check saw: it holds, it does not, or it cannot be told. Unreachable is not red is not green."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    HOLDS = "holds"
    FAILS = "fails"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Reading:
    """One look at a condition. `expected` and `observed` are short sentences for an operator."""

    verdict: Verdict
    expected: str
    observed: str


def holds(expected: str, observed: str) -> Reading:
    return Reading(Verdict.HOLDS, expected, observed)


def fails(expected: str, observed: str) -> Reading:
    return Reading(Verdict.FAILS, expected, observed)


def unknown(expected: str, observed: str) -> Reading:
    return Reading(Verdict.UNKNOWN, expected, observed)
