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


LONGEST = 2000
"""Characters of a sentence that becomes a fact: hundreds of pods could say more than a record holds."""


def short(text: str) -> str:
    """A sentence as a fact keeps it; what is left out is told."""
    left_out = len(text) - LONGEST
    return text if left_out <= 0 else f"{text[:LONGEST]}… ({left_out} characters left out)"


def holds(expected: str, observed: str) -> Reading:
    return Reading(Verdict.HOLDS, short(expected), short(observed))


def fails(expected: str, observed: str) -> Reading:
    return Reading(Verdict.FAILS, short(expected), short(observed))


def unknown(expected: str, observed: str) -> Reading:
    return Reading(Verdict.UNKNOWN, short(expected), short(observed))
