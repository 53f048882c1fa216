"""The rows that are always there: what state, which cluster, how long left."""

from __future__ import annotations

from runbook.run.projection import to_go
from runbook.run.readings import Verdict
from runbook.run.state import Status
from runbook.run.summary import PhaseSummary
from runbook.run.terms import RECOVERED as RECOVERED_RESULTS, Mode, Result
from runbook.tui.cells import cut, width
from runbook.tui.presenter.moment import Moment, Situation
from runbook.tui.presenter.spans import (
    Row,
    Span,
    Symbols,
    Tone,
    fill,
    fit,
    joined,
    spread,
    width_of,
)
from runbook.tui.presenter.times import at, at_minute, clock, since
from runbook.tui.safe import clean

GAP = Span("  ")

LOOK: dict[Situation, tuple[str, Tone]] = {
    Situation.OPENING: ("todo", Tone.DIM),
    Situation.READY: ("todo", Tone.STRONG),
    Situation.RUNNING: ("busy", Tone.BUSY),
    Situation.STOPPING: ("held", Tone.HELD),
    Situation.RETRYING: ("busy", Tone.BUSY),
    Situation.APPROVAL: ("ask", Tone.ASK),
    Situation.TASK: ("ask", Tone.ASK),
    Situation.FAILED: ("bad", Tone.BAD),
    Situation.UNKNOWN: ("unknown", Tone.BAD),
    Situation.PAUSED: ("held", Tone.HELD),
    Situation.SETTLING: ("busy", Tone.BUSY),
    Situation.ABORTING: ("bad", Tone.HELD),
    Situation.LEAVING: ("held", Tone.HELD),
    Situation.FINISHED: ("good", Tone.GOOD),
}
STATUS_LOOK: dict[Status, tuple[str, Tone]] = {
    Status.PENDING: ("todo", Tone.DIM),
    Status.RUNNING: ("busy", Tone.BUSY),
    Status.WAITING: ("ask", Tone.ASK),
    Status.PASSED: ("good", Tone.GOOD),
    Status.FAILED: ("bad", Tone.BAD),
    Status.TIMED_OUT: ("bad", Tone.BAD),
    Status.SKIPPED: ("skipped", Tone.HELD),
    Status.INTERRUPTED: ("unknown", Tone.BAD),
}
RESULT_WORDS = {
    Result.RECOVERED: "RECOVERED",
    Result.RECOVERED_LATE: "RECOVERED LATE",
    Result.NOT_RECOVERED: "NOT RECOVERED",
    Result.ABORTED: "ABORTED",
}


def symbol(symbols: Symbols, name: str) -> str:
    return str(getattr(symbols, name))


def look(moment: Moment) -> tuple[str, Tone]:
    """Symbol and tone of the run as a whole."""
    name, tone = LOOK[moment.situation]
    finished = moment.state.finished
    if finished is not None and finished.result is not Result.RECOVERED:
        late = finished.result is Result.RECOVERED_LATE
        name, tone = ("good", Tone.HELD) if late else ("bad", Tone.BAD)
    return symbol(moment.symbols, name), tone


def headline(moment: Moment) -> str:
    """The state in words, with who or how much where that matters."""
    state, summary = moment.state, moment.summary
    word = moment.situation.value
    match moment.situation:
        case Situation.PAUSED if state.held is not None:
            return f"{word} by {clean(state.held.by)}"
        case Situation.FINISHED if state.finished is not None and summary is not None:
            recovery = summary.recovery
            spent = f" in {clock(recovery.seconds or 0.0)}" if recovery.stopped else ""
            recovered = state.finished.result in RECOVERED_RESULTS
            return RESULT_WORDS[state.finished.result] + (spent if recovered else "")
        case Situation.LEAVING if moment.spectator and state.held is not None and state.over:
            return f"HELD, left by {clean(state.held.by)}"
        case _ if state.held is not None and moment.situation is not Situation.READY:
            return f"{word}, then pause"
    return word


def state_row(moment: Moment, columns: int) -> Row:
    mark, tone = look(moment)
    plan = moment.plan
    left: list[Row] = [
        (Span(f"{mark} {headline(moment)}", tone),),
        _over_budget(moment),
        (Span(clean(plan.name), Tone.STRONG),),
        (_mode(moment),),
        (Span(clean(plan.target.context)),),
    ]
    if columns >= 100:
        left.append((Span(clean(moment.operator), Tone.DIM),))
    now = at(moment.now) if columns >= 100 else at_minute(moment.now)
    recording: Row = (Span(f"rec {moment.symbols.record}", Tone.DIM),) if columns >= 100 else ()
    if moment.spectator:
        recording = (Span("watching", Tone.HELD),)
    right = joined([_line(moment), recording, (Span(now),)], GAP)
    return spread(joined(left, GAP), right, columns)


def _mode(moment: Moment) -> Span:
    mode = moment.plan.mode
    opened = moment.state.opened
    speed = f" x{opened.speed:g}" if opened is not None and opened.speed != 1 else ""
    tone = Tone.DIM if mode == Mode.PRACTICE else Tone.ASK
    return Span(f"{mode.upper()}{speed}", tone)


def _over_budget(moment: Moment) -> Row:
    late = [p for p in (moment.summary.phases if moment.summary else ()) if not p.done]
    over = max((p.over_budget for p in late), default=0.0)
    return (Span(f"+ OVER BUDGET by {clock(over)}", Tone.BAD),) if over >= 1 else ()


def _line(moment: Moment) -> Row:
    """The line to the cluster, as a word: live, connecting, or lost and since when."""
    cluster = moment.cluster
    if not cluster.wanted:
        return ()
    lost = cluster.lost
    if cluster.connecting and (lost is None or lost.retry_at is None):
        return (Span("connecting", Tone.DIM),)
    if lost is None:
        return (Span("LIVE", Tone.GOOD),)
    text = f"{moment.symbols.warn} NO CLUSTER {clock(since(lost.since, moment.now))}"
    if lost.retry_at is not None:
        text += f", retry {max(0, round(-since(lost.retry_at, moment.now)))}s"
    return (Span(text, Tone.ASK),)


def phases_row(moment: Moment, columns: int) -> Row:
    """Every phase with its time and budget, and the recovery clock; less of it where it is narrow."""
    divider = Span(f" {moment.symbols.divider} ", Tone.DIM)
    phases = moment.summary.phases if moment.summary else ()
    at_step = moment.step
    here = at_step.phase if at_step else ""
    row: Row = ()
    for detail in (3, 2, 1, 0):
        parts = [
            _phase(phase, moment, current=phase.outline.id == here, detail=detail)
            for phase in phases
            if detail or phase.outline.id == here
        ]
        row = joined([*parts, _recovery(moment, long=detail == 3)], divider)
        if width_of(row) <= columns:
            return row
    return fit(row, columns)


def _phase(phase: PhaseSummary, moment: Moment, *, current: bool, detail: int) -> Row:
    budget = phase.outline.budget
    running = current and phase.started is not None
    mark, tone = ("good", Tone.GOOD) if phase.done else ("todo", Tone.DIM)
    if current and not phase.started:
        tone = Tone.STRONG
    elif current:
        mark, tone = ("busy", Tone.BUSY)
        if phase.over_budget >= 1:
            tone = Tone.BAD
    name = clean(phase.outline.title)
    if detail <= 1 and not current:
        name = cut(name, 8, mark=".")
    row: Row = (Span(f"{symbol(moment.symbols, mark)} {name}", tone),)
    used = clock(phase.seconds) if phase.started else "-:--" if budget else ""
    allowed = f"/{clock(budget)}" if budget and (detail >= 3 or current) else ""
    if detail >= 2 or current:
        row = (*row, Span(f" {used}{allowed}", Tone.PLAIN if running else Tone.DIM))
    if running and budget and detail != 1:
        row = (
            *row,
            Span(" "),
            *bar(phase.seconds / budget, 12 if detail == 3 else 6, moment.symbols, tone),
        )
    return row


def bar(share: float, cells: int, symbols: Symbols, tone: Tone) -> Row:
    """A bar of `cells`; full at 1."""
    full = min(cells, max(0, round(share * cells)))
    return (
        Span(symbols.bar_full * full, tone),
        Span(symbols.bar_empty * (cells - full), Tone.DIM),
    )


def _recovery(moment: Moment, *, long: bool) -> Row:
    """The recovery clock against its objective; before it starts, the objective alone."""
    summary = moment.summary
    if summary is None:
        return ()
    recovery = summary.recovery
    if recovery.seconds is None:
        goal = f" of {clock(recovery.rto)}" if recovery.rto else ""
        return (Span(f"RECOVERY -:--{goal}", Tone.DIM),)
    tone = Tone.BAD if recovery.within is False else Tone.STRONG
    text = f"RECOVERY {clock(recovery.seconds)}"
    if recovery.rto is None:
        return (Span(text, tone),)
    left = recovery.rto - recovery.seconds
    margin = f"{clock(left)} left" if left >= 0 else f"late by {clock(-left)}"
    row: Row = (Span(f"{text}{' of ' if long else '/'}{clock(recovery.rto)}", tone),)
    if recovery.stopped is not None:
        return (*row, Span("  stopped, healthy" if long else "  healthy", Tone.GOOD))
    row = (*row, Span(f"{',' if long else ' '} {margin}", tone))
    ahead = to_go(summary, moment.usual) if long else None
    return row if ahead is None else (*row, Span(f", about {clock(ahead)} to go", Tone.DIM))


def trail_row(moment: Moment, columns: int) -> Row:
    """The step before, this one and the next: the list of steps where there is no room for it."""
    steps = moment.steps
    at_step = moment.step
    position = steps.index(at_step) if at_step is not None else len(steps)
    shown = range(max(0, position - 1), min(len(steps), position + 2))
    texts = {i: f"{steps[i].number} {clean(steps[i].title)}" for i in shown}
    arrow = Span(f" {moment.symbols.arrow} ", Tone.DIM)
    marks = len(shown) * (width(moment.symbols.todo) + 1)
    arrows = (len(shown) - 1) * width(arrow.text)
    here = width(texts[position]) if position in texts else 0
    others = max(1, sum(1 for i in shown if i != position))
    room = (columns - here - marks - arrows) // others
    parts: list[Row] = []
    for index in shown:
        status = moment.state.step(steps[index].id).status
        mark, tone = STATUS_LOOK[status]
        text = texts[index] if index == position else cut(texts[index], max(8, room))
        parts.append((Span(f"{symbol(moment.symbols, mark)} {text}", tone),))
    return fit(joined(parts, arrow), columns)


def health_row(moment: Moment, columns: int, *, folded: bool) -> Row:
    """The health checks; where pods and models have no pane, their counts as well."""
    divider = Span(f" {moment.symbols.divider} ", Tone.DIM)
    counts = [_pods(moment), _objects(moment)] if folded else []
    checks: list[Row] = []
    for name in moment.plan.health:
        seen = moment.seen.get(name)
        verdict = seen.reading.verdict if seen is not None else None
        mark, tone = (
            {
                Verdict.HOLDS: ("good", Tone.GOOD),
                Verdict.FAILS: ("bad", Tone.BAD),
                Verdict.UNKNOWN: ("unknown", Tone.HELD),
            }.get(verdict, ("todo", Tone.DIM))
            if verdict
            else ("todo", Tone.DIM)
        )
        checks.append((Span(f"{symbol(moment.symbols, mark)} {clean(name)}", tone),))
    shown = joined([*counts], divider)
    if not checks:
        return fit(shown, columns)
    room = columns - width_of(shown) - (3 if shown else 0) - 7
    listed = joined(checks, GAP)
    if width_of(listed) > room:
        # What does not hold comes first; the rest is a number.
        green = sum(1 for row in checks if row[0].tone is Tone.GOOD)
        count = Span(
            f"{green}/{len(checks)} hold", Tone.GOOD if green == len(checks) else Tone.PLAIN
        )
        red = [row for row in checks if row[0].tone is not Tone.GOOD]
        listed = joined([(count,), fill(red, room - width(count.text) - 2, GAP)], GAP)
    return fit(joined([shown, (Span("Health ", Tone.DIM), *listed)], divider), columns)


def _pods(moment: Moment) -> Row:
    cluster = moment.cluster
    lost = (Span("old: ", Tone.ASK),) if cluster.lost and not cluster.connecting else ()
    rows = cluster.pods.values()
    ready = sum(1 for row in rows if row.total and row.ready == row.total)
    changed = sum(1 for key in cluster.changed if key in cluster.pods)
    row: Row = (*lost, Span("Pods ", Tone.DIM), Span(f"{ready}/{len(rows)}"))
    return (*row, Span(f" {moment.symbols.changed}{changed}", Tone.STRONG)) if changed else row


def _objects(moment: Moment) -> Row:
    rows = [row for row in moment.cluster.objects.values() if row.kind == "Model"]
    ready = sum(1 for row in rows if row.state == "ready" and not row.stale)
    leaving = sum(1 for r in moment.cluster.objects.values() if r.deleting_since is not None)
    row: Row = (Span("Models ", Tone.DIM), Span(f"{ready}/{len(rows)}"))
    return (*row, Span(f" {leaving} terminating", Tone.ASK)) if leaving else row
