"""The Now card before the first step and after the last: what is planned, what is awaited, how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from runbook.run.readings import Verdict
from runbook.run.summary import Summary, Waiting
from runbook.run.terms import Result
from runbook.tui.presenter.header import RESULT_WORDS, look
from runbook.tui.presenter.moment import Moment
from runbook.tui.presenter.ranked import Ranked, text_rows
from runbook.tui.presenter.spans import Row, Span, Tone, labelled, spread
from runbook.tui.presenter.times import clock, since
from runbook.tui.safe import clean

SPLIT_WORDS = {
    Waiting.MACHINE: "machine",
    Waiting.OPERATOR: "operator",
    Waiting.APPROVAL: "approval",
    Waiting.SETTLE: "settle",
}


def ready_rows(moment: Moment, columns: int) -> list[Ranked]:
    """What will happen, to which cluster, and that nothing has happened yet."""
    plan = moment.plan
    steps = plan.steps
    gates = sum(1 for s in steps if s.kind == "approve")
    destroying = sum(1 for s in steps if s.effect == "destroy")
    budget = sum(p.budget or 0.0 for p in plan.phases)
    rto = plan.objectives.rto
    title: Row = (Span(clean(plan.title), Tone.STRONG),)
    counts = f"{len(plan.phases)} phases, {len(steps)} steps: {destroying} destroy, {gates} ask for approval"
    allowed = f"budget {clock(budget)}" if budget else "no budget"
    goal = f"recovered within {clock(rto)} of {_start(moment)}" if rto else "no recovery objective"
    target = clean(f"{plan.target.context} ({plan.mode}), {plan.target.server}")
    inputs = ", ".join(clean(f"{name}={value}") for name, value in plan.inputs.items())
    opening = moment.state.opened is None
    status = moment.doing or "opening the run" if opening else "nothing has been done yet"
    rows = [
        Ranked(0, spread(title, (Span(clean(status), Tone.DIM),), columns)),
        *(Ranked(1, r) for r in labelled("Target", target, columns)),
        *(Ranked(2, r) for r in labelled("Plan", counts, columns)),
        *(Ranked(2, r) for r in labelled("Goal", f"{goal}; {allowed}", columns)),
    ]
    if moment.before:
        rows += [Ranked(3, r) for r in labelled("Before", clean(moment.before), columns)]
    if inputs:
        rows += [Ranked(4, r) for r in labelled("Inputs", inputs, columns, Tone.DIM)]
    return rows if opening else [*rows, Ranked(1, keys_row("enter start", "? help", "q leave"))]


def keys_row(*choices: str) -> Row:
    """Keys with what they do."""
    row: list[Span] = []
    for choice in choices:
        key, _, words = choice.partition(" ")
        row += [Span(("   " if row else "") + key, Tone.KEY), Span(f" {words}")]
    return tuple(row)


def settling_rows(moment: Moment, columns: int) -> list[Ranked]:
    """All steps are done; the platform has to prove that it is healthy."""
    state, plan = moment.state, moment.plan
    title: Row = (Span("All steps are done. Waiting for health to hold.", Tone.STRONG),)
    rows = [Ranked(0, title)]
    wanted = plan.objectives.recovered_when
    red = [name for name in wanted if not _holds(moment, name)]
    if red:
        rows += [Ranked(1, r) for name in red for r in _red(moment, name, columns)]
    elif state.clock.green_since is not None:
        until = state.clock.green_since + timedelta(seconds=plan.objectives.settle)
        left = max(0.0, -since(until, moment.now))
        text = f"all {len(wanted)} checks hold; {clock(left)} more and it counts"
        rows += [Ranked(1, r) for r in labelled("Healthy", text, columns, Tone.GOOD)]
    return rows


def _holds(moment: Moment, name: str) -> bool:
    read = moment.state.health.get(name)
    return read is not None and read.verdict is Verdict.HOLDS


def _red(moment: Moment, name: str, columns: int) -> list[Row]:
    seen = moment.seen.get(name)
    observed = clean(seen.reading.observed) if seen is not None else "not read yet"
    return labelled("Not yet", f"{clean(name)}: {observed}", columns, Tone.WARN)


def finished_rows(moment: Moment, columns: int) -> list[Ranked]:
    """The result against the objective, who spent the time, and where it is written down."""
    finished, summary = moment.state.finished, moment.summary
    if finished is None or summary is None:
        return []
    mark, tone = look(moment)
    total = f"{clock(summary.seconds)} in all"
    title: Row = (Span(f"{mark} {RESULT_WORDS[finished.result]}", tone),)
    rows = [Ranked(0, spread(title, (Span(total, Tone.DIM),), columns))]
    if finished.reason:
        why = labelled("Why", clean(finished.reason), columns, Tone.BAD, lines=3)
        rows += text_rows(1, why)
    rows += [
        Ranked(1, r) for r in labelled("Clock", _recovery(summary, finished.result), columns, tone)
    ]
    rows += [Ranked(2, r) for r in labelled("Spent", _split(summary), columns)]
    if summary.deviations:
        noted = (
            f"{len(summary.deviations)} for the auditor, first: {clean(summary.deviations[0].text)}"
        )
        rows += [Ranked(3, r) for r in labelled("Notable", noted, columns, Tone.HELD)]
    rows += _reports(moment.reports, columns)
    keys = keys_row("w write the report again", "l output", "q leave")
    return [*rows, Ranked(1, keys)]


def _reports(paths: Sequence[str], columns: int) -> list[Ranked]:
    """The folder once, whole if it fits in two rows, and the names of what is in it."""
    if not paths:
        return [Ranked(2, r) for r in labelled("Report", "not written yet", columns, Tone.DIM)]
    folders = {path.rpartition("/")[0] for path in paths}
    if len(folders) > 1:
        return [Ranked(2, r) for path in paths for r in labelled("Report", clean(path), columns)]
    names = "  ".join(path.rpartition("/")[2] for path in paths)
    rows = labelled("Report", clean(names), columns)
    rows += labelled("in", clean(folders.pop()), columns, lines=2)
    return [Ranked(2 + (index > 1), row) for index, row in enumerate(rows)]


def _recovery(summary: Summary, result: Result) -> str:
    recovery = summary.recovery
    if recovery.seconds is None:
        return "the recovery clock never started: nothing was destroyed"
    spent = clock(recovery.seconds)
    if result in (Result.NOT_RECOVERED, Result.ABORTED):
        return f"{spent} on the clock, not recovered"
    if recovery.rto is None:
        return f"recovered in {spent}; no objective was set"
    margin = recovery.rto - recovery.seconds
    word = f"{clock(margin)} to spare" if margin >= 0 else f"late by {clock(-margin)}"
    return f"recovered in {spent} of {clock(recovery.rto)}, {word}"


def _start(moment: Moment) -> str:
    """What starts the recovery clock, in words."""
    if moment.state.opened is not None and moment.state.opened.outage is not None:
        return "the outage"
    opening = moment.plan.objectives.clock == "open"
    return "the start of the run" if opening else "the first deletion"


def _split(summary: Summary) -> str:
    return ", ".join(f"{SPLIT_WORDS[w]} {clock(summary.split.get(w, 0.0))}" for w in Waiting)
