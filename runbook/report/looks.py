"""Readings of checks as a table for people, or as JSON for programs. Pure."""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook.model.values import readable
from runbook.plan import TargetFacts
from runbook.report.text import one_line
from runbook.run.readings import Reading, Verdict

VERSION = 1
WIDTH = 79
MARKS = {Verdict.HOLDS: "✔", Verdict.FAILS: "✖", Verdict.UNKNOWN: "?"}
ASCII = {Verdict.HOLDS: "+", Verdict.FAILS: "x", Verdict.UNKNOWN: "?"}
WORDS = {Verdict.HOLDS: "hold", Verdict.FAILS: "fail", Verdict.UNKNOWN: "cannot be told"}


@dataclass(frozen=True, slots=True)
class Look:
    """What one check saw, and since when it has had this verdict, as far as somebody looked."""

    name: str
    title: str
    reading: Reading
    since: datetime


def table(
    looks: Sequence[Look], now: datetime, *, symbols: bool, since: bool, seen: bool = False
) -> str:
    """A line for each check, with what was seen where it does not hold; then how many hold. `seen`:
    with what was seen everywhere.
    """
    marks = MARKS if symbols else ASCII
    width = max((len(look.name) for look in looks), default=0)
    return "".join(
        f"{line}\n"
        for look in looks
        for line in _lines(look, marks, width, now, since=since, seen=seen)
    ) + (f"{summary(looks)}\n")


def _lines(
    look: Look, marks: dict[Verdict, str], width: int, now: datetime, *, since: bool, seen: bool
) -> Iterator[str]:
    held = f"  for {readable((now - look.since).total_seconds() // 1)}" if since else ""
    title = one_line(look.title) if look.title != look.name else ""
    yield f"{marks[look.reading.verdict]} {look.name:<{width}}  {title}{held}".rstrip()
    if look.reading.verdict is not Verdict.HOLDS:
        yield from _wrapped("expected", look.reading.expected)
    if seen or look.reading.verdict is not Verdict.HOLDS:
        yield from _wrapped("seen    ", look.reading.observed)


def _wrapped(word: str, text: str) -> list[str]:
    return textwrap.wrap(
        one_line(text), WIDTH, initial_indent=f"    {word}  ", subsequent_indent=" " * 14
    )


def summary(looks: Sequence[Look]) -> str:
    """How many hold, how many do not, and of how many nobody knows."""
    counted = Counter(look.reading.verdict for look in looks)
    told = [f"{counted[verdict]} {WORDS[verdict]}" for verdict in Verdict if counted[verdict]]
    return ", ".join(told) or "there is nothing to look at"


def change(look: Look, before: Reading | None, lasted: float) -> str:
    """One line for a verdict that is new."""
    was = f" (was {before.verdict} for {readable(lasted // 1)})" if before is not None else ""
    seen = "" if look.reading.verdict is Verdict.HOLDS else f": {one_line(look.reading.observed)}"
    return f"{look.since:%H:%M:%S}Z {look.name} {look.reading.verdict}{was}{seen}"


def document(
    looks: Sequence[Look], runbook: str, target: TargetFacts, now: datetime
) -> dict[str, Any]:
    """One JSON document; times in UTC."""
    return {
        "version": VERSION,
        "runbook": runbook,
        "context": target.context,
        "server": target.server,
        "cluster_uid": target.cluster_uid,
        "at": _utc(now),
        "healthy": all(look.reading.verdict is Verdict.HOLDS for look in looks),
        "checks": [
            {
                "name": look.name,
                "title": look.title,
                "verdict": look.reading.verdict.value,
                "expected": look.reading.expected,
                "observed": look.reading.observed,
                "since": _utc(look.since),
            }
            for look in looks
        ],
    }


def _utc(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
