"""The Steps pane: phases and their steps, each with its state, its time and where the run stands."""

from __future__ import annotations

from dataclasses import dataclass

from runbook.run.state import Status
from runbook.run.summary import PhaseSummary, StepSummary
from runbook.tui.presenter.header import STATUS_LOOK, symbol
from runbook.tui.presenter.moment import Moment
from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.presenter.times import clock
from runbook.tui.safe import clean


@dataclass(frozen=True, slots=True)
class TableRow:
    """One row of a table: a key that stays, and a text for each column."""

    key: str
    cells: tuple[Row, ...]
    selectable: bool = True


@dataclass(frozen=True, slots=True)
class Column:
    title: str
    width: int
    """0: takes what is left."""
    right: bool = False
    narrow: int | None = None
    """The width in a table of fewer than `NARROW` columns, where it is another; 0: left out there."""

    def columns(self, table: int) -> int | None:
        """Columns in a table of this width; None when it is left out."""
        if self.narrow is None or table >= NARROW:
            return self.width
        return self.narrow or None


NARROW = 64


STEP_COLUMNS = (Column("step", 0), Column("time", 6, right=True))
PHASE_KEY = "phase:"


def step_of(row: str | None) -> str:
    """The step of a row; empty for the row of a phase, and for none."""
    return row if row is not None and not row.startswith(PHASE_KEY) else ""


def step_rows(moment: Moment) -> list[TableRow]:
    summary = moment.summary
    if summary is None:
        return [_planned(moment, index) for index in range(len(moment.plan.steps))]
    here = moment.step.id if moment.step is not None else ""
    rows: list[TableRow] = []
    for phase in summary.phases:
        rows.append(_phase(moment, phase, here))
        rows += [_step(moment, step, here) for step in phase.steps]
    return rows


def steps_title(moment: Moment) -> str:
    steps = moment.steps
    done = sum(1 for step in steps if moment.state.step(step.id).done)
    return f"1 Steps {done}/{len(steps)}"


def _planned(moment: Moment, index: int) -> TableRow:
    step = moment.plan.steps[index]
    text = Span(f"  {moment.symbols.todo} {step.number} {clean(step.title)}", Tone.DIM)
    return TableRow(step.id, ((text,), ()))


def _phase(moment: Moment, phase: PhaseSummary, here: str) -> TableRow:
    symbols = moment.symbols
    current = any(step.outline.id == here for step in phase.steps)
    mark, tone = ("good", Tone.GOOD) if phase.done else ("todo", Tone.DIM)
    if current:
        mark, tone = "busy", Tone.BUSY
    title = clean(phase.outline.title)
    time = clock(phase.seconds) if phase.started else ""
    if not time and phase.outline.budget:
        time = clock(phase.outline.budget)
    over = phase.over_budget >= 1
    text = (Span(symbol(symbols, mark) + " ", tone), Span(title, Tone.STRONG if current else tone))
    time_tone = Tone.BAD if over else Tone.PLAIN if current else Tone.DIM
    cell = Span(f"+{time}" if over else time, time_tone)
    return TableRow(PHASE_KEY + phase.outline.id, (text, (cell,)), selectable=False)


def _step(moment: Moment, step: StepSummary, here: str) -> TableRow:
    mark, tone = STATUS_LOOK[step.status]
    current = step.outline.id == here
    title = f"{step.outline.number} {clean(step.outline.title)}"
    if step.outline.kind == "approve" and not current:
        mark = "ask" if step.status is Status.PENDING else mark
    body = Tone.STRONG if current else Tone.PLAIN if step.status is not Status.PENDING else Tone.DIM
    again = f" x{step.attempts}" if step.attempts > 1 else ""
    text: Row = (
        Span("  "),
        Span(symbol(moment.symbols, mark) + " ", tone),
        Span(title + again, body),
    )
    started = step.started is not None
    time = clock(step.seconds) if started else ""
    return TableRow(step.outline.id, (text, (Span(time, Tone.PLAIN if current else Tone.DIM),)))
