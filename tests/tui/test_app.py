"""The screen as its operator uses it: keys in, signals and words out, at three sizes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot

from runbook.run.signals import (
    Abort,
    Accept,
    AddNote,
    Approve,
    Confirm,
    Continue,
    Ending,
    Hold,
    Leave,
    Refuse,
    Retry,
    Skip,
    StopStep,
)
from runbook.tui.app import RunApp
from runbook.tui.options import ScreenOptions
from runbook.tui.presenter.prompt import GUARD, Purpose
from runbook.tui.watching import Batch
from tests.run.driving import plan_of
from tests.tui.drill import (
    MOMENTS,
    OPERATOR,
    FakeBatch,
    FakeSession,
    app_over,
    approval,
    cluster_at,
    deleting,
    failed,
    finished,
    hanging,
    healthy,
    interrupted,
    live,
    lost,
    paused,
    pod,
    ready,
    screen_of,
    shown,
    task,
    training,
    waiting_for_namespaces,
)

WIDE, NORMAL, NARROW = (160, 45), (120, 35), (80, 24)
SIZES = [WIDE, NORMAL, NARROW]
Told = list[Callable[[Batch], None]]


def screen_text(app: RunApp) -> str:
    """What is on the screen, row by row."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


class Operator:
    """A person before one screen."""

    def __init__(self, app: RunApp, pilot: Pilot[None], session: FakeSession, told: Told) -> None:
        self.app, self.pilot, self.session, self._told = app, pilot, session, told
        self.screen = screen_of(app)

    async def settle(self) -> None:
        """Everything that was heard is painted."""
        await self.pilot.pause()
        self.screen._repaint()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.settle()

    async def type(self, text: str) -> None:
        await self.press(*("space" if c == " " else "minus" if c == "-" else c for c in text))

    async def after_guard(self) -> None:
        await self.settle()
        self.session.clock.elapsed += GUARD
        await self.settle()

    async def cluster(self, *batches: Batch) -> None:
        for batch in batches:
            self._told[0](batch)
        await self.settle()

    @property
    def text(self) -> str:
        return screen_text(self.app)

    @property
    def last(self) -> Any:
        return self.session.sent[-1] if self.session.sent else None


class Watched:
    """`async with Watched(session) as operator`."""

    def __init__(
        self, session: FakeSession, size: tuple[int, int] = NORMAL, **options: Any
    ) -> None:
        self.session = session
        self.told: Told = []
        facts = options.pop("facts", {})
        self.app = app_over(session, feed=self._feed, options=ScreenOptions(**options), **facts)
        self._context = self.app.run_test(size=size)

    async def _feed(self, on_batch: Callable[[Batch], None]) -> None:
        self.told.append(on_batch)
        await asyncio.Event().wait()

    async def __aenter__(self) -> Operator:
        pilot = await self._context.__aenter__()
        operator = Operator(self.app, pilot, self.session, self.told)
        while not self.told:
            await pilot.pause()
        await operator.settle()
        return operator

    async def __aexit__(self, *exc: object) -> None:
        await self._context.__aexit__(*exc)  # type: ignore[arg-type]  # exc_info as it came


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("moment", MOMENTS)
async def test_every_moment_is_shown_at_every_size(moment: str, size: tuple[int, int]) -> None:
    session = MOMENTS[moment]()
    async with Watched(session, size) as operator:
        await operator.cluster(*cluster_at(moment, session))
        first = operator.text.split("\n")[0]
        word = "ABORTED" if moment == "aborted" else "RECOVERED" if moment == "finished" else None
        assert (word or operator.screen.watching.moment().situation.value) in first
        assert "2 Now" in operator.text
        assert "Traceback" not in operator.text


@pytest.mark.parametrize("size", SIZES)
async def test_enter_starts_a_run_that_is_ready(size: tuple[int, int]) -> None:
    async with Watched(ready(), size) as operator:
        assert "nothing has been done yet" in operator.text
        await operator.press("enter")
        assert operator.last == Continue(OPERATOR)
        assert "RUNNING" in operator.text


@pytest.mark.parametrize("size", SIZES)
async def test_a_gate_opens_only_for_the_exact_text_and_enter(size: tuple[int, int]) -> None:
    async with Watched(approval(), size) as operator:
        await operator.after_guard()
        assert "Type  practice-1  to approve" in operator.text
        await operator.press("enter")
        assert "nothing typed yet" in operator.text
        await operator.type("practicx")
        assert "practicx" in operator.text
        await operator.press("enter")
        assert "character 8 is 'x', not 'e'" in operator.text
        await operator.press("backspace")
        await operator.type("e-1")
        assert operator.session.sent == []
        await operator.press("enter")
        assert operator.last == Approve("gate", OPERATOR, "practice-1")
        assert "RUNNING" in operator.text


async def test_keys_are_ignored_for_a_moment_after_a_question_appears() -> None:
    session = ready()
    async with Watched(session) as operator:
        await operator.press("enter")
        session.end(Ending.PASSED)
        await operator.settle()
        await operator.type("prac")
        assert operator.screen.painter.now.typed == ""
        await operator.after_guard()
        await operator.type("prac")
        assert operator.screen.painter.now.typed == "prac"


async def test_keys_are_ignored_for_a_moment_after_the_terminal_comes_to_the_front() -> None:

    async with Watched(approval()) as operator:
        await operator.after_guard()
        operator.app.post_message(events.AppBlur())
        operator.app.post_message(events.AppFocus())
        await operator.settle()
        await operator.type("prac")
        assert operator.screen.painter.now.typed == ""


async def test_a_paste_is_refused() -> None:

    async with Watched(approval()) as operator:
        await operator.after_guard()
        operator.screen.painter.now.post_message(events.Paste("practice-1"))
        await operator.settle()
        assert "a paste is refused" in operator.text
        await operator.press("enter")
        assert operator.session.sent == []


async def test_escape_means_not_yet_and_the_gate_stays_open() -> None:
    async with Watched(approval()) as operator:
        await operator.after_guard()
        await operator.press("escape")
        assert "to approve" not in operator.text
        assert "YOUR APPROVAL" in operator.text
        await operator.press("enter")
        await operator.after_guard()
        assert "to approve" in operator.text


async def test_a_gate_is_refused_with_a_reason() -> None:
    async with Watched(approval()) as operator:
        await operator.after_guard()
        await operator.press("ctrl+r")
        await operator.after_guard()
        await operator.press("enter")
        assert "a refusal needs a reason" in operator.text
        await operator.type("not tonight")
        await operator.press("enter")
        assert operator.last == Refuse("gate", OPERATOR, "not tonight")
        assert "ABORTED" in operator.text


@pytest.mark.parametrize("size", SIZES)
async def test_a_failure_says_what_why_and_what_now(size: tuple[int, int]) -> None:
    session = failed()
    async with Watched(session, size) as operator:
        undecided = replace(hanging(session.clock.now()), decisions=None)
        await operator.cluster(healthy(), undecided)
        session.clock.elapsed += 72
        await operator.settle()
        text = operator.text
        assert "STEP FAILED" in text
        assert "after 3m the condition did not hold" in text
        assert "financial-inference is Terminating" in text
        assert "seldon.model.finalizer" in text
        assert "no seldon-scheduler pod" in " ".join(text.split())
        await operator.press("r")
        assert operator.last == Retry("gone", OPERATOR)


async def test_the_last_line_of_a_failed_command_is_on_the_card() -> None:
    session = training()
    session = waiting_for_namespaces()
    async with Watched(session, NARROW) as operator:
        session.end(Ending.PASSED)
        for _ in range(3):
            session.run_command(1, "applying", "Error: webhook denied it")
            session.wait(10)
        await operator.settle()
        assert "Error   Error: webhook denied it" in operator.text
        assert "attempt 3 of 3" in operator.text


@pytest.mark.parametrize("size", SIZES)
async def test_a_skip_asks_for_a_reason(size: tuple[int, int]) -> None:
    async with Watched(failed(), size) as operator:
        await operator.press("s")
        await operator.after_guard()
        await operator.press("enter")
        assert "skipping needs a reason" in operator.text
        await operator.type("released by hand")
        await operator.press("enter")
        assert operator.last == Skip("gone", OPERATOR, "released by hand")


async def test_p_pauses_and_enter_goes_on() -> None:
    session = training()
    async with Watched(session) as operator:
        await operator.press("p")
        assert operator.last == Hold(OPERATOR)
        assert "then pause" in operator.text
        session.end(Ending.PASSED)
        await operator.settle()
        assert "PAUSED by kim" in operator.text
        await operator.press("enter")
        assert operator.last == Continue(OPERATOR)


async def test_x_stops_the_step_after_y() -> None:
    async with Watched(deleting()) as operator:
        await operator.press("x")
        await operator.after_guard()
        assert operator.session.sent == []
        await operator.press("y")
        assert operator.last == StopStep("delete", OPERATOR)
        assert "OUTCOME UNKNOWN" in operator.text


async def test_any_other_key_than_y_stops_nothing() -> None:
    async with Watched(deleting()) as operator:
        await operator.press("x")
        await operator.after_guard()
        await operator.press("n")
        assert operator.session.sent == []
        assert "RUNNING" in operator.text


async def test_an_interrupted_step_is_declared_done_with_a_reason() -> None:
    async with Watched(interrupted()) as operator:
        await operator.press("d")
        await operator.after_guard()
        await operator.type("namespaces are gone")
        await operator.press("enter")
        assert operator.last == Accept("delete", OPERATOR, "namespaces are gone")


async def test_abort_wants_the_name_of_the_run() -> None:
    async with Watched(paused()) as operator:
        await operator.press("a")
        await operator.after_guard()
        await operator.type("yes")
        await operator.press("enter")
        assert "character 1 is 'y', not 'r'" in operator.text
        await operator.press("ctrl+u")
        await operator.type("reproduction")
        await operator.press("enter")
        assert isinstance(operator.last, Abort)
        assert "ABORTED" in operator.text


async def test_a_task_asks_for_what_was_seen() -> None:
    async with Watched(task()) as operator:
        await operator.after_guard()
        await operator.press("enter")
        assert "evidence" in operator.text
        await operator.type("both arms")
        await operator.press("enter")
        assert operator.last == Confirm("look", OPERATOR, "both arms")


@pytest.mark.parametrize("size", SIZES)
async def test_a_key_that_does_not_fit_says_why(size: tuple[int, int]) -> None:
    async with Watched(deleting(), size) as operator:
        await operator.press("r")
        assert "Only a failure is retried" in operator.text or "only a failure" in operator.text
        assert operator.session.sent == []


@pytest.mark.parametrize("size", SIZES)
async def test_leaving_asks_and_holds_the_run(size: tuple[int, int]) -> None:
    session = deleting()
    async with Watched(session, size) as operator:
        await operator.press("q")
        assert "Leave this run?" in operator.text
        assert "its outcome will then be unknown" in operator.text
        assert "takes it up" in operator.text
        assert "again." in operator.text
        assert "y hold the run and leave   esc stay" in operator.text
        await operator.press("escape")
        assert session.sent == []
        await operator.press("q")
        await operator.press("y")
        assert isinstance(operator.last, Leave)
        assert not operator.app.is_running or session.state.over


async def test_ctrl_c_asks_before_it_leaves() -> None:
    async with Watched(deleting()) as operator:
        await operator.press("ctrl+c")
        assert "Leave this run?" in operator.text
        assert operator.session.sent == []


async def test_a_finished_run_is_left_without_a_question() -> None:
    async with Watched(finished()) as operator:
        assert "RECOVERED in 3:55" in operator.text
        assert "report.md" in operator.text
        await operator.press("q")
        assert operator.app._exit


@pytest.mark.parametrize("size", SIZES)
async def test_help_lists_the_keys_and_why_some_do_not_fit(size: tuple[int, int]) -> None:
    async with Watched(deleting(), size) as operator:
        await operator.press("question_mark")
        assert "pause before the next step" in operator.text
        await operator.press("escape")
        assert "2 Now" in operator.text


async def test_a_note_is_kept_as_a_draft_until_it_is_saved() -> None:
    async with Watched(deleting()) as operator:
        await operator.press("c")
        await operator.type("slow")
        await operator.press("escape")
        assert operator.session.sent == []
        await operator.press("c")
        await operator.type("er")
        await operator.press("ctrl+s")
        assert operator.last == AddNote(OPERATOR, "slower")
        assert "note by kim: slower" in operator.text


async def test_digits_bring_a_pane_under_the_card_where_there_is_no_room_for_all() -> None:
    async with Watched(deleting(), NARROW) as operator:
        await operator.cluster(healthy())
        assert "mlserver-0" not in operator.text
        await operator.press("4")
        assert "4 Pods 7/8 ready" in operator.text
        assert "mlserver-0" in operator.text
        await operator.press("5")
        assert "baseline-predictor" in operator.text
        await operator.press("6")
        assert "6 Record" in operator.text
        await operator.press("1")
        assert "1 Steps" in operator.text


async def test_z_gives_a_pane_all_the_room_and_escape_takes_it_back() -> None:
    async with Watched(deleting(), NARROW) as operator:
        await operator.press("3", "z")
        assert "2 Now" not in operator.text
        await operator.press("escape")
        assert "2 Now" in operator.text


async def test_a_filter_keeps_the_pods_that_hold_it() -> None:
    async with Watched(deleting(), WIDE) as operator:
        await operator.cluster(healthy())
        await operator.press("4", "slash")
        await operator.type("minio")
        assert "minio-0" in operator.text
        assert "mlserver-0" not in operator.text
        await operator.press("enter", "escape")
        assert "mlserver-0" in operator.text


async def test_output_streams_and_is_found_in() -> None:
    session = deleting()
    async with Watched(session) as operator:
        session.prints(*(f"line {n}" for n in range(500)))
        await operator.settle()
        await operator.pilot.pause(0.3)
        assert "line 499" in operator.text
        await operator.press("3", "k", "k")
        session.prints("one more")
        await operator.pilot.pause(0.3)
        assert "+1 new lines" in operator.text
        await operator.press("slash")
        await operator.type("line 250")
        await operator.press("enter")
        assert "line 250" in operator.text
        assert "1 of 1" in operator.text
        await operator.press("f")
        await operator.pilot.pause(0.3)
        assert "one more" in operator.text


async def test_earlier_output_is_read_from_where_it_is_stored() -> None:
    session = waiting_for_namespaces()
    async with Watched(session) as operator:
        assert "deletion goes on in the background" in operator.text
        await operator.press("l")
        assert "Output 1.3 Delete the platform" in operator.text


async def test_a_lost_cluster_is_told_with_its_age_and_the_rows_stay() -> None:
    session = deleting()
    async with Watched(session, WIDE) as operator:
        await operator.cluster(healthy())
        now = session.clock.now()
        await operator.cluster(FakeBatch((), lost(now, now)))
        session.clock.elapsed += 42
        await operator.settle()
        assert "NO CLUSTER 0:42" in operator.text
        assert "as of 0:42 ago" in operator.text
        assert "minio-0" in operator.text
        await operator.cluster(FakeBatch((), live(session.clock.now())))
        assert "NO CLUSTER" not in operator.text


async def test_a_change_is_marked_and_on_top_for_some_seconds() -> None:
    session = deleting()
    async with Watched(session, WIDE) as operator:
        await operator.cluster(healthy())
        assert "▲" not in operator.text
        await operator.cluster(FakeBatch((pod("seldon-envoy-0", "CrashLoopBackOff", 0),), live()))
        assert "▲seldon-envoy-0" in operator.text
        session.clock.elapsed += 6
        operator.screen._tick()
        await operator.settle()
        assert "▲" not in operator.text


async def test_a_feed_that_ends_badly_is_told_and_ends_nothing() -> None:
    session = deleting()

    async def broken(on_batch: Callable[[Batch], None]) -> None:
        raise RuntimeError("bad [/feed]")

    app = app_over(session, feed=broken)
    async with shown(app, NORMAL) as pilot:
        await pilot.pause(0.2)
        assert "bad [/feed]" in screen_text(app)
        assert app.is_running


async def test_it_says_which_size_is_needed_and_goes_on() -> None:
    async with Watched(deleting(), (50, 12)) as operator:
        assert "50x12 is too small; 60x16 is needed" in operator.text
        assert "RUNNING" in operator.text
        await operator.pilot.resize_terminal(80, 24)
        await operator.settle()
        assert "2 Now" in operator.text


async def test_ascii_draws_with_ascii_alone() -> None:
    session = waiting_for_namespaces()
    async with Watched(session, NORMAL, ascii=True) as operator:
        await operator.cluster(healthy(), hanging(session.clock.now()))
        assert operator.text.isascii()


async def test_the_bell_rings_once_for_each_need_of_a_person(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rung: list[str] = []
    monkeypatch.setattr(RunApp, "bell", lambda self: rung.append("bell"))
    session = ready()
    async with Watched(session) as operator:
        await operator.press("enter")
        assert rung == []
        session.end(Ending.PASSED)
        await operator.settle()
        await operator.settle()
        assert rung == ["bell"]


async def test_the_command_palette_runs_a_command() -> None:
    async with Watched(deleting()) as operator:
        await operator.press("colon")
        await operator.type("pause")
        await operator.pilot.pause(0.3)
        await operator.press("enter")
        await operator.pilot.pause(0.3)
        assert operator.last == Hold(OPERATOR)


async def test_ready_is_told_after_the_first_frame() -> None:
    session = ready()
    told: list[str] = []

    async def on_ready() -> None:
        told.append(screen_text(app))

    app = app_over(session, on_ready=on_ready)
    async with shown(app, NORMAL) as pilot:
        await pilot.pause()
    assert "READY" in told[0]


async def test_w_writes_the_report_now() -> None:
    async with Watched(deleting()) as operator:
        await operator.press("w")
        await operator.pilot.pause(0.1)
        assert "Written: /runs/20260801-022000/report.md" in operator.text


async def test_keys_that_come_together_mean_what_they_mean_apart() -> None:
    async with Watched(deleting(), WIDE) as operator:
        for key, character in (("4", "4"), ("slash", "/"), ("m", "m"), ("l", "l")):
            operator.app.post_message(events.Key(key, character))
        await operator.settle()
        assert "filter in pods: ml" in operator.text


async def test_a_reason_typed_at_once_is_no_command() -> None:
    session = failed()
    async with Watched(session) as operator:
        for key in ("s", "a", "x", "d"):
            operator.app.post_message(events.Key(key, key))
        await operator.settle()
        prompt = operator.screen.painter.now.prompt
        assert prompt is not None
        assert prompt.purpose is Purpose.SKIP
        assert session.sent == []


async def test_the_path_of_a_file_that_is_handed_in_may_be_pasted() -> None:
    plan = plan_of({"id": "look", "manual": {"instructions": "look", "evidence": "file"}})
    session = FakeSession(plan)
    session.decide(Continue(OPERATOR))
    async with Watched(session) as operator:
        await operator.after_guard()
        operator.screen.painter.now.post_message(events.Paste("/tmp/the picture.png\n"))
        await operator.settle()
        await operator.press("enter")
        assert operator.last == Confirm("look", OPERATOR, "/tmp/the picture.png")
