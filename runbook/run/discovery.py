"""Secrets that became known after something was recorded: stored outputs are replaced, records are named.

A record cannot be changed, since the chain holds it; an output can, since the chain holds only its digest.
Pure but for the outputs it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from runbook.redact import Redactor
from runbook.run.events import (
    CommandFinished,
    Event,
    NoteAdded,
    Record,
    RunOpened,
    TaskConfirmed,
)
from runbook.run.masking import masked
from runbook.run.readings import short
from runbook.run.record_events import OutputPurged, SecretExposed

REASON = "it held a value that became known as a secret later"
US = "runbook"
"""Who notes what the program itself has to say."""


class Outputs(Protocol):
    """The stored outputs of a run."""

    def cleaned(self, mask: Callable[[bytes], bytes]) -> list[tuple[str, str]]:
        """Store masked copies of those that `mask` changes: (old, new) digests. Raises JournalUnavailable."""
        ...

    def remove(self, digests: Iterable[str]) -> None:
        """Delete for good. Raises JournalUnavailable."""
        ...


class Discovery:
    """Looks back whenever the redactor knows more than the last time."""

    def __init__(self, redactor: Redactor, outputs: Outputs) -> None:
        self._redactor = redactor
        self._outputs = outputs
        self._known = 0
        self._warned = 0
        self.obsolete: list[str] = []
        """Outputs that have been replaced and are still there."""

    @property
    def due(self) -> bool:
        known, warned = self._redactor.known, len(self._redactor.warnings)
        return (known, warned) != (self._known, self._warned)

    def facts(self, records: Sequence[Record]) -> list[Event]:
        """What is to be recorded now. Replaced outputs are removed by `finish`, once that is durable."""
        known, warnings = self._redactor.known, self._redactor.warnings
        facts: list[Event] = []
        if known != self._known:
            facts += self._purged(records)
            facts += self._exposed(records)
        if fresh := warnings[self._warned :]:
            facts.append(NoteAdded(by=US, text=short("; ".join(fresh))))
        self._known, self._warned = known, len(warnings)
        return facts

    def finish(self) -> None:
        """Raises JournalUnavailable."""
        self._outputs.remove(self.obsolete)
        self.obsolete = []

    def _purged(self, records: Sequence[Record]) -> list[Event]:
        pairs = self._outputs.cleaned(self._redactor.masked)
        self.obsolete += [old for old, _ in pairs]
        steps: dict[str, str] = {}
        for record in records:
            match record.event:
                case CommandFinished() | TaskConfirmed() as kept if kept.output:
                    steps[kept.output] = kept.step
                case OutputPurged(step=step, new=digest):
                    steps[digest] = step
                case _:
                    pass
        return [
            OutputPurged(step=steps.get(old, ""), old=old, new=new, reason=REASON)
            for old, new in pairs
        ]

    def _exposed(self, records: Sequence[Record]) -> list[Event]:
        told = {n for r in records if isinstance(r.event, SecretExposed) for n in r.event.records}
        holding = [r.seq for r in records if r.seq not in told and self._holds(r.event)]
        # A record line is short; who has this many to read has changed the value long before.
        return [SecretExposed(records=tuple(holding[:1000]))] if holding else []

    def _holds(self, event: Event) -> bool:
        mask = self._redactor.text
        if isinstance(event, RunOpened):
            # The one fact that is never masked: a resume needs the inputs as they were given.
            given = [text for text in event.inputs.values() if isinstance(text, str)]
            return any(mask(text) != text for text in given)
        return masked(event, mask) != event
