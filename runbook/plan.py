"""A plan: what will be done, in what order, to which cluster. Immutable; made by `runbook.planning`.

Values that exist only while a run goes on (secrets, outputs of earlier steps) stay expressions; they
are bound by the executor right before a step is performed. The digest covers everything a gate's
approval stands for: the steps, the values and the cluster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any, Literal

from runbook.model import expressions
from runbook.model.checks import NamedCheck
from runbook.model.document import (
    Effect,
    Notification,
    Objectives,
    SecretSource,
    Step,
    StepKind,
)

Scalar = expressions.Scalar
Part = Literal["steps", "rollback", "always"]
"""What a run goes through: its steps; instead of their rest, when it is asked to undo them, the
rollback; and at its end, however it ends, what is always done."""

PREFLIGHT = "preflight"
ROLLBACK = "(rollback)"
"""Id of the phase in which things are undone; no phase of a runbook can have it."""

ALWAYS = "always"


@dataclass(frozen=True, slots=True)
class TargetFacts:
    """The cluster a plan is for, as it identified itself."""

    context: str
    server: str
    cluster_uid: str
    ca_sha256: str = ""


@dataclass(frozen=True, slots=True)
class PlannedStep:
    id: str
    phase: str
    number: str
    kind: StepKind
    step: Step
    part: Part = "steps"
    undoes: str = ""
    """The step that this one rolls back."""

    @property
    def group(self) -> str:
        """Neighbours of one group run at the same time; empty when it runs alone."""
        return self.step.parallel or ""

    @property
    def title(self) -> str:
        return self.step.title or self.id

    @property
    def effect(self) -> Effect:
        return self.step.effect

    @property
    def skippable(self) -> bool:
        """Never a gate: to pass it without a person would be to have none."""
        return self.step.skippable


@dataclass(frozen=True, slots=True)
class PlannedPhase:
    id: str
    title: str
    budget: float | None
    steps: tuple[PlannedStep, ...]


@dataclass(frozen=True)
class Plan:
    name: str
    title: str
    mode: str
    target: TargetFacts
    inputs: Mapping[str, Scalar]
    phases: tuple[PlannedPhase, ...]
    rollback: tuple[PlannedStep, ...]
    """What may be undone, in the order of the steps; performed only when an operator asks."""
    health: Mapping[str, NamedCheck]
    objectives: Objectives
    env: Mapping[str, str]
    secrets: Mapping[str, SecretSource]
    namespaces: tuple[str, ...]
    watch: tuple[str, ...]
    source_digest: str
    description: str = ""
    owner: str = ""
    known_health: Mapping[str, NamedCheck] = field(default_factory=dict)
    """`health`, and the checks of parts that nobody watches here."""
    notify: tuple[Notification, ...] = ()
    parts: Mapping[str, str] = field(default_factory=dict)
    """SHA-256 (hex) of every other file that the runbook is made of, by its path."""

    @cached_property
    def steps(self) -> tuple[PlannedStep, ...]:
        return tuple(step for phase in self.phases for step in phase.steps)

    @cached_property
    def _by_id(self) -> dict[str, PlannedStep]:
        return {step.id: step for step in (*self.steps, *self.rollback)}

    def step(self, step_id: str) -> PlannedStep:
        return self._by_id[step_id]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {step.id: position for position, step in enumerate(self.steps)}

    def position(self, step_id: str) -> int:
        """Of a step among `steps`, counting from 0. Raises KeyError for one that only undoes."""
        return self._positions[step_id]

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the canonical JSON of the whole plan."""
        document: dict[str, Any] = {
            "name": self.name,
            "mode": self.mode,
            "target": [getattr(self.target, f.name) for f in fields(self.target)],
            "inputs": dict(self.inputs),
            "env": dict(self.env),
            "parts": dict(self.parts),
            "phases": [
                {
                    "id": phase.id,
                    "budget": phase.budget,
                    "steps": [_plain(planned.step) for planned in phase.steps],
                }
                for phase in self.phases
            ],
            "health": {name: _plain(check) for name, check in self.health.items()},
            "objectives": _plain(self.objectives),
            "notify": [_plain(notification) for notification in self.notify],
            "secrets": {name: _plain(source) for name, source in self.secrets.items()},
        }
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True)


def undoing(step: str) -> str:
    """The id of the step that undoes another."""
    return f"{step}.rollback"
