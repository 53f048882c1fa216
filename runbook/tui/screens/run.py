"""The screen of a run: keys become signals, records become paint. No rules, no files, no cluster.

The run itself is somebody else's task on the same event loop; closing a pane, a question or the whole
app ends nothing but the view of it.
"""

from __future__ import annotations

import gc
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.command import Provider
from textual.screen import Screen
from textual.timer import Timer
from textual.worker import Worker, WorkerState

from runbook.clock import Clock
from runbook.run.session import Session
from runbook.run.signals import AddNote, Continue, Hold, Leave, Retry, Signal
from runbook.tui.lines import Lines, RowLines
from runbook.tui.looking import Looking
from runbook.tui.options import ScreenOptions
from runbook.tui.painting import Painter
from runbook.tui.practising import Practice, as_text
from runbook.tui.presenter import commands
from runbook.tui.presenter.asking import PURPOSES, Asking, leave_lines, reason_against, request_of
from runbook.tui.presenter.geometry import Pane
from runbook.tui.presenter.header import headline, look
from runbook.tui.presenter.moment import ASKING, Cluster, Moment, Situation
from runbook.tui.presenter.prompt import Purpose, objection, signal_of
from runbook.tui.presenter.spans import ASCII, UNICODE
from runbook.tui.presenter.steps import step_of
from runbook.tui.safe import clean
from runbook.tui.screens.keys import bindings
from runbook.tui.watching import Batch, Change, Watching
from runbook.tui.widgets.entry import EntryBar
from runbook.tui.widgets.keys import KeyBar
from runbook.tui.widgets.now import NowCard
from runbook.tui.widgets.pane import FLUSH, Pane as PaneWidget
from runbook.tui.widgets.table import TablePane

Feed = Callable[[Callable[[Batch], None]], Awaitable[None]]
"""Goes on for ever, handing over what changed in the cluster."""

NOTICE = 5.0
"""Seconds an answer to a key stays in the key bar."""
EVERYTHING = Change.RUN | Change.OUTPUT | Change.CLUSTER


def _palette() -> type[Provider]:
    from runbook.tui.screens.palette import Commands

    return Commands


class RunScreen(Screen[None]):
    """Shows one session and passes on what its operator wants."""

    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {_palette}
    ESCAPE_TO_MINIMIZE = False
    BINDINGS: ClassVar[list[BindingType]] = bindings()

    def __init__(
        self,
        session: Session,
        *,
        clock: Clock,
        operator: str,
        output_of: Callable[[str], bytes],
        reports: Callable[[], list[str]],
        write_report: Callable[[], Awaitable[list[str]]],
        feed: Feed | None = None,
        practice: Practice | None = None,
        on_ready: Callable[[], Awaitable[None]] | None = None,
        options: ScreenOptions | None = None,
    ) -> None:
        super().__init__()
        self._options = options = options or ScreenOptions()
        self.session = session
        self._clock = clock
        self._feed = feed
        self.practice = practice
        self._on_ready = on_ready
        self._reports = reports
        self._write_report = write_report
        self.watching = Watching(
            session,
            now=clock.now,
            operator=operator,
            output_of=output_of,
            changed=self.touch,
            symbols=ASCII if options.ascii else UNICODE,
            cluster=Cluster(wanted=feed is not None),
        )
        self.painter = Painter(self.watching, NowCard(clock.monotonic, id=Pane.NOW))
        self.looking = Looking(self.painter, self.painter.board, self.notice, self._repaint)
        self._asking = Asking()
        self._stale = Change(0)
        self._flushing: Timer | None = None
        self._announced: tuple[Situation, str] | None = None
        self._focus_before: PaneWidget | None = None
        self._notice_until = 0.0
        self._draft = ""

    def compose(self) -> ComposeResult:
        yield self.painter.board

    def on_mount(self) -> None:
        self.watching.begin()
        self.painter.begin(self.app.size)
        self._paint(EVERYTHING)  # so that the first layout shows it, and no empty panes
        self.watch(self.app, "app_focus", self._come_to_the_front, init=False)
        self.set_interval(1.0, self._tick)
        self.call_after_refresh(self._first_frame)

    async def _first_frame(self) -> None:
        self._paint(EVERYTHING)
        gc.enable()  # whoever starts the program may leave it off until here
        gc.freeze()
        gc.set_threshold(50_000, 20, 50)
        if self._feed is not None:
            work = self._feed(self.watching.on_batch)
            self.run_worker(work, name="feed", group="feed", exit_on_error=False)
        if self._on_ready is not None:
            await self._on_ready()

    # -- painting

    def touch(self, change: Change) -> None:
        """Something was heard: paint soon, once."""
        self._stale |= change
        if self._flushing is None and self.is_running:
            self._flushing = self.set_timer(FLUSH, self._paint_stale)

    def _paint_stale(self) -> None:
        self._flushing = None
        change, self._stale = self._stale, Change(0)
        if change is Change.OUTPUT:
            self.painter.output.touch()
        else:
            self._paint(change)

    def _tick(self) -> None:
        self.watching.forget_changes()
        self._paint(EVERYTHING & ~Change.OUTPUT)

    def _paint(self, change: Change) -> None:
        if self._clock.monotonic() >= self._notice_until:
            self.painter.notice = ""
        if self.session.state.finished is not None:
            self.watching.reports = tuple(self._reports())
        size = self.app.size
        self._ask(self.watching.moment())
        moment = self.painter.paint(change, size.width, size.height)
        self._announce(moment)
        if moment.state.leaving and moment.state.over and not moment.spectator:
            self.app.exit()

    def _repaint(self) -> None:
        self._paint(EVERYTHING)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._repaint)

    def _announce(self, moment: Moment) -> None:
        """Once for each new situation: the window's title, and a bell when a person is needed."""
        place = (moment.situation, moment.step.id if moment.step is not None else "")
        if place == self._announced:
            return
        self._announced = place
        if place[0] is not Situation.FINISHED:
            self.painter.picked = None
        if self._options.bell and self.painter.needs_a_person(moment):
            self.app.bell()
        self.app.title = f"{look(moment)[0]} {headline(moment)} - {clean(moment.plan.name)}"

    def notice(self, text: str) -> None:
        """Answer a key in the key bar's place; before the run is there, say what is being done."""
        if self.session.state.opened is None:
            self.watching.doing = text
            self.touch(Change.RUN)
            return
        self.painter.notice = text
        self._notice_until = self._clock.monotonic() + NOTICE
        self._paint(Change(0))

    # -- questions

    def _ask(self, moment: Moment) -> None:
        """Show the question that is open now; a new one takes the keys, a closed one gives them back."""
        self._asking = self._asking.settled(moment)
        prompt, now = self._asking.prompt(moment), self.painter.now
        before = now.prompt
        now.ask(prompt)
        if prompt is not None and prompt != before:
            if isinstance(self.focused, PaneWidget):
                self._focus_before = self.focused
            self.set_focus(now)  # at once: the next key may be there already
        elif prompt is None and before is not None and self.focused is now:
            self.set_focus(self._focus_before)

    def on_now_card_typed(self) -> None:
        self.painter.paint_card(self.watching.moment())

    def on_now_card_put_off(self, event: NowCard.PutOff) -> None:
        self._asking = self._asking.put_back(event.prompt)
        self._paint(Change.RUN)

    def on_now_card_refuse_asked(self) -> None:
        moment = self.watching.moment()
        if moment.situation is Situation.APPROVAL:
            self._asking = self._asking.put(Purpose.REFUSE, moment)
            self._paint(Change.RUN)

    def on_now_card_request_wanted(self) -> None:
        """What the second person is to sign, as one word on the clipboard."""
        moment = self.watching.moment()
        word = request_of(moment)
        if not word:
            return
        self.app.copy_to_clipboard(word)
        self.notice("Copied. They run `runbook approve`, paste it there, and send back a line.")

    def on_now_card_answered(self, event: NowCard.Answered) -> None:
        moment = self.watching.moment()
        if event.prompt != self._asking.prompt(moment):
            return
        reason = objection(event.prompt, event.typed, moment)
        if not reason:
            reason = self.session.send(signal_of(event.prompt, event.typed, moment.operator))
        if reason:
            self.painter.now.advise(clean(reason))
            return
        # A standing question goes when the run has heard the answer; it must not be put twice.
        self._asking = Asking(put_off=event.prompt if event.prompt.standing else None)
        self._paint(Change.RUN)

    def _come_to_the_front(self) -> None:
        """The terminal has the keys again, or loses them: what is typed now was meant for another."""
        self.painter.now.be_deaf()

    # -- commands

    def on_key_bar_pressed(self, event: KeyBar.Pressed) -> None:
        self.do(event.name)

    def action_do(self, name: str) -> None:
        self.do(name)

    def do(self, name: str) -> None:
        """Carry out a command of the table, or say why not."""
        chosen = self.painter.steps.cursor
        moment = replace(self.watching.moment(), chosen=step_of(chosen))
        if reason := reason_against(name, moment):
            self.notice(reason)
            return
        if name in PURPOSES:
            self._asking = self._asking.put(PURPOSES[name], moment)
            self._paint(Change.RUN)
            return
        act = getattr(self, f"_do_{name}", None) or getattr(self.looking, name)
        act(moment)

    def _send(self, signal: Signal) -> None:
        if reason := self.session.send(signal):
            self.notice(clean(reason))

    def _do_go(self, moment: Moment) -> None:
        if moment.situation in ASKING:
            self._asking = self._asking.taken_up()
            self._paint(Change.RUN)
            self.set_focus(self.painter.now)
            return
        self._send(Continue(moment.operator))

    def _do_hold(self, moment: Moment) -> None:
        self._send(Hold(moment.operator))

    def _do_retry(self, moment: Moment) -> None:
        if moment.step is not None:
            self._send(Retry(moment.step.id, moment.operator))

    def _do_note(self, moment: Moment) -> None:
        from runbook.tui.screens.note import NoteEditor

        def take(answer: tuple[str, bool] | None) -> None:
            self.painter.now.be_deaf()
            self._draft, record = answer or (self._draft, False)
            if record and self._draft.strip():
                self._send(AddNote(moment.operator, self._draft.strip()))
                self._draft = ""

        self.app.push_screen(NoteEditor(self._draft), take)

    def _do_output(self, moment: Moment) -> None:
        step = self._step_looked_at(moment)
        if step is None:
            self.notice("Nothing has been printed yet.")
            return
        planned = moment.plan.step(step)
        title = f"Output {planned.number} {clean(planned.title)}"
        self._read(self.watching.whole_output(step), title, from_end=True)

    def _step_looked_at(self, moment: Moment) -> str | None:
        if self.painter.browsing:
            return self.painter.steps.cursor
        printed = [*self.watching.commands, *self.watching.outputs]
        here = moment.step.id if moment.step is not None else None
        fallback = printed[-1] if printed else None
        return self.painter.picked or (here if here in printed else fallback)

    def _read(self, lines: Lines, title: str, *, from_end: bool) -> None:
        from runbook.tui.screens.reading import Reading

        self.app.push_screen(
            Reading(lines, title, from_end=from_end), lambda _: self.painter.now.be_deaf()
        )

    def _do_help(self, moment: Moment) -> None:
        rows = commands.help_rows(moment)
        self._read(RowLines.of(rows), "Help", from_end=False)

    def _do_report(self, moment: Moment) -> None:
        async def write() -> None:
            paths = await self._write_report()
            self.notice("Written: " + ", ".join(paths))

        self.run_worker(write(), name="report", group="report", exit_on_error=False)

    def practise(self, action: str, fault: str) -> None:
        """Have the practice cluster asked, say what it answers, and follow what is in place."""
        if self.practice is not None:
            self.run_worker(self._practise(self.practice, action, fault), exit_on_error=False)

    async def _practise(self, practice: Practice, action: str, fault: str) -> None:
        lines = await practice.ask(action, fault)
        follow = practice.follow()
        self.run_worker(follow, name="faults", group="faults", exclusive=True, exit_on_error=False)
        if len(lines) > 1:
            self._read(as_text(lines), "Practice", from_end=False)
        else:
            self.notice(" ".join(lines))

    def _do_leave(self, moment: Moment) -> None:
        if moment.state.finished is not None:
            self.app.exit()
            return
        from runbook.tui.screens.question import Question

        lines = leave_lines(moment)

        def answered(yes: bool | None) -> None:
            self.painter.now.be_deaf()
            if yes:
                self._send(Leave(moment.operator, "left from the screen"))

        self.app.push_screen(Question(lines, "hold the run and leave"), answered)

    def _do_command_palette(self, moment: Moment) -> None:
        self.app.action_command_palette()

    # -- looking around

    def action_view(self, digit: int) -> None:
        self.looking.view(list(Pane)[digit - 1])

    def action_step_back(self) -> None:
        self.looking.back()

    def action_move(self, rows: int) -> None:
        self.looking.scrolling().move(rows)

    def action_end(self, end: bool) -> None:
        self.looking.scrolling().move_to(end=end)

    def on_entry_bar_changed(self, event: EntryBar.Changed) -> None:
        self.looking.found(event)

    def on_entry_bar_done(self, event: EntryBar.Done) -> None:
        self.looking.finish(event)

    def on_table_pane_moved(self, event: TablePane.Moved) -> None:
        """The cursor in Steps chooses whose output is shown."""
        if event.table is self.painter.steps:
            self.painter.picked = event.key
            self._paint(Change.RUN)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """What ended badly outside the run is told; the run and its screen go on."""
        if event.state is WorkerState.ERROR:
            what = {"feed": "The cluster is no longer watched", "report": "No report was written"}
            self.notice(
                f"{what.get(event.worker.name, event.worker.name)}: {clean(str(event.worker.error))}"
            )
