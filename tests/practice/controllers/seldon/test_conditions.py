from __future__ import annotations

from runbook.practice.controllers.seldon.conditions import Condition, with_conditions, without

EARLY, LATE = "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z"


def test_ready_copies_the_words_of_what_is_not() -> None:
    said = [Condition("B", True), Condition("A", False, "why", "what")]
    found = with_conditions([], said, ["A", "B"], EARLY)
    assert [c["type"] for c in found] == ["A", "B", "Ready"]
    assert (found[2]["status"], found[2]["reason"], found[2]["message"]) == ("False", "why", "what")


def test_ready_is_true_without_words_when_all_are_and_unknown_while_one_is_missing() -> None:
    partly = with_conditions([], [Condition("A", True, "fine")], ["A", "B"], EARLY)
    assert partly[-1]["status"] == "Unknown"
    wholly = with_conditions(partly, [Condition("B", True)], ["A", "B"], LATE)
    assert wholly[-1] == {"type": "Ready", "status": "True", "lastTransitionTime": LATE}


def test_a_condition_that_says_the_same_keeps_its_time() -> None:
    first = with_conditions([], [Condition("A", True)], ["A"], EARLY)
    again = with_conditions(first, [Condition("A", True)], ["A"], LATE)
    assert again == first
    other = with_conditions(first, [Condition("A", True, "because")], ["A"], LATE)
    assert {c["type"]: c["lastTransitionTime"] for c in other} == {"A": LATE, "Ready": EARLY}


def test_conditions_can_be_left_out() -> None:
    found = with_conditions([], [Condition("A", True), Condition("Z", True)], ["A"], EARLY)
    assert [c["type"] for c in without(found, ["Z"])] == ["A", "Ready"]
