from __future__ import annotations

from datetime import UTC, datetime

from runbook.practice.controllers.logs import LINES_KEPT, PodLogs
from runbook.practice.timeline import Timeline

START = datetime(2026, 1, 1, tzinfo=UTC)


def _logs() -> PodLogs:
    return PodLogs(Timeline(START))


def test_lines_are_read_with_their_times() -> None:
    logs = _logs()
    logs.append("ns", "pod", "main", "one\ntwo")
    assert logs.read("ns", "pod", "main") == [(START, "one"), (START, "two")]
    assert logs.read("ns", "pod", "other") == []


def test_a_restart_makes_the_present_log_the_previous_one() -> None:
    logs = _logs()
    logs.append("ns", "pod", "main", "before")
    logs.restart("ns", "pod", "main")
    logs.append("ns", "pod", "main", "after")
    assert [line for _, line in logs.read("ns", "pod", "main")] == ["after"]
    assert [line for _, line in logs.read("ns", "pod", "main", previous=True)] == ["before"]


def test_a_container_keeps_its_last_lines_only() -> None:
    logs = _logs()
    for number in range(LINES_KEPT + 5):
        logs.append("ns", "pod", "main", str(number))
    lines = logs.read("ns", "pod", "main")
    assert (len(lines), lines[0][1]) == (LINES_KEPT, "5")


def test_the_logs_of_a_pod_that_is_gone_are_forgotten() -> None:
    logs = _logs()
    logs.append("ns", "pod", "main", "x")
    logs.append("ns", "pod-2", "main", "y")
    logs.forget("ns", "pod")
    assert logs.read("ns", "pod", "main") == []
    assert [line for _, line in logs.read("ns", "pod-2", "main")] == ["y"]
