"""A dry run in lines: what each step would do, and what its condition shows when it was looked at. Pure."""

from __future__ import annotations

import textwrap

from runbook.model.expressions import shown
from runbook.model.values import readable
from runbook.plan import Plan, PlannedPhase, PlannedStep
from runbook.report.planned import step_facts
from runbook.report.text import one_line, plain
from runbook.run.readings import Reading, Verdict

WIDTH = 100
INDENT = " " * 9
WOULD = {
    "run": "would run",
    "check": "would wait until",
    "approve": "would ask",
    "manual": "would have a person do",
    "wait": "would wait",
    "workflow": "would run a workflow",
}
VERDICTS = {
    Verdict.HOLDS: "holds now",
    Verdict.FAILS: "does not hold now",
    Verdict.UNKNOWN: "cannot be told now",
}
ENDING = "\ndry run: nothing was performed, and nothing is recorded\n"


def heading(plan: Plan) -> str:
    """Whose dry run it is."""
    server = f", {plan.target.server}" if plan.target.server else ""
    return (
        f"dry run of {one_line(plan.title)} ({plan.name}), {plan.mode}, "
        f"on {one_line(plan.target.context)}{server}\n"
    )


def phase_line(phase: PlannedPhase) -> str:
    budget = f", budget {readable(phase.budget)}" if phase.budget is not None else ""
    return f"\n{one_line(phase.title)}{budget}\n"


def certainly(step: PlannedStep) -> bool | None:
    """Whether a run would come to do this step; None when what happens before it decides."""
    if step.step.when is None:
        return True
    return {"true": True, "false": False}.get(shown(step.step.when))


def step_line(step: PlannedStep, reading: Reading | None, *, changed: bool) -> str:
    """One step. `changed`: a run would have changed something by now, so a look proves less."""
    facts = step_facts(step)
    word = "would skip" if certainly(step) is False else WOULD[step.kind]
    destroys = ", which destroys" if step.effect == "destroy" else ""
    lines = [f"  {step.number:<6} {word}{destroys}: {one_line(step.title)}"]
    if facts.script:
        lines += [f"{INDENT}$ {line}".rstrip() for line in plain(facts.does).split("\n")]
    else:
        lines += _wrapped(facts.does)
    if facts.notes:
        lines += _wrapped("- " + "; ".join(facts.notes))
    if reading is not None:
        before = " (a run would have changed things by here)" if changed else ""
        said = f"expected {reading.expected}; saw {reading.observed}"
        lines += _wrapped(f"= {VERDICTS[reading.verdict]}{before}: {said}")
    return "".join(f"{line}\n" for line in lines)


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(
        one_line(text),
        WIDTH,
        initial_indent=INDENT,
        subsequent_indent=INDENT + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )
