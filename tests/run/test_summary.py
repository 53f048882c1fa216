"""Who spent the time, and what an auditor will ask about."""

from __future__ import annotations

from datetime import timedelta

import pytest

from runbook.errors import RunbookError
from runbook.run.events import (
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    CheckRead,
    CommandFinished,
    CommandStarting,
    Event,
    FailureHandled,
    NoteAdded,
    Record,
    RollbackRequested,
    RunFinished,
    RunHeld,
    RunJumped,
    RunResumed,
    StepAccepted,
    StepFailed,
    StepInterrupted,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    TaskConfirmed,
    TaskRequested,
)
from runbook.run.readings import Verdict
from runbook.run.record_events import JournalRecovered, SecretExposed
from runbook.run.signals import Abort, AddNote, Approve, Continue, Ending, Hold, Leave, Retry, Skip
from runbook.run.state import Status
from runbook.run.summary import Ledger, Waiting, summarise
from runbook.run.terms import Result
from tests.run.driving import (
    BUILD,
    DELETE,
    GATE,
    HEALTH,
    OBJECTIVES,
    T0,
    Drive,
    opened,
    plan_of,
)


def later(run: Drive, seconds: float) -> Drive:
    run.now += timedelta(seconds=seconds)
    return run


def test_every_second_is_charged_to_exactly_one_cause() -> None:
    run = Drive(plan_of(GATE, DELETE, BUILD, health=HEALTH, objectives=OBJECTIVES))
    run.send(Approve("go", "ann", "ctx"), after=30)
    later(run, 10).ends("delete")
    later(run, 5).ends("build", Ending.FAILED, "boom")
    run.send(Retry("build", "ann"), after=20)
    later(run, 7).ends("build")
    run.reads(Verdict.HOLDS, after=4)
    run.send(Hold("ann"), after=1)
    run.send(Continue("ann"), after=4)
    assert run.result == "recovered"
    summary = summarise(run.records)
    assert summary.split[Waiting.APPROVAL] == 30
    assert summary.split[Waiting.MACHINE] == 10 + 5 + 7
    assert summary.split[Waiting.OPERATOR] == 20
    assert summary.split[Waiting.SETTLE] == 4 + 5
    assert sum(summary.split.values()) == summary.seconds


def test_the_recovery_time_ends_where_health_began() -> None:
    run = Drive(plan_of(DELETE, BUILD, health=HEALTH, objectives=OBJECTIVES))
    later(run, 10).ends("delete")
    run.reads(Verdict.HOLDS, after=15)
    later(run, 40).ends("build")
    recovery = summarise(run.records).recovery
    assert recovery.seconds == 25
    assert recovery.within is True
    assert recovery.stopped == T0 + timedelta(seconds=25)


def test_a_running_clock_is_measured_to_now() -> None:
    run = Drive(plan_of(DELETE, health=HEALTH, objectives=OBJECTIVES))
    summary = summarise(run.records, T0 + timedelta(seconds=61))
    assert summary.recovery.seconds == 61
    assert summary.recovery.stopped is None
    assert summary.recovery.within is False
    assert summary.status == "running"


def test_the_clock_of_an_aborted_run_without_a_definition_of_health_never_stopped() -> None:
    run = Drive(plan_of(DELETE, BUILD))
    later(run, 12).ends("delete")
    run.send(Abort("ann", "enough"))
    run.ends("build", Ending.INTERRUPTED, "stopped")
    recovery = summarise(run.records).recovery
    assert recovery.started is not None
    assert recovery.stopped is None


def test_phases_count_the_time_their_steps_stood_and_what_is_over_budget() -> None:
    document = {
        "phases": [
            {"id": "one", "budget": "10s", "steps": [DELETE]},
            {"id": "two", "budget": "1m", "steps": [BUILD]},
        ]
    }
    run = Drive(plan_of(**document))
    later(run, 12).ends("delete")
    later(run, 3).ends("build")
    first, second = summarise(run.records).phases
    assert (first.seconds, first.over_budget, first.done) == (12, 2, True)
    assert (second.seconds, second.over_budget) == (3, 0)


def test_whatever_was_not_as_planned_is_a_deviation() -> None:
    run = Drive(plan_of(BUILD, DELETE))
    run.ends("build", Ending.FAILED, "boom")
    run.send(Skip("build", "ann", "done by hand"))
    run.send(AddNote("ann", "wrong day"))
    run.send(Abort("ann", "enough"))
    run.ends("delete", Ending.INTERRUPTED, "stopped")
    summary = summarise(run.records)
    assert [d.text for d in summary.deviations] == [
        "failed: boom",
        "skipped by ann: done by hand",
        "outcome unknown: stopped",
        "aborted by ann: enough",
    ]
    assert summary.notes[0][1].text == "wrong day"
    assert summary.status == "aborted"


def test_a_step_keeps_who_decided_about_it() -> None:
    run = Drive(plan_of(GATE, BUILD))
    run.send(Approve("go", "ann", "ctx"))
    run.ends("build")
    go, build = summarise(run.records).steps
    assert (go.decided_by, go.status) == ("ann", "passed")
    assert (build.attempts, build.decided_by) == (1, "")


def test_a_failure_that_is_passed_over_keeps_its_reason() -> None:
    run = Drive(plan_of({**BUILD, "on_failure": "continue"}))
    run.ends("build", Ending.FAILED, "boom")
    (step,) = summarise(run.records).steps
    assert (step.status, step.reason) == (Status.FAILED, "boom")


def test_a_journal_without_records_is_of_a_run_that_was_never_opened() -> None:
    with pytest.raises(RunbookError, match="never opened"):
        summarise([])


def deviations(*events: Event) -> list[str]:
    """What an auditor is told of facts that follow an opening."""
    ledger = Ledger()
    first = opened(plan_of(BUILD, DELETE))
    for number, event in enumerate((first, *events), 1):
        ledger.add(Record(number, T0, event))
    return [deviation.text for deviation in ledger.summary(T0).deviations]


STARTED = StepStarted(step="build", attempt=1)
ASKED = ApprovalRequested(step="build", message="?")


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([StepSkipped(step="build", by="ann", reason="x")], "skipped by ann: x"),
        ([StepSkipped(step="build", by="goto", reason="x")], "passed over: x"),
        ([StepSkipped(step="build", by="condition", reason="x")], None),
        ([RunJumped(to="delete", by="ann", reason="x")], "ann went on at delete: x"),
        ([RollbackRequested(by="ann", reason="x")], "rolled back by ann: x"),
        ([STARTED, StepTimedOut(step="build", reason="5s")], "timed out: 5s"),
        (
            [
                STARTED,
                StepInterrupted(step="build", reason="left"),
                StepAccepted(step="build", by="ann", reason="seen"),
            ],
            "declared done by ann: seen",
        ),
        (
            [STARTED, StepFailed(step="build", reason="x"), FailureHandled(step="build", goto="b")],
            "the failure led to b",
        ),
        (
            [ASKED, ApprovalGranted(step="build", by="bob", how="pre-authorised", reason="7")],
            "gate opened beforehand by bob: 7",
        ),
        ([ASKED, ApprovalRefused(step="build", by="ann", reason="no")], "refused by ann: no"),
        ([ASKED, ApprovalExpired(step="build")], "the approval expired"),
        (
            [
                TaskRequested(step="build", instructions="x"),
                TaskConfirmed(step="build", by="practice"),
            ],
            "a manual task was not done by a person (practice)",
        ),
        ([RunHeld(by="ann", reason="")], "held by ann"),
        (
            [RunResumed(operator="bob", attended=True, host="h", pid=2)],
            "taken up again by bob",
        ),
        (
            [RunResumed(operator="bob", attended=True, host="h", pid=2, despite=("a.yaml",))],
            "taken up again by bob as started, although a.yaml changed",
        ),
        ([JournalRecovered(bytes=7, sha256="0")], "a torn last line of 7 bytes was set aside"),
        (
            [SecretExposed(records=(1,))],
            "a secret stands in 1 of the record and stays there: change its value",
        ),
        ([RunFinished(result=Result.ABORTED, reason="no more")], "no more"),
        ([NoteAdded(by="ann", text="x")], None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_an_auditor_is_told_of_a_fact(events: list[Event], told: str | None) -> None:
    found = deviations(*events)
    assert found == [] if told is None else told in found


def test_a_step_keeps_its_commands_and_what_its_check_saw() -> None:
    ledger = Ledger()
    starting = CommandStarting(step="build", attempt=1, script="true", shell="bash")
    finished = CommandFinished(step="build", attempt=1, exit=0, duration=1)
    read = CheckRead(step="build", attempt=1, verdict=Verdict.FAILS, expected="up", observed="down")
    events: list[Event] = [
        opened(plan_of(BUILD)),
        STARTED,
        finished,
        starting,
        finished,
        starting,
        read,
    ]
    for number, event in enumerate(events, 1):
        ledger.add(Record(number, T0, event))
    (step,) = ledger.summary(T0).steps
    assert step.commands == ((starting, finished), (starting, None))
    assert step.reads == (read,)


def test_without_an_objective_nothing_is_in_time_or_late() -> None:
    run = Drive(plan_of(DELETE))
    assert summarise(run.records).recovery.within is None


def test_the_word_for_a_run_is_how_it_ended_or_that_it_goes_on() -> None:
    run = Drive(plan_of(BUILD))
    assert summarise(run.records).status == "running"
    run.send(Leave("ann", "q"))
    assert summarise(run.records).status == "interrupted"
    ended = Drive(plan_of(BUILD))
    ended.ends("build")
    assert summarise(ended.records).status == "recovered"


def test_a_journal_that_begins_in_the_middle_has_no_summary() -> None:
    with pytest.raises(ValueError, match=r"without run\.opened"):
        Ledger().summary(T0)
