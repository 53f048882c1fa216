"""What a probe of an experiment has shown: for people within 80 columns, and for programs."""

from __future__ import annotations

import json
import math
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from runbook.mlops.split import Share, Split
from runbook.model.values import readable
from runbook.report.text import one_line
from runbook.run.readings import Verdict
from runbook.target.identity import Identity

VERSION = 1
WIDTH = 79
BINS = 48
BARS, ASCII_BARS = " ▁▂▃▄▅▆▇█", " .:-=+*#@"
WORDS = {Verdict.HOLDS: "holds", Verdict.FAILS: "FAILS", Verdict.UNKNOWN: "CANNOT TELL"}


@dataclass(frozen=True, slots=True)
class Told:
    """A probe that is over; `took` in seconds, `confidence` in percent."""

    split: Split
    verdict: Verdict
    experiment: str
    namespace: str
    target: Identity
    endpoint: str
    way: str
    requests: int
    at_once: int
    confidence: float
    took: float
    ended: bool
    given: bool
    """Whether the weights were given, and not read from the cluster."""
    mirror: str
    notes: tuple[str, ...]


def progress(*, lines: bool) -> Callable[[int], None]:
    """Counts on standard error: in place on a terminal, in lines when asked for."""
    if lines:
        return lambda count: None if count % 100 else _say(f"{count} requests answered\n")
    if sys.stderr.isatty():
        return lambda count: _say(f"\r{count} requests answered\x1b[K")
    return lambda _: None


def progress_is_over() -> None:
    """Takes the count off a terminal."""
    if sys.stderr.isatty():
        _say("\r\x1b[K")


def _say(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


def text(told: Told) -> str:
    """In lines of at most 79 characters."""
    symbols = "utf" in (sys.stdout.encoding or "").lower()
    split, target = told.split, told.target
    server = f" ({target.server})" if target.server else ""
    lines = _wrapped(f"{told.namespace}/{told.experiment} on {target.context}{server}")
    early = f" of {told.requests}, ended before the rest" if split.sent < told.requests else ""
    lines += _wrapped(
        f"{split.sent} requests{early}, {told.at_once} at once, in {readable(round(told.took, 1))}, "
        f"to {told.endpoint} {told.way}"
    )
    whose = "given" if told.given else "the Experiment's"
    lines += _wrapped(f"weights {whose}; Wilson intervals, {told.confidence:g}%")
    seconds = [s for one in split.shares for s in one.seconds]
    for one in split.shares:
        lines += ["", *_share(one, split.told, seconds, BARS if symbols else ASCII_BARS)]
    if split.faults:
        lines += ["", f"faults: {sum(split.faults.values())} of {split.sent} requests"]
        ordered = sorted(split.faults.items(), key=lambda item: -item[1])
        for fault, count in ordered:
            lines += _wrapped(f"{count:>6}  {fault}", "        ")
    if told.mirror:
        lines += ["", *_wrapped(f"mirror: {told.mirror}")]
    lines += [line for note in told.notes for line in _wrapped(f"note: {note}")]
    return "\n".join([*lines, "", f"the split: {WORDS[told.verdict]}", ""])


def _share(one: Share, told: int, seconds: Sequence[float], bars: str) -> list[str]:
    reason = f": {one.reason}" if one.reason else ""
    share = "-" if one.share is None else f"{one.share:.1%}"
    lines = _wrapped(f"{one.name}  {WORDS[one.verdict]}{reason}")
    lines += _wrapped(
        f"  weight {one.expected:.1%}, share {share} ({one.answers} of {told}), "
        f"interval {one.low:.1%} to {one.high:.1%}"
    )
    if one.latency:
        said = ", ".join(f"p{rank} {_ms(value)}" for rank, value in one.latency.items())
        lines.append(f"  latency {said}")
        low, high = min(seconds), max(seconds)
        lines.append(
            f"  {_ms(low):>8} |{histogram(one.seconds, low, high, bars)}| {_ms(high)}".rstrip()
        )
    return lines


def histogram(seconds: Sequence[float], low: float, high: float, bars: str) -> str:
    """How often each latency was seen, on a logarithmic axis that all candidates share."""
    span = math.log(max(high, 1e-6) / max(low, 1e-6)) or 1.0
    counts = [0] * BINS
    for value in seconds:
        at = math.log(max(value, 1e-6) / max(low, 1e-6)) / span
        counts[min(BINS - 1, int(at * BINS))] += 1
    most, last = max(counts), len(bars) - 1
    # What was seen once is seen: only nothing is blank.
    return "".join(bars[math.ceil(count / most * last)] for count in counts)


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f}ms" if seconds < 0.1 else f"{seconds * 1000:.0f}ms"


def _wrapped(line: str, indent: str = "  ") -> list[str]:
    lead = line[: len(line) - len(line.lstrip())]
    clean = lead + one_line(line)
    return textwrap.wrap(clean, WIDTH, subsequent_indent=indent + lead, break_on_hyphens=False)


def document(told: Told) -> str:
    """One JSON document; shares of 1, latencies in milliseconds."""
    split, target = told.split, told.target
    return (
        json.dumps(
            {
                "version": VERSION,
                "experiment": told.experiment,
                "namespace": told.namespace,
                "context": target.context,
                "server": target.server,
                "cluster_uid": target.cluster_uid,
                "endpoint": told.endpoint,
                "way": told.way,
                "requests": told.requests,
                "sent": split.sent,
                "told": split.told,
                "ended_early": told.ended or split.sent < told.requests,
                "at_once": told.at_once,
                "took_seconds": round(told.took, 3),
                "interval": "wilson",
                "confidence": told.confidence / 100,
                "verdict": told.verdict.value,
                "candidates": [_candidate(one) for one in split.shares],
                "faults": dict(split.faults),
                "mirror": told.mirror or None,
                "notes": list(told.notes),
            },
            indent=2,
        )
        + "\n"
    )


def _candidate(one: Share) -> dict[str, object]:
    return {
        "name": one.name,
        "weight": one.weight,
        "expected": one.expected,
        "share": one.share,
        "low": one.low,
        "high": one.high,
        "answers": one.answers,
        "faults": one.faults,
        "verdict": one.verdict.value,
        "reason": one.reason or None,
        "latency_ms": {f"p{rank}": round(value * 1000, 3) for rank, value in one.latency.items()},
    }
