"""Puts a moment onto the widgets. Decides what is repainted; never what is true."""

from __future__ import annotations

from collections.abc import Mapping

from textual.geometry import Size
from textual.widget import Widget

from runbook.tui.presenter import cluster, commands, header, steps
from runbook.tui.presenter.card import card
from runbook.tui.presenter.geometry import (
    LEAST_COLUMNS,
    LEAST_ROWS,
    NORMAL,
    Bar,
    Box,
    Pane,
    folded,
    places,
    too_small,
)
from runbook.tui.presenter.moment import Moment, Situation
from runbook.tui.presenter.prompt import prompt_rows
from runbook.tui.presenter.spans import Row, Span, Tone
from runbook.tui.safe import clean
from runbook.tui.watching import Change, Watching
from runbook.tui.widgets.board import Board
from runbook.tui.widgets.entry import EntryBar
from runbook.tui.widgets.keys import KeyBar
from runbook.tui.widgets.log import LogPane
from runbook.tui.widgets.now import NowCard
from runbook.tui.widgets.rows import Rows
from runbook.tui.widgets.table import FixedRows, TablePane

LOUD = {
    Tone.ASK: "-loud-ask",
    Tone.HELD: "-loud-ask",
    Tone.BAD: "-loud-bad",
    Tone.GOOD: "-loud-good",
}
NO_BOX = Box(0, 0, 0, 0)
INDENT = 10
"""Columns of the time in front of a record."""


class Painter:
    """The widgets of the board, and what each of them shows."""

    def __init__(self, watching: Watching, now: NowCard) -> None:
        self.watching = watching
        self.bars = {bar: Rows(id=bar) for bar in Bar if bar not in (Bar.KEYS, Bar.ENTRY)}
        self.keys = KeyBar(id=Bar.KEYS)
        self.entry = EntryBar(id=Bar.ENTRY)
        self.now = now
        self.steps: TablePane[str] = TablePane(steps.STEP_COLUMNS, id=Pane.STEPS, header=False)
        self.pods: TablePane[object] = TablePane(cluster.POD_COLUMNS, id=Pane.PODS)
        self.models: TablePane[str] = TablePane(
            cluster.OBJECT_COLUMNS, id=Pane.MODELS, header=False
        )
        self.output = LogPane(id=Pane.OUTPUT)
        self.record = LogPane(id=Pane.RECORD, indent=INDENT, title="6 Record")
        self.order = cluster.Order.NAME
        self.notice = ""
        self.picked: str | None = None
        """The step whose output the operator chose to see."""
        self._output_of: str | None = None
        self._here: str | None = None
        """The step at which the list of steps was last put."""
        self.board = self._board()
        self._boxes: Mapping[str, Box] = {}

    def _board(self) -> Board:
        """The widgets, in the order of the tab key."""
        panes = (self.steps, self.now, self.output, self.pods, self.models, self.record)
        for pane in panes:
            if pane is not self.now:
                pane.add_class("pane")
        return Board(*self.bars.values(), *panes, self.keys, self.entry)

    def pane(self, name: Pane) -> Widget:
        return {
            Pane.STEPS: self.steps,
            Pane.NOW: self.now,
            Pane.OUTPUT: self.output,
            Pane.PODS: self.pods,
            Pane.MODELS: self.models,
            Pane.RECORD: self.record,
        }[name]

    def begin(self, size: Size) -> None:
        """Fill what is filled once, before there is a layout."""
        self.board.show_what_is_placed(size)
        self.record.show(self.watching.record_lines(), "6 Record", "Nothing is recorded yet.")

    def paint(self, change: Change, columns: int, rows: int) -> Moment:
        """Show the present moment; `change` says what may be old."""
        moment = self.watching.moment()
        self._boxes = places(columns, rows, self.board.view)
        self._bars(moment, columns, rows)
        self.paint_card(moment)
        if Change.RUN in change:
            self._steps(moment)
            self._output(moment)
            self.record.touch()
        if Change.OUTPUT in change:
            self.output.touch()
        self._cluster(moment)
        return moment

    def _bars(self, moment: Moment, columns: int, rows: int) -> None:
        bars = self.bars
        bars[Bar.STATE].show([header.state_row(moment, columns)])
        if too_small(columns, rows):
            needed = f"{columns}x{rows} is too small; {LEAST_COLUMNS}x{LEAST_ROWS} is needed."
            bars[Bar.SMALL].show([(Span(needed, Tone.ASK),), (Span("The run goes on."),)])
            return
        bars[Bar.PHASES].show([header.phases_row(moment, columns)])
        if columns < NORMAL:
            bars[Bar.TRAIL].show([header.trail_row(moment, columns)])
        bars[Bar.HEALTH].show([header.health_row(moment, columns, folded=folded(columns))])
        row, self.keys.hints = commands.key_bar(moment, columns, typing=self._is_typing())
        self.keys.show([commands.notice_row(clean(self.notice)) if self.notice else row])

    def _is_typing(self) -> bool:
        return self.now.prompt is not None and self.now.has_focus

    def paint_card(self, moment: Moment) -> None:
        now = self.now
        box = self._boxes.get(Pane.NOW, NO_BOX)
        columns, rows = max(20, box.width - 4), max(3, box.height - 2)  # border and padding
        asking: list[Row] | None = None
        if now.prompt is not None:
            asking = prompt_rows(now.prompt, now.typed, now.advice, moment, columns)
        shown = card(moment, columns, rows, asking)
        now.show(shown.rows)
        now.label("2 Now", LOUD.get(shown.tone, "-quiet"))

    def _steps(self, moment: Moment) -> None:
        table = self.steps
        table.label(steps.steps_title(moment))
        here = moment.step.id if moment.step is not None else None
        followed = here if not self.browsing or table.cursor == here else None
        if followed is not None:
            table.cursor = self._here = followed
        table.show(FixedRows(steps.step_rows(moment)))
        if followed is not None:
            table.reveal(followed)

    @property
    def browsing(self) -> bool:
        """The operator has put the cursor on another step than the run's, and is still in the list."""
        return self.steps.has_focus and self.steps.cursor not in (None, self._here)

    def _output(self, moment: Moment) -> None:
        """The output of the step that was picked, else of the last one that printed."""
        watching = self.watching
        last = next(reversed(watching.outputs), None) or next(reversed(watching.commands), None)
        step = self.picked or last
        if step is None:
            self.output.title, self.output.empty = "3 Output", "Nothing has been printed yet."
            self.output.label("3 Output")
            return
        if step == self._output_of and not self._is_other_attempt(step):
            return
        self._output_of = step
        planned = moment.plan.step(step)
        title = f"3 Output {planned.number} {clean(planned.title)}"
        self.output.show(watching.output(step), title, "This step printed nothing.")

    def _is_other_attempt(self, step: str) -> bool:
        live = self.watching.outputs.get(step)
        return live is not None and self.output.lines is not live[1]

    def _cluster(self, moment: Moment) -> None:
        if self.pods.display:
            order = "" if self.order is cluster.Order.NAME else f"by {self.order}  "
            shown = f"/{self.pods.filter}  " if self.pods.filter else ""
            self.pods.label(cluster.pods_title(moment), shown + order + cluster.pods_note(moment))
            empty = [(Span(cluster.empty_text(moment, "pods"), Tone.DIM),)]
            self.pods.show(cluster.pod_rows(moment, self.order), empty)  # type: ignore[arg-type]  # keys are row keys
        if self.models.display:
            self.models.label(cluster.objects_title(moment), cluster.pods_note(moment))
            empty = [(Span(cluster.empty_text(moment, "models"), Tone.DIM),)]
            box = self._boxes.get(Pane.MODELS, NO_BOX)
            rows = cluster.object_rows(moment, max(20, box.width - 3))  # border and scroll bar
            self.models.show(FixedRows(rows), empty)

    def needs_a_person(self, moment: Moment) -> bool:
        return moment.situation in (
            Situation.APPROVAL,
            Situation.TASK,
            Situation.FAILED,
            Situation.UNKNOWN,
        )
