"""How an experiment really splits its requests, judged against its weights. Pure.

A share is of all answers that say who gave them, faulty ones too: leaving out the faults of one candidate
would make the others look larger. Its interval is Wilson's score interval, which stays true near 0 and 1;
more than two candidates share the chance of a false alarm among them (Bonferroni).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

from runbook.run.readings import Verdict

WIDEST = 0.10
"""Half of an interval that is wider than this, of 1, tells nothing apart: no verdict is drawn from it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One request. `names`: the models that the answer says it came from; `fault`: why it is no answer."""

    names: tuple[str, ...]
    seconds: float
    fault: str = ""
    answered: bool = True
    """Whether anybody answered at all, if only with a fault."""


@dataclass(slots=True)
class Counted:
    """What was seen of one candidate."""

    answers: int = 0
    faults: int = 0
    seconds: list[float] = field(default_factory=list)
    """Of good answers."""


@dataclass(frozen=True, slots=True)
class Share:
    """One candidate, judged. Shares are of 1, latencies in seconds; None where nothing was seen."""

    name: str
    weight: float
    expected: float
    answers: int
    faults: int
    share: float | None
    low: float
    high: float
    latency: Mapping[int, float]
    """Seconds by percentile: 50, 90, 99."""
    seconds: tuple[float, ...]
    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Split:
    """What a probe has shown."""

    shares: tuple[Share, ...]
    sent: int
    told: int
    """Requests whose answer names exactly one candidate."""
    faults: Mapping[str, int]
    verdict: Verdict


def wilson(count: int, total: int, confidence: float) -> tuple[float, float]:
    """Wilson's score interval (Wilson 1927) of a share; all of 0 to 1 when nothing was counted."""
    if total == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    share, square = count / total, z * z / total
    middle = (share + square / 2) / (1 + square)
    half = z / (1 + square) * math.sqrt(share * (1 - share) / total + square / (4 * total))
    # Exact where rounding would leave a hair's breadth.
    low = 0.0 if count == 0 else max(0.0, middle - half)
    return low, 1.0 if count == total else min(1.0, middle + half)


def percentile(values: Sequence[float], rank: int) -> float:
    """The nearest-rank percentile: a value that was really seen."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(rank / 100 * len(ordered)) - 1)]


def judge(
    samples: Iterable[Sample], weights: Mapping[str, float], *, confidence: float = 0.99
) -> Split:
    """Judge what was seen against weights, which are relative to their sum."""
    counted = {name: Counted() for name in weights}
    faults: Counter[str] = Counter()
    sent = told = unanswered = 0
    for sample in samples:
        sent += 1
        unanswered += not sample.answered
        if sample.fault:
            faults[sample.fault] += 1
        ours = set(sample.names) & set(weights)
        if len(ours) != 1:
            if not sample.fault:
                faults[_stranger(sample.names, ours)] += 1
            continue
        one = counted[ours.pop()]
        told += 1
        one.answers += 1
        if sample.fault:
            one.faults += 1
        else:
            one.seconds.append(sample.seconds)
    rivals = len(weights) if len(weights) > 2 else 1
    sure = 1 - (1 - confidence) / rivals
    whole = sum(weights.values())
    shares = tuple(
        _share(name, weights[name], weights[name] / whole, one, told, sure)
        for name, one in counted.items()
    )
    return Split(shares, sent, told, dict(faults), _overall(shares, faults, unanswered))


def _share(
    name: str, weight: float, expected: float, seen: Counted, told: int, confidence: float
) -> Share:
    low, high = wilson(seen.answers, told, confidence)
    verdict, reason = Verdict.HOLDS, ""
    if not told:
        verdict, reason = Verdict.UNKNOWN, "no answer says who gave it"
    elif not low <= expected <= high:
        verdict, reason = Verdict.FAILS, "its weight is outside of the interval"
    elif seen.faults:
        verdict, reason = Verdict.FAILS, f"{seen.faults} of its answers are faulty"
    elif (high - low) / 2 > WIDEST:
        verdict, reason = Verdict.UNKNOWN, "too few answers to tell"
    return Share(
        name,
        weight,
        expected,
        seen.answers,
        seen.faults,
        seen.answers / told if told else None,
        low,
        high,
        {rank: percentile(seen.seconds, rank) for rank in (50, 90, 99)} if seen.seconds else {},
        tuple(seen.seconds),
        verdict,
        reason,
    )


def _stranger(names: tuple[str, ...], ours: set[str]) -> str:
    if not names:
        return "the answer does not say who gave it"
    if ours:
        return f"the answer names several candidates: {', '.join(sorted(ours))}"
    return f"answered by {', '.join(names)}, which is no candidate"


def _overall(shares: Sequence[Share], faults: Mapping[str, int], unanswered: int) -> Verdict:
    """Red outweighs what cannot be told; a request nobody answered is not red, nor green."""
    verdicts = {one.verdict for one in shares}
    if Verdict.FAILS in verdicts or sum(faults.values()) > unanswered:
        return Verdict.FAILS
    return Verdict.UNKNOWN if unanswered or Verdict.UNKNOWN in verdicts else Verdict.HOLDS
