"""How the operator looks around: which pane, how large, finding, sorting, copying. Touches no run."""

from __future__ import annotations

from collections.abc import Callable

from textual.screen import Screen
from textual.widget import Widget

from runbook.tui.painting import Painter
from runbook.tui.presenter.cluster import Order
from runbook.tui.presenter.geometry import Pane, View, always_shown
from runbook.tui.presenter.moment import Moment
from runbook.tui.presenter.spans import text_of
from runbook.tui.presenter.step_text import script_lines
from runbook.tui.widgets.board import Board
from runbook.tui.widgets.entry import EntryBar
from runbook.tui.widgets.log import LogPane
from runbook.tui.widgets.pane import Pane as PaneWidget
from runbook.tui.widgets.table import TablePane


class Looking:
    """Acts on the panes of one board."""

    def __init__(
        self,
        painter: Painter,
        board: Board,
        notice: Callable[[str], None],
        repaint: Callable[[], None],
    ) -> None:
        self.painter = painter
        self.board = board
        self._notice = notice
        self._repaint = repaint
        self._target: PaneWidget | None = None
        """The pane that is searched while the entry is open."""

    @property
    def screen(self) -> Screen[object]:
        return self.board.screen

    def focused_pane(self) -> Pane:
        """The pane with the focus; the lower one while something else has it."""
        focused = self.screen.focused
        names = {pane.value for pane in Pane}
        return Pane(focused.id) if focused is not None and focused.id in names else self.lower

    @property
    def lower(self) -> Pane:
        return Pane.OUTPUT if self.board.view.lower is Pane.NOW else self.board.view.lower

    def scrolling(self) -> PaneWidget:
        """What moves: the focused pane, or the lower one while the Now card has the focus."""
        pane = self.painter.pane(self.focused_pane())
        lower = self.painter.pane(self.lower)
        chosen: Widget = pane if isinstance(pane, PaneWidget) else lower
        return chosen if isinstance(chosen, PaneWidget) else self.painter.output

    def view(self, pane: Pane) -> None:
        """Bring a pane into view and give it the focus."""
        now = self.board.view
        if now.zoomed is not None:
            self.board.look_at(now._replace(zoomed=pane))
        elif pane not in always_shown(self.board.size.width):
            self.board.look_at(now._replace(lower=pane))
        self._repaint()
        self._focus(self.painter.pane(pane))

    def _focus(self, pane: Widget) -> None:
        """At once: the next key may be there already, and is meant for this pane."""
        self.screen.set_focus(pane)

    def zoom(self, _: Moment) -> None:
        now = self.board.view
        pane = None if now.zoomed is not None else self.focused_pane()
        self.board.look_at(View(now.lower, pane))
        if pane is not None:
            self._focus(self.painter.pane(pane))
        self.board.call_after_refresh(self._repaint)

    def back(self) -> None:
        """Escape: undo one thing, the latest kind first."""
        pane = self.scrolling()
        if isinstance(pane, TablePane) and pane.filter:
            pane.set_filter("")
            self._repaint()
        elif isinstance(pane, LogPane) and pane.needle:
            pane.find("")
        elif self.board.view.zoomed is not None:
            self.board.look_at(View(self.board.view.lower))
            self.board.call_after_refresh(self._repaint)

    # -- finding

    def find(self, _: Moment) -> None:
        pane = self.scrolling()
        self._target = pane
        self.board.look_at(self.board.view._replace(finding=True))
        word = "filter" if isinstance(pane, TablePane) else "find"
        text = pane.filter if isinstance(pane, TablePane) else ""
        self.painter.entry.open(f"{word} in {pane.id}", text)
        self._focus(self.painter.entry)

    def found(self, event: EntryBar.Changed) -> None:
        """A filter works while it is typed."""
        if isinstance(self._target, TablePane):
            self._target.set_filter(event.text)

    def finish(self, event: EntryBar.Done) -> None:
        """The entry is closed: keep what it says, or clear it."""
        pane, self._target = self._target, None
        self.board.look_at(self.board.view._replace(finding=False))
        if pane is None:
            return
        text = event.text or ""
        if isinstance(pane, TablePane):
            pane.set_filter(text)
        elif isinstance(pane, LogPane):
            pane.find(text)
        self._focus(pane)
        self._repaint()

    def next_hit(self, _: Moment) -> None:
        self._log().next_hit(1)

    def previous_hit(self, _: Moment) -> None:
        self._log().next_hit(-1)

    def _log(self) -> LogPane:
        pane = self.scrolling()
        return pane if isinstance(pane, LogPane) else self.painter.output

    # -- the rest

    def follow(self, _: Moment) -> None:
        self._log().toggle_follow()

    def wrap(self, _: Moment) -> None:
        self._log().toggle_wrap()

    def order(self, _: Moment) -> None:
        orders = list(Order)
        after = orders[(orders.index(self.painter.order) + 1) % len(orders)]
        self.painter.order = after
        self._notice(f"Pods by {after}.")

    def copy(self, moment: Moment) -> None:
        """What is under the cursor, to the terminal's clipboard."""
        text = self._text_under_cursor(moment)
        if not text:
            self._notice("There is nothing to copy here.")
            return
        self.board.app.copy_to_clipboard(text)
        self._notice(f"Copied: {text}")

    def _text_under_cursor(self, moment: Moment) -> str:
        match self.focused_pane():
            case Pane.PODS | Pane.MODELS as name:
                table = self.painter.pane(name)
                key = table.cursor if isinstance(table, TablePane) else None
                return _name_of(key)
            case Pane.STEPS:
                step = self.painter.steps.cursor
                return self._command(moment, step) if step else ""
            case Pane.NOW:
                return self._command(moment, moment.step.id) if moment.step else ""
        return self._log().top_line

    def _command(self, moment: Moment, step: str) -> str:
        planned = moment.plan.step(step)
        script = getattr(planned.step, "run", "")
        if script:
            return "\n".join(script_lines(script))
        row = self.painter.steps.chosen
        return text_of(row.cells[0]).strip() if row is not None else planned.title


def _name_of(key: object) -> str:
    """The object's own name, of a row key or of its text."""
    if isinstance(key, str):
        return key.rpartition("/")[2]
    return str(getattr(key, "name", ""))
