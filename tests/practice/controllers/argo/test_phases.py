from __future__ import annotations

from runbook.practice.controllers.argo.phases import node_annotations, phase_changes

NODE = {"id": "w-1", "name": "w.a", "type": "Pod", "startedAt": "2026-01-01T00:00:00Z"}


def told(before: str, after: str) -> list[str]:
    earlier = {"w-1": {**NODE, "phase": before}} if before else {}
    return [phase for phase, _ in phase_changes(earlier, {"w-1": {**NODE, "phase": after}})]


def test_a_node_that_ended_unseen_is_told_to_have_run() -> None:
    assert told("", "Failed") == ["Running", "Failed"]
    assert told("Pending", "Succeeded") == ["Running", "Succeeded"]
    assert told("Running", "Succeeded") == ["Succeeded"]


def test_what_has_not_begun_or_never_will_is_not_told() -> None:
    assert told("", "Pending") == told("Running", "Running") == told("", "Skipped") == []


def test_an_event_names_its_node() -> None:
    prefix = "workflows.argoproj.io/node-"
    assert node_annotations(NODE) == {
        f"{prefix}id": "w-1",
        f"{prefix}name": "w.a",
        f"{prefix}type": "Pod",
        f"{prefix}start-time": "1767225600000000000",
    }
