"""What the last step of a training does to Models is in tests/practice/test_machine.py; here, its words."""

from __future__ import annotations

from runbook.practice.controllers.argo.deploying import _given, _is_ready


def test_options_are_read_as_the_program_reads_them() -> None:
    words = ["runbook", "models", "update-uris", "--model-variant", "a", "--model-variant", "b"]
    assert _given(words, "--model-variant") == ["a", "b"]
    assert _given(words, "-n", "--namespace") == []


def test_a_condition_of_an_older_generation_is_not_ready() -> None:
    ready = {"conditions": [{"type": "ModelReady", "status": "True"}], "observedGeneration": 1}
    assert _is_ready({"metadata": {"generation": 1}, "status": ready})
    assert not _is_ready({"metadata": {"generation": 2}, "status": ready})
