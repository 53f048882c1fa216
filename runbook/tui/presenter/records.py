"""The Record pane: what the journal holds, line by line, in words."""

from __future__ import annotations

from runbook.run.events import (
    ApprovalRequested,
    CheckRead,
    CommandFinished,
    HealthRead,
    NoteAdded,
    Record,
    RunFinished,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepTimedOut,
    TargetVerified,
    TaskRequested,
)
from runbook.run.readings import Verdict
from runbook.run.record_events import OutputPurged, SecretExposed
from runbook.run.words import describe
from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.presenter.times import at
from runbook.tui.safe import clean


def record_row(record: Record) -> Row:
    """One record as one line."""
    return (
        Span(f"{at(record.at)} ", Tone.DIM),
        Span(clean(describe(record.event)), _tone(record)),
    )


def _tone(record: Record) -> Tone:
    match record.event:
        case StepFailed() | StepTimedOut() | StepInterrupted():
            return Tone.BAD
        case ApprovalRequested() | TaskRequested() | OutputPurged() | SecretExposed():
            return Tone.WARN
        case StepPassed() | RunFinished():
            return Tone.GOOD
        case NoteAdded():
            return Tone.STRONG
        case HealthRead(verdict=Verdict.HOLDS):
            return Tone.GOOD
        case CheckRead() | CommandFinished() | TargetVerified() | HealthRead():
            return Tone.DIM
        case _:
            return Tone.PLAIN
