"""A plan as text, for a person who is about to run it or to sign it. Pure."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from runbook.model.expressions import as_text, shown
from runbook.model.values import readable
from runbook.model.wording import condition, notification, source_of
from runbook.plan import Plan
from runbook.report.planned import PhaseFacts, StepFacts, phases_of, rollback_of
from runbook.report.text import one_line, plain

WIDTH = 100
NEEDS_CLUSTER = "depends on the cluster, which was not asked"
PRACTICE_DIGEST = "depends on the cluster, and each practice run makes one of its own"


def render(plan: Plan, source: str, *, digest: str) -> str:
    """The whole plan. `digest` is its digest, or why it has none yet."""
    return "".join(f"{line}\n" for line in _lines(plan, source, digest))


def _lines(plan: Plan, source: str, digest: str) -> Iterator[str]:
    yield f"{one_line(plan.title)} ({plan.name})"
    yield from _wrapped(plan.description, "", "")
    yield ""
    yield from _facts(plan, source, digest)
    if plan.inputs:
        yield from ("", "inputs")
        for name, value in plan.inputs.items():
            yield f"  {name} = {one_line(as_text(value))}"
    if plan.env:
        yield from ("", "variables of every command")
        for name, text in plan.env.items():
            yield f"  {name} = {one_line(shown(text))}"
    if plan.secrets:
        yield from ("", "secrets (read when needed)")
        for name, secret in plan.secrets.items():
            masked = "" if secret.sensitive else ", not masked"
            yield f"  {name}: {one_line(source_of(secret))}{masked}"
    if plan.notify:
        yield from ("", "told while the run goes on")
        yield from (f"  {one_line(notification(one))}" for one in plan.notify)
    if plan.health:
        yield from ("", "health, read all the time")
        for name, named in plan.health.items():
            said = f"{name}: {condition(named.check)}, every {readable(named.every)}"
            yield from _wrapped(said, "  ", "      ")
    for phase in phases_of(plan):
        yield ""
        yield from _phase(phase)
    if undone := rollback_of(plan):
        yield from ("", "Rollback, only when an operator asks; of what was started, last first")
        for step in undone:
            yield from _step(step)


def _facts(plan: Plan, source: str, digest: str) -> Iterator[str]:
    target, goals = plan.target, plan.objectives
    yield f"mode     {plan.mode}"
    uid = f", kube-system UID {target.cluster_uid}" if target.cluster_uid else ""
    server = f", {target.server}" if target.server else ""
    yield f"cluster  {one_line(target.context)}{server}{uid}"
    yield f"runbook  {one_line(source)}"
    yield f"         SHA-256 {plan.source_digest}"
    for path, sha256 in plan.parts.items():
        yield f"part     {one_line(path)}"
        yield f"         SHA-256 {sha256}"
    yield f"plan     {digest}"
    if plan.owner:
        yield f"owner    {one_line(plan.owner)}"
    if goals.rto is not None:
        start = "the run begins" if goals.clock == "open" else "a step first destroys"
        yield f"goal     recovered within {readable(goals.rto)} from when {start}"
    if goals.recovered_when:
        held = f", holding for {readable(goals.settle)}" if goals.settle else ""
        yield f"healthy  {', '.join(goals.recovered_when)}{held}"


def _phase(phase: PhaseFacts) -> Iterator[str]:
    budget = f", budget {readable(phase.budget)}" if phase.budget is not None else ""
    yield f"{phase.number} {one_line(phase.title)}{budget}"
    for step in phase.steps:
        yield from _step(step)


def _step(step: StepFacts) -> Iterator[str]:
    named = f"{step.id}: {one_line(step.title)}" if step.title != step.id else step.id
    kind = "gate" if step.gate else step.kind
    yield f"  {step.number:<6} [{kind}, {step.effect}] {named}"
    if step.script:
        for number, line in enumerate(plain(step.does).split("\n")):
            yield f"         {'$' if number == 0 else ' '} {line}".rstrip()
    else:
        yield from _wrapped(step.does, " " * 9, " " * 9)
    if step.notes:
        yield from _wrapped("; ".join(step.notes), " " * 9 + "- ", " " * 11)


def _wrapped(text: str, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )
