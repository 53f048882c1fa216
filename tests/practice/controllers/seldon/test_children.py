from __future__ import annotations

from runbook.practice.controllers.seldon.children import covers, overlay

LIVE = {"spec": {"replicas": 1, "ports": [{"port": 80, "protocol": "TCP"}]}, "status": {"x": 1}}


def test_what_the_server_added_does_not_count_as_a_difference() -> None:
    assert covers(LIVE, {"spec": {"replicas": 1, "ports": [{"port": 80}]}})


def test_a_value_or_an_entry_more_or_less_is_a_difference() -> None:
    assert not covers(LIVE, {"spec": {"replicas": 2}})
    assert not covers(LIVE, {"spec": {"ports": []}})
    assert not covers(LIVE, {"spec": {"selector": {}}})


def test_laying_over_keeps_what_is_not_mentioned_and_replaces_lists() -> None:
    wanted = {"spec": {"replicas": 2, "ports": [{"port": 81}]}}
    assert overlay(LIVE, wanted) == {
        "spec": {"replicas": 2, "ports": [{"port": 81}]},
        "status": {"x": 1},
    }
