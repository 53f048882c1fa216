"""How long a run will still take, by how long the same phases took before. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median

from runbook.run.summary import Summary
from runbook.run.terms import RECOVERED


def usual(earlier: Iterable[Summary]) -> dict[str, float]:
    """The median seconds of each phase over the runs that came to health."""
    taken: dict[str, list[float]] = {}
    for summary in earlier:
        finished = summary.state.finished
        if finished is None or finished.result not in RECOVERED:
            continue
        for phase in summary.phases:
            taken.setdefault(phase.outline.id, []).append(phase.seconds)
    return {phase: median(seconds) for phase, seconds in taken.items()}


def to_go(summary: Summary, before: Mapping[str, float]) -> float | None:
    """Seconds until the last step is likely done; None when a phase ahead was never walked before."""
    ahead = [phase for phase in summary.phases if not phase.done]
    if not ahead or any(phase.outline.id not in before for phase in ahead):
        return None
    return sum(max(0.0, before[phase.outline.id] - phase.seconds) for phase in ahead)
