"""A runbook with every input bound: what will be done, in what order, to which cluster. Immutable.

Values that exist only while a run goes on (secrets, outputs of earlier steps) stay expressions; they
are bound by the executor right before a step is performed. The digest covers everything a gate's
approval stands for: the steps, the values and the cluster.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any, Literal

from runbook.errors import RunbookError, UsageError
from runbook.model import binding, expressions
from runbook.model.checks import HealthCheck, NamedCheck
from runbook.model.document import (
    CheckStep,
    Effect,
    Input,
    Objectives,
    Runbook,
    RunStep,
    SecretSource,
    Step,
    StepKind,
    step_kind,
)
from runbook.model.inputs import read_input

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
        """A gate is never skipped: to pass it without a person would be to have none."""
        return self.step.skippable and self.kind != "approve"


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

    @cached_property
    def steps(self) -> tuple[PlannedStep, ...]:
        return tuple(step for phase in self.phases for step in phase.steps)

    @cached_property
    def _by_id(self) -> dict[str, PlannedStep]:
        return {step.id: step for step in (*self.steps, *self.rollback)}

    def step(self, step_id: str) -> PlannedStep:
        return self._by_id[step_id]

    def position(self, step_id: str) -> int:
        return self.steps.index(self.step(step_id))

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over the canonical JSON of the whole plan."""
        document: dict[str, Any] = {
            "name": self.name,
            "mode": self.mode,
            "target": [getattr(self.target, f.name) for f in fields(self.target)],
            "inputs": dict(self.inputs),
            "env": dict(self.env),
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
            "secrets": {name: _plain(source) for name, source in self.secrets.items()},
        }
        text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


def _plain(model: Any) -> Any:
    return model.model_dump(mode="json", by_alias=True)


def make_plan(
    runbook: Runbook,
    *,
    inputs: Mapping[str, Scalar],
    target: TargetFacts,
    mode: str,
    environment: Mapping[str, str],
    source_digest: str,
) -> Plan:
    """Bind a runbook. `inputs` are the texts the operator gave, or a run's own values; every value that does not fit is an
    error naming the input, what it was and what is allowed.
    """
    values = bind_inputs(runbook.inputs, inputs)

    def lookup(name: str) -> Scalar:
        room, _, rest = name.partition(".")
        match room:
            case "inputs":
                return values[rest]
            case "vars":
                return runbook.vars[rest]
            case "env":
                return environment.get(rest, "")
            case "target":
                facts = {"context": target.context, "server": target.server, "mode": mode}
                return facts[rest]
            case "run":
                return {"mode": mode}[rest]
        raise expressions.Unbound(name)

    bound = binding.bind(runbook, lookup)
    phases = tuple(_phases(bound))
    return Plan(
        name=bound.name,
        title=bound.title or bound.name,
        mode=mode,
        target=target,
        inputs=values,
        phases=phases,
        rollback=tuple(_rollback(phases)),
        health=bound.health,
        objectives=bound.objectives,
        env=bound.env,
        secrets=bound.secrets,
        namespaces=tuple(bound.target.namespaces),
        watch=tuple(bound.target.watch),
        source_digest=source_digest,
    )


def _phases(runbook: Runbook) -> Iterator[PlannedPhase]:
    """Preflight is phase 0; what is always done comes last."""
    if runbook.preflight:
        yield _phase(PREFLIGHT, "Preflight", 0, runbook.preflight, runbook)
    for number, phase in enumerate(runbook.phases, 1):
        planned = _phase(phase.id, phase.title or phase.id, number, phase.steps, runbook)
        yield replace(planned, budget=phase.budget)
    if runbook.always:
        last = len(runbook.phases) + 1
        yield _phase(ALWAYS, "Always, at the end", last, runbook.always, runbook, "always")


def _phase(
    phase: str,
    title: str,
    number: int,
    steps: Sequence[Step],
    runbook: Runbook,
    part: Part = "steps",
) -> PlannedPhase:
    planned = []
    for index, step in enumerate(steps, 1):
        kind = step_kind(step)
        if kind is None:
            raise RunbookError("a step without a kind", where=step.id)
        resolved = _resolve(step, runbook)
        planned.append(PlannedStep(step.id, phase, f"{number}.{index}", kind, resolved, part))  # type: ignore[arg-type]  # STEP_KINDS are the literals
    return PlannedPhase(phase, title, None, tuple(planned))


def _rollback(phases: Sequence[PlannedPhase]) -> Iterator[PlannedStep]:
    """A command for each step that says how it is undone, run as the step's own command would be."""
    for planned in (step for phase in phases for step in phase.steps):
        script = getattr(planned.step, "rollback", None)
        if script is None:
            continue
        own = planned.step if isinstance(planned.step, RunStep) else None
        undo = RunStep(id="rollback", title=f"Undo: {planned.title}", run=script).model_copy(
            update={
                "id": undoing(planned.id),
                "timeout": planned.step.timeout,
                "shell": own.shell if own else None,
                "env": own.env if own else {},
                "working_directory": own.working_directory if own else None,
            }
        )
        yield PlannedStep(
            undo.id, ROLLBACK, f"-{planned.number}", "run", undo, "rollback", planned.id
        )


def undoing(step: str) -> str:
    """The id of the step that undoes another; a runbook cannot use it, since it has a dot."""
    return f"{step}.rollback"


def _resolve(step: Step, runbook: Runbook) -> Step:
    """A step that names a health check gets that check itself."""
    if isinstance(step, CheckStep) and isinstance(step.check, HealthCheck):
        named = runbook.health[step.check.health]
        return step.model_copy(
            update={"check": named.check, "title": step.title or named.title or step.check.health}
        )
    return step


def bind_inputs(declared: Mapping[str, Input], given: Mapping[str, Scalar]) -> dict[str, Scalar]:
    """The value of every input: as given, else the default. Raises UsageError naming all faults."""
    faults = [
        f"there is no input {name!r}; the runbook has: {', '.join(declared) or 'none'}"
        for name in given
        if name not in declared
    ]
    values: dict[str, Scalar] = {}
    for name, spec in declared.items():
        try:
            values[name] = read_input(name, spec, given.get(name))
        except ValueError as fault:
            faults.append(str(fault))
    if faults:
        raise UsageError("; ".join(faults), hint="give inputs as --input name=value")
    return values
