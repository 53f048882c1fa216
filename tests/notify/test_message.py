"""What is worth a message, and what it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.notify.message import LONGEST, Message, message_of
from runbook.run.readings import Verdict
from runbook.run.signals import Abort, Approve, Confirm, Ending, Leave, Retry
from runbook.run.terms import Mode
from tests.run.driving import Drive, plan_of

GATE = {"id": "go", "title": "Delete it?", "approve": {"message": "All of it.", "timeout": "5m"}}
FOR_LEADS = {"id": "go", "approve": {"message": "Now?", "approvers": ["sre-leads", "bob"]}}
TASK = {"id": "ring", "title": "Ring the desk", "manual": {"instructions": "Dial 7."}}
DELETE = {"id": "delete", "title": "Delete", "run": "kubectl delete x", "effect": "destroy"}
HEALTH = {"web": {"check": {"tcp": {"host": "localhost", "port": 80}}}}


def news(run: Drive) -> list[Message]:
    """Every message of a run, each by what was true at the end of what has been recorded."""
    found = (message_of(run.plan, r, run.records, run.state) for r in run.records)
    return [message for message in found if message is not None]


def only(run: Drive) -> Message:
    (message,) = news(run)
    return message


def test_a_gate_that_waits_says_where_for_whom_and_until_when() -> None:
    told = only(Drive(plan_of(GATE), mode=Mode.DRILL))
    assert told.event == "waiting"
    assert told.headline == "[drill] test on ctx: 1.1 Delete it? waits for approval"
    assert told.text == "All of it. It is refused at 00:05Z.\nrun r by ann on h"
    assert (told.step, told.number) == ("go", "1.1")
    leads = only(Drive(plan_of(FOR_LEADS), mode=Mode.DRILL))
    assert "It is for sre-leads, bob." in leads.text


def test_a_task_that_waits_says_what_is_to_be_done() -> None:
    told = only(Drive(plan_of(TASK)))
    assert (told.event, told.reason) == ("waiting", "Dial 7.")
    assert told.headline.endswith("1.1 Ring the desk waits for a person")


def test_what_was_answered_before_anybody_could_be_told_is_no_news() -> None:
    run = Drive(plan_of(GATE, TASK, {"id": "last", "run": "true"}))
    run.send(Approve("go", "ann", ""))
    run.send(Confirm("ring", "ann", "done"))
    assert news(run) == []


def test_a_failure_that_waits_for_a_decision_is_told() -> None:
    run = Drive(plan_of(DELETE))
    run.ends("delete", Ending.FAILED, "exit 1, expected 0")
    told = only(run)
    assert (told.event, told.reason) == ("failed", "exit 1, expected 0")
    assert told.headline.endswith("1.1 Delete failed")
    run.send(Retry("delete", "ann"))
    assert news(run) == []


def test_a_failure_that_goes_on_by_itself_is_not_told() -> None:
    retried = Drive(plan_of({**DELETE, "retries": 1, "delay": "1m"}))
    retried.ends("delete", Ending.FAILED, "exit 1")
    passed_over = Drive(plan_of({**DELETE, "on_failure": "continue"}, TASK))
    passed_over.ends("delete", Ending.FAILED, "exit 1")
    assert [told.event for told in news(retried) + news(passed_over)] == ["waiting"]


def test_an_unknown_outcome_is_told_as_that() -> None:
    run = Drive(plan_of(DELETE))
    run.ends("delete", Ending.INTERRUPTED, "stopped while it ran")
    assert only(run).headline.endswith("1.1 Delete has an unknown outcome")


def test_a_failure_that_ends_the_run_is_told_once_as_its_end() -> None:
    run = Drive(plan_of({**DELETE, "on_failure": "stop"}))
    run.ends("delete", Ending.FAILED, "exit 1")
    told = only(run)
    assert (told.event, told.result) == ("finished", "not_recovered")
    assert told.reason == "1.1 Delete: exit 1"


def test_the_end_says_how_long_the_recovery_took_and_of_how_much() -> None:
    goals = {"rto": "5m", "recovered_when": ["web"], "settle": "0s"}
    run = Drive(plan_of(DELETE, health=HEALTH, objectives=goals))
    run.ends("delete")
    run.reads(Verdict.HOLDS, after=61)
    told = only(run)
    assert told.headline.endswith("recovered in 1m1s of 5m")
    assert (told.recovery_seconds, told.objective_seconds) == (61.0, 300.0)


def test_an_aborted_run_has_no_recovery_time() -> None:
    run = Drive(plan_of(DELETE, objectives={"rto": "5m"}))
    run.send(Abort("ann", "no more"))
    run.ends("delete", Ending.INTERRUPTED, "")
    told = only(run)
    assert told.headline.endswith("aborted")
    assert told.recovery_seconds is None
    assert "no more" in told.text


def test_a_run_that_is_left_is_not_over() -> None:
    run = Drive(plan_of(TASK))
    run.send(Leave("ann", "q"))
    assert [told.event for told in news(run)] == ["waiting"]


def test_a_document_is_shortened_for_people_and_whole_for_programs() -> None:
    told = only(Drive(plan_of({"id": "x", "manual": {"instructions": "y" * 5000}})))
    assert len(told.text) < LONGEST + 100
    assert told.reason == "y" * 5000


@pytest.mark.parametrize("step", [GATE, TASK])
def test_the_document_of_a_message_is_json(step: dict[str, Any]) -> None:
    document = json.loads(json.dumps(only(Drive(plan_of(step))).document()))
    assert document["version"] == 1
    assert document["at"] == "2026-01-01T00:00:00Z"
    assert document["event"] == "waiting"
