"""Advice about steps and how they stand to each other: gates, ways back, retries, proofs. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from runbook.model.checks import HealthCheck
from runbook.model.document import (
    ApproveStep,
    CheckStep,
    ManualStep,
    Runbook,
    RunStep,
    Step,
    UsesStep,
    WorkflowStep,
    WrittenStep,
)
from runbook.model.findings import Path, nearest
from runbook.model.lint_found import Found, written
from runbook.model.parts import Composed, named

Conditions = frozenset[str]
"""What must be true for a step to be performed: its `when`, and that of the step that uses its file."""


def find(composed: Composed, faults: Collection[str] | None) -> Iterator[Found]:
    yield from _ungated(composed)
    for path, step in written(composed.runbook):
        yield from _untitled(composed.runbook, path, step)
        if isinstance(step, UsesStep):
            if not named(step.uses).digest:
                yield Found("uses-unpinned", (*path, "uses"))
            continue
        yield from _of_step(path, step)
        if isinstance(step, CheckStep):
            yield from _proof(path, step, faults)


def destroys(composed: Composed) -> bool:
    """Whether a step of a runbook, or of one that it uses, destroys."""
    return any(_destroys(step) for _, step in composed.steps())


def _destroys(step: WrittenStep) -> bool:
    return not isinstance(step, UsesStep) and step.effect == "destroy"


def _ungated(composed: Composed) -> Iterator[Found]:
    gates: list[Conditions] = []
    for path, step in written(composed.runbook):
        told = False
        for conditions, inner in _performed(composed, step):
            if isinstance(inner, ApproveStep):
                gates.append(conditions)
            elif inner.effect == "destroy" and not told and not _gated(gates, conditions):
                told = True
                message = (
                    "" if inner is step else f"step {inner.id!r} of it destroys without a gate"
                )
                where = "uses" if isinstance(step, UsesStep) else "effect"
                yield Found("destroy-without-gate", (*path, where), message)


def _gated(gates: list[Conditions], conditions: Conditions) -> bool:
    """Whether a gate is asked each time that a step with these conditions is performed."""
    return any(gate <= conditions for gate in gates)


def _performed(composed: Composed, step: WrittenStep) -> Iterator[tuple[Conditions, Step]]:
    own = frozenset({step.when.strip()} if step.when else ())
    if not isinstance(step, UsesStep):
        yield own, step
        return
    part = composed.parts[step.uses]
    for _, inner in written(part.runbook):
        for conditions, performed in _performed(part, inner):
            yield own | {f"{step.id}: {one}" for one in conditions}, performed


def _of_step(path: Path, step: Step) -> Iterator[Found]:
    if step.effect == "destroy":
        where = (*path, "effect")
        if step.on_failure == "continue":
            yield Found("destroy-continues", (*path, "on_failure"))
        if isinstance(step, RunStep | WorkflowStep | ManualStep) and step.rollback is None:
            yield Found("destroy-without-rollback", where)
    if isinstance(step, RunStep | WorkflowStep) and step.retries and not step.delay:
        yield Found("retries-without-delay", (*path, "retries"))
    if isinstance(step, ApproveStep) and step.approve.timeout is None and step.timeout is None:
        yield Found("gate-without-timeout", (*path, "approve"), on_key=True)


def _proof(path: Path, step: CheckStep, faults: Collection[str] | None) -> Iterator[Found]:
    if not step.proves_against:
        yield Found("check-without-proof", (*path, "check"), on_key=True)
    for index, name in enumerate(step.proves_against if faults is not None else ()):
        if faults is not None and name not in faults:
            message = f"there is no practice fault {name!r}"
            hint = nearest(name, sorted(faults))
            near = hint if hint.startswith("did") else ""
            yield Found("unknown-fault", (*path, "proves_against", index), message, near)


def _untitled(runbook: Runbook, path: Path, step: WrittenStep) -> Iterator[Found]:
    if step.title:
        return
    if isinstance(step, CheckStep) and isinstance(step.check, HealthCheck):
        named_check = runbook.health.get(step.check.health)
        if named_check is None or named_check.title:
            return  # it is called what the health check is called
    yield Found("untitled", (*path, "id"), f"step {step.id!r} has no title")
