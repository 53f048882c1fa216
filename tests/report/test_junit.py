"""JUnit XML of a run: what a CI counts, and text that could break its reader."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from runbook.report import junit
from runbook.report.facts import gather
from runbook.run.readings import Verdict
from runbook.run.signals import Ending, Leave, Refuse, Retry, Skip
from tests.report.test_reports import HOSTILE, recovered
from tests.run.driving import BUILD, DELETE, GATE, HEALTH, OBJECTIVES, Drive, plan_of

COUNTS = ("tests", "failures", "errors", "skipped")


def parsed(run: Drive) -> ET.Element:
    root = ET.fromstring(junit.render(gather(run.records, "f" * 64)))
    for suite in root:  # what is counted is what is there
        cases = suite.findall("testcase")
        assert int(suite.get("tests", "")) == len(cases)
        for count, element in junit.WORDS.items():
            assert int(suite.get(count, "")) == len(suite.findall(f"testcase/{element}"))
    for count in COUNTS:
        assert root.get(count) == str(sum(int(suite.get(count, "")) for suite in root))
    return root


def counts(root: ET.Element) -> list[str]:
    return [root.get(count, "") for count in COUNTS]


def outcome(root: ET.Element, name: str) -> tuple[str, str]:
    """The element that says how a case ended, and its message."""
    (case,) = [c for c in root.iter("testcase") if c.get("name") == name]
    found = [c for c in case if c.tag in junit.WORDS.values()]
    return (found[0].tag, found[0].get("message", "")) if found else ("", "")


def test_a_run_that_recovered_is_green() -> None:
    root = parsed(recovered())
    assert counts(root) == ["6", "0", "0", "0"]
    (phase, last) = root.findall("testsuite")
    assert [c.get("name") for c in phase.findall("testcase")] == [
        "1.1 go",
        "1.2 delete",
        "1.3 build",
    ]
    assert phase.findall("testcase")[0].get("time") == "30.000"
    assert phase.get("timestamp") == "2026-01-01T00:00:00"
    assert [c.get("name") for c in last.findall("testcase")] == [
        "the run recovered",
        "Recovery time: 1m",
        "Recovered when web: up",
    ]
    properties = {p.get("name"): p.get("value") for p in root.iter("property")}
    assert (properties["run"], properties["status"]) == ("r", "recovered")


def test_a_failure_has_its_reason_and_what_follows_is_skipped() -> None:
    run = Drive(plan_of({**DELETE, "on_failure": "stop"}, BUILD))
    run.ends("delete", Ending.FAILED, HOSTILE)
    root = parsed(run)
    tag, message = outcome(root, "1.1 delete")
    assert tag == "failure"
    assert "\ufffd[2J" in message
    assert "<script>" in message  # escaped in the text, itself when it is read
    assert outcome(root, "1.2 build") == ("skipped", "the run did not come to it")
    assert outcome(root, "the run recovered")[0] == "failure"


def test_what_the_runbook_passes_over_fails_no_build() -> None:
    run = Drive(plan_of({**BUILD, "on_failure": "continue"}))
    run.ends("build", Ending.FAILED, "boom")
    root = parsed(run)
    assert outcome(root, "1.1 build") == (
        "skipped", "failed, and passed over by the runbook: boom",
    )  # fmt: skip
    assert root.get("failures") == "0"


def test_a_skipped_step_says_who_and_why() -> None:
    run = Drive(plan_of(BUILD, {**DELETE, "when": "run.mode == 'drill'"}))
    run.ends("build", Ending.FAILED, "boom")
    run.send(Skip("build", "ann", "not needed"))
    root = parsed(run)
    assert outcome(root, "1.1 build") == ("skipped", "by ann: not needed")
    assert outcome(root, "1.2 delete")[1].startswith("by condition: when: ")


def test_a_refused_gate_is_a_failure() -> None:
    run = Drive(plan_of(GATE, DELETE))
    run.send(Refuse("go", "bob", "not today"))
    root = parsed(run)
    assert outcome(root, "1.1 go") == ("failure", "not today")
    assert counts(root) == ["3", "2", "0", "1"]


def test_a_held_run_is_an_error_since_nobody_knows_yet() -> None:
    run = Drive(plan_of(DELETE))
    run.send(Leave("ann", "q"))
    run.ends("delete", Ending.INTERRUPTED, "stopped while it ran")
    root = parsed(run)
    assert outcome(root, "1.1 delete") == ("error", "its outcome is unknown: stopped while it ran")
    assert outcome(root, "the run ended") == ("error", "the run is held and can be resumed")


def test_a_run_that_goes_on_is_none_that_passed() -> None:
    root = parsed(Drive(plan_of(GATE)))
    assert outcome(root, "1.1 go")[0] == "error"
    assert outcome(root, "the run ended")[1] == "the run has not ended"


@pytest.mark.parametrize(("after", "tag"), [(3, ""), (300, "failure")])
def test_an_objective_that_was_missed_is_a_failure(after: float, tag: str) -> None:
    run = Drive(plan_of(DELETE, health=HEALTH, objectives=OBJECTIVES))
    run.ends("delete")
    run.reads(Verdict.HOLDS, after=after)
    run.send(Retry("x", "ann"), after=6)  # says nothing; time has passed
    root = parsed(run)
    assert outcome(root, "Recovery time: 1m")[0] == tag
    assert outcome(root, "the run recovered")[0] == tag
