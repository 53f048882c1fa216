"""Every fact in words: what an operator, a log and an auditor read."""

from __future__ import annotations

import typing
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from runbook.run.events import (
    AbortRequested,
    ApprovalExpired,
    ApprovalGranted,
    ApprovalRefused,
    ApprovalRequested,
    CheckRead,
    CommandFinished,
    CommandStarting,
    Event,
    FailureHandled,
    HealthRead,
    NoteAdded,
    Preauthorisation,
    RollbackRequested,
    RunContinued,
    RunEnding,
    RunFinished,
    RunHeld,
    RunJumped,
    RunOpened,
    RunResumed,
    StepAccepted,
    StepFailed,
    StepInterrupted,
    StepPassed,
    StepReopened,
    StepSkipped,
    StepStarted,
    StepTimedOut,
    StopRequested,
    TargetVerified,
    TaskConfirmed,
    TaskRequested,
)
from runbook.run.readings import Verdict
from runbook.run.record_events import JournalRecovered, OutputPurged, SecretExposed
from runbook.run.terms import Result
from runbook.run.words import describe, start_of_clock
from runbook.run.workflow_events import WorkflowNode, WorkflowProgressed
from tests.run.driving import BUILD, opened, plan_of

AT = datetime(2026, 3, 1, 2, 40, tzinfo=UTC)
OPENED = opened(plan_of(BUILD))
FACTS: list[tuple[Event, str]] = [
    (OPENED, "Test [practice] on ctx (https://127.0.0.1:1) by ann"),
    (RunResumed(operator="bob", attended=True, host="h", pid=2), "taken up again by bob"),
    (
        RunResumed(operator="bob", attended=True, host="h", pid=2, despite=("a.yaml", "b.yaml")),
        "taken up again by bob, as it was started, although a.yaml, b.yaml changed",
    ),
    (RunHeld(by="ann", reason=""), "held by ann"),
    (RunHeld(by="ann", reason="q", leaving=True), "left by ann: q"),
    (RunContinued(by="ann"), "continued by ann"),
    (AbortRequested(by="ann", reason=""), "abort asked for by ann"),
    (AbortRequested(by="ann", reason="wrong day"), "abort asked for by ann: wrong day"),
    (RunJumped(to="b", by="ann", reason="again"), "ann goes on at b: again"),
    (RollbackRequested(by="ann", reason="x"), "roll back asked for by ann: x"),
    (RunEnding(result=Result.ABORTED), "ending: aborted"),
    (RunEnding(result=Result.ABORTED, reason="x"), "ending: aborted: x"),
    (RunFinished(result=Result.RECOVERED), "finished: recovered"),
    (RunFinished(result=Result.NOT_RECOVERED, reason="web"), "finished: not_recovered: web"),
    (NoteAdded(by="ann", text="two\n lines"), "note by ann: two lines"),
    (
        HealthRead(check="web", verdict=Verdict.FAILS, expected="up", observed="down"),
        "health web fails: down",
    ),
    (JournalRecovered(bytes=7, sha256="0"), "a torn last line of 7 bytes was set aside"),
    (
        OutputPurged(step="s", old="a" * 64, new="b" * 64, reason="late"),
        "stored output aaaaaaaa of s was replaced by bbbbbbbb: late",
    ),
    (
        SecretExposed(records=(3, 9)),
        "a secret stands in 3, 9 of the record and stays there: change its value",
    ),
    (StepStarted(step="s", attempt=1), "s started"),
    (StepStarted(step="s", attempt=2, by="ann"), "s started, attempt 2 for ann"),
    (StepPassed(step="s"), "s passed"),
    (StepPassed(step="s", detail="200"), "s passed: 200"),
    (StepFailed(step="s", reason="boom"), "s failed: boom"),
    (StepTimedOut(step="s", reason="5s", retry_at=AT), "s timed out: 5s, again at 02:40:00Z"),
    (StepInterrupted(step="s", reason="left"), "s interrupted, outcome unknown: left"),
    (StepSkipped(step="s", by="ann", reason="x"), "s skipped by ann: x"),
    (StepAccepted(step="s", by="ann", reason="seen"), "s declared done by ann: seen"),
    (StepReopened(step="s", reason="goto a"), "s open again: goto a"),
    (FailureHandled(step="s"), "s: the runbook goes on"),
    (FailureHandled(step="s", goto="t"), "s: the runbook goes on at t"),
    (StopRequested(step="s", by="ann"), "s: stop asked for by ann"),
    (ApprovalRequested(step="s", message="Go?"), "s waits for approval: Go?"),
    (ApprovalGranted(step="s", by="ann", how="person"), "s approved by ann (person)"),
    (
        ApprovalGranted(step="s", by="bob", how="pre-authorised", reason="change 7"),
        "s approved by bob (pre-authorised): change 7",
    ),
    (ApprovalRefused(step="s", by="ann", reason="no"), "s refused by ann: no"),
    (ApprovalExpired(step="s"), "s: the approval expired, which is a refusal"),
    (TaskRequested(step="s", instructions="ring"), "s waits for a person: ring"),
    (TaskConfirmed(step="s", by="ann"), "s confirmed by ann"),
    (TaskConfirmed(step="s", by="ann", evidence="rang"), "s confirmed by ann: rang"),
    (
        TaskConfirmed(step="s", by="ann", evidence="a.png", output="c0ffee", bytes=9),
        "s confirmed by ann: a.png (9 bytes, SHA-256 c0ffee)",
    ),
    (
        TargetVerified(step="s", cluster_uid="0123456789"),
        "the cluster is the pinned one (01234567)",
    ),
    (
        CommandStarting(step="s", attempt=1, script="kubectl\n get x", shell="bash"),
        "$ kubectl get x",
    ),
    (
        CommandFinished(step="s", attempt=1, exit=0, duration=1.5, lines=1),
        "exit 0 after 1.5s, 1 line",
    ),
    (
        CommandFinished(step="s", attempt=1, exit=None, signal="SIGTERM", duration=90, lines=2),
        "ended by SIGTERM after 1m30s, 2 lines",
    ),
    (
        CommandFinished(step="s", attempt=1, exit=None, duration=0),
        "never started",
    ),
    (
        CheckRead(step="s", attempt=1, verdict=Verdict.UNKNOWN, expected="up", observed="timeout"),
        "unknown: expected up; saw timeout",
    ),
    (
        WorkflowProgressed(step="s", attempt=1, workflow="w", phase="", message="sent"),
        "w submitted sent",
    ),
    (
        WorkflowProgressed(step="s", attempt=1, workflow="w", phase="Running", progress="1/2"),
        "w Running 1/2",
    ),
    (
        WorkflowProgressed(
            step="s",
            attempt=1,
            workflow="w",
            phase="Failed",
            nodes=(
                WorkflowNode(name="fit", phase="Failed", message="no memory"),
                WorkflowNode(name="put", phase="Omitted"),
            ),
            links=("https://ui/w", "s3://b/k"),
        ),
        "w Failed (fit Failed no memory; put Omitted) https://ui/w s3://b/k",
    ),
]


@pytest.mark.parametrize(("event", "words"), FACTS, ids=lambda value: getattr(value, "kind", ""))
def test_a_fact_in_words(event: Event, words: str) -> None:
    assert describe(event) == words


def test_no_kind_of_fact_is_without_words() -> None:
    kinds = set(typing.get_args(typing.get_args(Event)[0]))
    assert {type(event) for event, _ in FACTS} == kinds


def test_a_kind_of_a_newer_program_is_still_named() -> None:
    @dataclass
    class Later:
        kind: str = "run.paused-by-the-moon"

    assert describe(cast(Any, Later())) == "run.paused-by-the-moon"


GIVEN = Preauthorisation(step="go", by="bob", reason="change 7", expires=None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preauthorised": (GIVEN,)}, "; pre-authorised: go"),
        ({"preauthorised": (replace(GIVEN, step="*"),)}, "; practice gates are pre-authorised"),
        ({"outage": AT}, "; out since 2026-03-01 02:40:00Z"),
        ({"speed": 10.0}, "; the cluster's own time runs 10 times as fast"),
    ],
)
def test_an_opening_says_what_was_settled_before(changes: dict[str, Any], words: str) -> None:
    assert describe(replace(OPENED, **changes)).endswith(words)


def _at_once() -> RunOpened:
    return opened(plan_of(BUILD, objectives={"clock": "open"}))


def test_where_the_recovery_clock_starts_is_said() -> None:
    assert start_of_clock(OPENED) == "the first destructive step"
    assert start_of_clock(_at_once()) == "the start of the run"
    out = start_of_clock(replace(OPENED, outage=AT))
    assert out == "the outage's beginning (2026-03-01 02:40:00 UTC)"
