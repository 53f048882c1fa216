"""The plan as far as a reader of the journal needs it: what was going to be done, in what order."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from runbook.model.document import Effect, StepKind
from runbook.plan import Part, Plan, PlannedStep


@dataclass(frozen=True, slots=True, kw_only=True)
class StepOutline:
    id: str
    phase: str
    number: str
    title: str
    kind: StepKind
    effect: Effect
    proves_against: tuple[str, ...] = ()
    part: Part = "steps"
    group: str = ""
    """Neighbours of one group run at the same time."""
    undoes: str = ""
    """The step that this one rolls back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseOutline:
    id: str
    title: str
    budget: float | None = None


@dataclass(frozen=True, kw_only=True)
class Outline:
    """The plan as far as a reader of the journal needs it."""

    phases: tuple[PhaseOutline, ...]
    steps: tuple[StepOutline, ...]
    rollback: tuple[StepOutline, ...] = ()
    """What may be undone, in the order of the steps."""
    health: tuple[str, ...] = ()
    recovered_when: tuple[str, ...] = ()
    rto: float | None = None
    settle: float = 0.0
    clock: Literal["destroy", "open"] = "destroy"
    """What starts the recovery clock."""

    @cached_property
    def numbers(self) -> dict[str, str]:
        """How people refer to each step, by its id."""
        return {step.id: step.number for step in (*self.steps, *self.rollback)}

    @cached_property
    def positions(self) -> dict[str, int]:
        """Each of `steps` by its id, counting from 0."""
        return {step.id: position for position, step in enumerate(self.steps)}


def outline_of(plan: Plan) -> Outline:
    return Outline(
        phases=tuple(PhaseOutline(id=p.id, title=p.title, budget=p.budget) for p in plan.phases),
        steps=tuple(map(_step_outline, plan.steps)),
        rollback=tuple(map(_step_outline, plan.rollback)),
        health=tuple(plan.health),
        recovered_when=tuple(plan.objectives.recovered_when),
        rto=plan.objectives.rto,
        settle=plan.objectives.settle,
        clock=plan.objectives.clock,
    )


def _step_outline(step: PlannedStep) -> StepOutline:
    return StepOutline(
        id=step.id,
        phase=step.phase,
        number=step.number,
        title=step.title,
        kind=step.kind,
        effect=step.effect,
        proves_against=tuple(getattr(step.step, "proves_against", ())),
        part=step.part,
        group=step.group,
        undoes=step.undoes,
    )
