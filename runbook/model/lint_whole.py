"""Advice about a runbook as a whole: objectives, budgets, titles, and what nobody uses. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.model import expressions
from runbook.model.binding import walk_texts
from runbook.model.checks import HealthCheck
from runbook.model.document import CheckStep, Runbook, RunStep
from runbook.model.lint_found import Found, written
from runbook.model.lint_steps import destroys
from runbook.model.parts import Composed


def find(composed: Composed) -> Iterator[Found]:
    runbook = composed.runbook
    yield from _objectives(composed)
    if not runbook.title:
        yield Found("untitled", ("name",), "the runbook has no title", on_key=True)
    for number, phase in enumerate(runbook.phases):
        where = ("phases", number, "id")
        if phase.budget is None:
            yield Found("phase-without-budget", where, f"phase {phase.id!r} has no budget")
        if not phase.title:
            yield Found("untitled", where, f"phase {phase.id!r} has no title")
    for name, named in runbook.health.items():
        if not named.title:
            yield Found(
                "untitled", ("health", name), f"health check {name!r} has no title", on_key=True
            )
    yield from _unused(runbook)


def _objectives(composed: Composed) -> Iterator[Found]:
    objectives = composed.runbook.objectives
    has_clock = destroys(composed) or objectives.clock == "open"
    if has_clock and objectives.rto is None:
        yield Found("no-objective", ("objectives",), on_key=True)
    if (has_clock or objectives.rto is not None) and not objectives.recovered_when:
        yield Found("recovery-unproved", ("objectives",), on_key=True)


def _unused(runbook: Runbook) -> Iterator[Found]:
    named = {
        name
        for _, text in walk_texts(runbook)
        if "${{" in text
        for name in expressions.references(expressions.parse(text))
    } | {f"secrets.{told.webhook}" for told in runbook.notify}
    for room, one, declared in (
        ("inputs", "input", runbook.inputs),
        ("vars", "var", runbook.vars),
        ("secrets", "secret", runbook.secrets),
    ):
        for name in declared:
            if f"{room}.{name}" not in named:
                said = f"{room}.{name} is used nowhere"
                yield Found(f"unused-{one}", (room, name), said, on_key=True)
    asked = set(runbook.objectives.recovered_when)
    for path, step in written(runbook):
        if isinstance(step, CheckStep) and isinstance(step.check, HealthCheck):
            asked.add(step.check.health)
        kept = f"registered.{step.register_}" if isinstance(step, RunStep) else ""
        if kept not in {"", "registered.None", *named}:
            yield Found("unused-register", (*path, "register"), f"{kept} is used nowhere")
    for name in runbook.health:
        if name not in asked:
            said = f"health check {name!r} is neither in a step nor in `recovered_when`"
            yield Found("unused-health", ("health", name), said, on_key=True)
