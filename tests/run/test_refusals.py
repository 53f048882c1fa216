"""Why a signal does not fit the moment: each reason, at the moment it is given."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.run.refusals import LONGEST, refusal
from runbook.run.signals import (
    Abort,
    Accept,
    AddNote,
    Approve,
    Confirm,
    Continue,
    Ending,
    Hold,
    Jump,
    Leave,
    Refuse,
    Retry,
    RollBack,
    Signal,
    Skip,
    StopStep,
)
from runbook.run.terms import Mode
from tests.run.driving import BUILD, DELETE, GATE, Drive, plan_of

TASK = {"id": "ring", "manual": {"instructions": "ring"}}
WITH_TEXT = {"id": "ring", "manual": {"instructions": "ring", "evidence": "text"}}
WITH_FILE = {"id": "ring", "manual": {"instructions": "ring", "evidence": "file"}}
LEADS = {"id": "go", "approve": {"message": "?", "approvers": ["leads"]}}
FIRM = {**BUILD, "skippable": False}
UNDONE = {**BUILD, "rollback": "true"}


def at(*steps: dict[str, Any], mode: Mode = Mode.DRILL, **more: Any) -> Drive:
    return Drive(plan_of(*steps, **more), mode=mode)


def failed(*steps: dict[str, Any]) -> Drive:
    run = at(*steps)
    run.ends("build", Ending.FAILED, "boom")
    return run


def interrupted(*steps: dict[str, Any]) -> Drive:
    run = at(*steps)
    run.ends("build", Ending.INTERRUPTED, "left")
    return run


def after(run: Drive, *signals: Signal) -> Drive:
    for signal in signals:
        assert refusal(run.plan, run.state, signal) == ""
        run.send(signal)
    return run


def done(*steps: dict[str, Any]) -> Drive:
    run = at(*steps)
    run.ends("build")
    return run


CLEAN = [{"id": "clean", "run": "true"}]
RUNNING = "build"
REASONS: list[tuple[str, Drive, Signal, str]] = [
    ("after the end", done(BUILD), Hold("ann"), "the run has finished"),
    ("an empty note", at(BUILD), AddNote("ann", " "), "a note needs a text"),
    ("a long note", at(BUILD), AddNote("ann", "x" * (LONGEST + 1)), "8001 characters are too many"),
    ("held twice", after(at(BUILD), Hold("ann")), Hold("bob"), "the run is already held"),
    ("held while it ends", after(at(BUILD), Abort("ann")), Hold("ann"), "the run is being aborted"),
    ("continued without a hold", at(BUILD), Continue("ann"), "the run is not held"),
    (
        "continued while it is left",
        after(at(BUILD), Leave("ann", "q")),
        Continue("ann"),
        "being left",
    ),
    ("left twice", after(at(BUILD), Leave("ann", "q")), Leave("ann", "q"), "already being left"),
    ("aborted twice", after(at(BUILD), Abort("ann")), Abort("ann"), "already being aborted"),
    ("retried while it runs", at(BUILD), Retry("build", "ann"), "only a failure is retried"),
    ("another step", at(BUILD), Retry("x", "ann"), "the run is at 1.1 build, not at x"),
    ("a gate skipped", at(GATE), Skip("go", "ann", "x"), "a gate is never skipped"),
    ("a firm step skipped", failed(FIRM), Skip("build", "ann", "x"), "does not allow this step"),
    ("skipped while it runs", at(BUILD), Skip("build", "ann", "x"), "stop it first"),
    (
        "skipped without a reason",
        failed(BUILD),
        Skip("build", "ann", " "),
        "skipping needs a reason",
    ),
    ("too long a reason", failed(BUILD), Skip("build", "ann", "x" * 9000), "too many"),
    (
        "declared done while it runs",
        at(BUILD),
        Accept("build", "ann", "x"),
        "only an unknown outcome",
    ),
    ("declared done blindly", interrupted(BUILD), Accept("build", "ann", ""), "say how you know"),
    (
        "stopped twice",
        after(at(BUILD), StopStep("build", "ann")),
        StopStep("build", "a"),
        "already",
    ),
    ("stopped after it failed", failed(BUILD), StopStep("build", "ann"), "nothing runs"),
    (
        "decided while it is left",
        after(failed(BUILD), Leave("a", "q")),
        Retry("build", "a"),
        "left",
    ),
    ("approved where no gate is", at(TASK), Approve("ring", "ann"), "no approval is asked for"),
    ("refused where no gate is", at(TASK), Refuse("ring", "ann", "x"), "no approval is asked for"),
    ("refused without a reason", at(GATE), Refuse("go", "ann", " "), "a refusal needs a reason"),
    ("a gate confirmed", at(GATE), Confirm("go", "ann"), "no manual task is waiting"),
    ("no evidence", at(WITH_TEXT), Confirm("ring", "ann", " "), "say what you saw"),
    ("no file", at(WITH_FILE), Confirm("ring", "ann", ""), "name a file"),
    ("nothing typed", at(GATE), Approve("go", "ann"), "type ctx to approve"),
    ("half of it typed", at(GATE), Approve("go", "ann", "c"), "2 more characters of ctx"),
    ("more typed", at(GATE), Approve("go", "ann", "ctxx"), "more than ctx was typed"),
    ("something else typed", at(GATE), Approve("go", "ann", "cty"), "character 3 is 'y', not 'x'"),
    (
        "no second person",
        at(LEADS),
        Approve("go", "bob"),
        "for leads to approve: paste their answer",
    ),
    ("jump to nowhere", failed(BUILD), Jump("x", "ann", "y"), "there is no step 'x' to go to"),
    (
        "jump while it runs",
        at(BUILD),
        Jump("build", "ann", "x"),
        "a step is running; stop it first",
    ),
    (
        "jump while it is left",
        after(failed(BUILD), Leave("a", "q")),
        Jump("build", "a", "x"),
        "left",
    ),
    (
        "jump without a reason",
        failed(BUILD),
        Jump("build", "ann", ""),
        "another step needs a reason",
    ),
    (
        "jump over a gate",
        failed(BUILD, GATE, DELETE),
        Jump("delete", "ann", "x"),
        "1.2 go lies before it: a gate",
    ),
    (
        "jump over a firm step",
        failed(BUILD, {**FIRM, "id": "firm"}, DELETE),
        Jump("delete", "ann", "x"),
        "1.2 firm lies before it: a step that must not be skipped",
    ),
    ("nothing to undo", failed(BUILD), RollBack("ann", "x"), "there is nothing to roll back"),
    ("undone without a reason", failed(UNDONE), RollBack("ann", ""), "rolling back needs a reason"),
    ("undone while it runs", at(UNDONE), RollBack("ann", "x"), "a step is running"),
]


@pytest.mark.parametrize(
    ("run", "signal", "why"), [case[1:] for case in REASONS], ids=[case[0] for case in REASONS]
)
def test_what_does_not_fit_is_refused_with_its_reason(run: Drive, signal: Signal, why: str) -> None:
    assert why in refusal(run.plan, run.state, signal)
    if not isinstance(signal, AddNote):
        before = run.state
        run.send(signal)
        assert run.state == before


def test_past_the_last_step_there_is_nothing_to_decide_about() -> None:
    goals = {"recovered_when": ["web"]}
    health = {"web": {"check": {"tcp": {"host": "localhost", "port": 80}}}}
    run = at(BUILD, objectives=goals, health=health)
    run.ends("build")
    assert refusal(run.plan, run.state, Retry("build", "ann")) == (
        "the run is past its last step, not at build"
    )


def test_while_it_rolls_back_it_neither_jumps_nor_begins_again() -> None:
    run = after(failed(UNDONE), RollBack("ann", "wrong day"))
    run.ends("build.rollback", Ending.FAILED, "boom")
    assert (
        refusal(run.plan, run.state, RollBack("ann", "x")) == "the run is already being rolled back"
    )
    assert refusal(run.plan, run.state, Jump("build", "ann", "x")) == "the run is being rolled back"


def ending() -> Drive:
    run = at({**BUILD, "on_failure": "stop"}, always=CLEAN)
    run.ends("build", Ending.FAILED, "boom")
    assert run.state.ending is not None
    return run


def test_an_end_that_has_begun_is_not_left_for_another_step() -> None:
    run = ending()
    run.ends("clean", Ending.INTERRUPTED, "stopped")
    assert refusal(run.plan, run.state, Jump("build", "ann", "x")) == "the run is ending"
    after(run, Abort("ann"))
    assert run.state.finished is not None


def test_an_end_is_cut_short_once() -> None:
    run = after(ending(), Abort("ann"))
    assert refusal(run.plan, run.state, Abort("ann")) == "the run is already being ended"
