"""The plan as far as a reader of the journal needs it: what was going to be done, in what order."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.model.document import Effect, StepKind


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutline:
    id: str
    phase: str
    number: str
    title: str
    kind: StepKind
    effect: Effect
    proves_against: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseOutline:
    id: str
    title: str
    budget: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """The plan as far as a reader of the journal needs it."""

    phases: tuple[PhaseOutline, ...]
    steps: tuple[StepOutline, ...]
    health: tuple[str, ...] = ()
    recovered_when: tuple[str, ...] = ()
    rto: float | None = None
    settle: float = 0.0
