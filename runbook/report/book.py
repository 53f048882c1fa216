"""A runbook as a Markdown document, for people who read it before they need it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from runbook.model.document import Input, Runbook
from runbook.model.expressions import as_text
from runbook.model.values import readable
from runbook.model.wording import condition, notification, source_of
from runbook.plan import Plan
from runbook.report import mermaid
from runbook.report.markdown import fenced, table, text
from runbook.report.planned import PhaseFacts, StepFacts, phases_of, rollback_of


def render(runbook: Runbook, plan: Plan) -> str:
    """The whole document. `plan` is the runbook with the values it is shown with."""
    return "\n\n".join(part for part in _parts(runbook, plan) if part) + "\n"


def _parts(runbook: Runbook, plan: Plan) -> Iterator[str]:
    phases = phases_of(plan)
    yield f"# {text(plan.title)}"
    yield text(runbook.description)
    yield table(("", ""), _about(runbook, plan))
    yield "## Overview"
    yield fenced(mermaid.render(phases), "mermaid")
    if runbook.inputs:
        yield "## Inputs"
        yield table(
            ("name", "type", "shown with", "about"),
            (
                (name, spec.type, as_text(plan.inputs[name]), _about_input(spec))
                for name, spec in runbook.inputs.items()
            ),
        )
    if plan.secrets:
        yield "## Secrets"
        yield table(("name", "from"), ((n, source_of(s)) for n, s in plan.secrets.items()))
    if plan.notify:
        yield "## Notifications"
        yield "\n".join(f"- {text(notification(one))}" for one in plan.notify)
    if plan.health:
        yield "## Health"
        yield table(
            ("check", "what", "asks", "every"),
            (
                (name, named.title, condition(named.check), readable(named.every))
                for name, named in plan.health.items()
            ),
        )
    for phase in phases:
        yield from _phase(phase)
    if undone := rollback_of(plan):
        yield "## Rollback"
        yield "Performed only when an operator asks, of what was started, last first."
        for step in undone:
            yield from _step(step)


def _about(runbook: Runbook, plan: Plan) -> Iterator[tuple[str, str]]:
    goals = plan.objectives
    yield "Name", plan.name
    if runbook.owner:
        yield "Owner", runbook.owner
    if goals.rto is not None:
        start = "the run begins" if goals.clock == "open" else "a step first destroys"
        yield "Objective", f"recovered within {readable(goals.rto)} from when {start}"
    if goals.recovered_when:
        yield "Recovered when", ", ".join(goals.recovered_when)
    yield "File", f"SHA-256 {plan.source_digest}"
    for path, digest in plan.parts.items():
        yield f"Part {path}", f"SHA-256 {digest}"


def _about_input(spec: Input) -> str:
    words = [spec.description] if spec.description else []
    if spec.required:
        words.append("required")
    if spec.options is not None:
        words.append("one of " + ", ".join(map(str, spec.options)))
    if spec.pattern is not None:
        words.append(f"matches {spec.pattern}")
    return "; ".join(words)


def _phase(phase: PhaseFacts) -> Iterator[str]:
    budget = f" (budget {readable(phase.budget)})" if phase.budget is not None else ""
    yield f"## {phase.number} {text(phase.title)}{budget}"
    for step in phase.steps:
        yield from _step(step)


def _step(step: StepFacts) -> Iterator[str]:
    kind = "gate" if step.gate else step.kind
    yield f"### {step.number} {text(step.title)}"
    effect = {"destroy": "**destroys**", "change": "changes", "read": "only reads"}[step.effect]
    yield f"`{step.id}`, {kind}, {effect}"
    yield fenced(step.does, "sh") if step.script else text(step.does)
    yield "\n".join(f"- {text(note)}" for note in step.notes)
