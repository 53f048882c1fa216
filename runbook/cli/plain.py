"""The headless twin of the screen: one line for each thing that happened, and nothing else.

Lines start with the time (UTC), then the step, then what happened. Command output is indented. Made for
logs, pipes and screen readers; the journal, not this text, is the record.
"""

from __future__ import annotations

from collections.abc import Callable

from runbook.model.values import readable
from runbook.run.events import Record
from runbook.run.session import Output, Seen
from runbook.run.summary import Summary, Waiting
from runbook.run.words import describe

Write = Callable[[str], None]
LONGEST = 64 * 1024
"""Bytes of a line that are held until it ends; a longer one is shown in pieces."""


class PlainFollower:
    """Prints a run as it goes on."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._numbers: dict[str, str] = {}
        self._partial: dict[str, bytes] = {}

    def on_record(self, record: Record) -> None:
        event = record.event
        if event.kind == "run.opened":
            self._numbers = event.outline.numbers
        step = getattr(event, "step", "")
        if event.kind in ("command.finished", "step.interrupted"):
            self._flush(step)
        text = describe(event)
        if text:
            number = self._numbers.get(step, "")
            self._write(f"{record.at:%H:%M:%S}Z {number:<5} {text}\n")

    def on_output(self, output: Output) -> None:
        *lines, rest = (self._partial.get(output.step, b"") + output.data).split(b"\n")
        while len(rest) > LONGEST:
            lines.append(rest[:LONGEST])
            rest = rest[LONGEST:]
        self._partial[output.step] = rest
        for line in lines:
            self._line(line)

    def on_seen(self, seen: Seen) -> None:
        """Every look at a condition would be noise here; changes of verdict are records."""

    def _flush(self, step: str) -> None:
        rest = self._partial.pop(step, b"")
        if rest:
            self._line(rest)

    def _line(self, line: bytes) -> None:
        text = line.decode("utf-8", "backslashreplace").rstrip("\r")
        safe = "".join(c if c.isprintable() or c == "\t" else "\ufffd" for c in text)
        self._write(f"                | {safe}\n")


def closing(summary: Summary) -> str:
    """The last lines of a run: its result, the clock against the objective, who spent the time."""
    lines = [f"{summary.status}" + (f": {reason}" if (reason := _reason(summary)) else "")]
    recovery = summary.recovery
    if recovery.seconds is not None:
        against = f" of {readable(recovery.rto)}" if recovery.rto else ""
        stopped = "stopped at health" if recovery.stopped else "did not stop"
        lines.append(f"recovery clock {_clock(recovery.seconds)}{against}, {stopped}")
    spent = ", ".join(f"{kind} {_clock(summary.split[kind])}" for kind in Waiting)
    lines.append(f"time spent: {spent}")
    return "\n".join(lines) + "\n"


def _reason(summary: Summary) -> str:
    return summary.state.finished.reason if summary.state.finished else ""


def _clock(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02d}"
