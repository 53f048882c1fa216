"""`runbook practice` in words: the cluster's answers, its refusals, what a run's record gets."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import practice, practice_cluster, practice_faults
from runbook.cli.attended_faults import AttendedFaults
from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster
from runbook.clock import VirtualClock
from runbook.errors import RunbookError, TargetUnreachable, UsageError
from runbook.target.api import HttpAnswer

JSON = dict[str, Any]
FAULT = {"name": "x-stuck", "title": "X hangs", "story": "It was deleted."}


def state(*, solved: bool = False, penalties: Sequence[str] = (), hints: int = 0) -> JSON:
    costs = [{"name": name, "why": f"{name} is wrong"} for name in penalties]
    told: JSON = {
        "fault": FAULT,
        "since": "2026-08-01T02:20:00Z",
        "developed": True,
        "solved": solved,
        "penalties": costs,
        "hints": ["look", "look there", "do it"][:hints],
        "hints_left": 3 - hints,
    }
    if solved:
        return told | {"solved_after": 95, "diagnosis": "It was X.", "remedies": []}
    return told | {"still": "x is still there"}


class Answers:
    """Stands for a client; answers what it was given, by method and path."""

    def __init__(self, **answers: tuple[int, str]) -> None:
        self.answers = answers
        self.asked: list[tuple[str, str]] = []

    async def ask(self, method: str, path: str) -> HttpAnswer:
        self.asked.append((method, path))
        status, body = self.answers[path.split("/")[3]]
        return HttpAnswer(status, body=body.encode())


async def test_a_name_nobody_knows_gets_the_nearest_ones() -> None:
    client: Any = Answers(
        faults=(404, '{"error": "no fault is called \'x\'", "nearest": ["a", "b"]}')
    )
    with pytest.raises(UsageError) as refused:
        await practice_faults.ask_through(client, "inject", "x")
    assert str(refused.value) == "no fault is called 'x'\nhint: nearest: a, b"
    assert client.asked == [("POST", "/practice/v1/faults/x")]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (409, '{"error": "x is in place"}', "x is in place\nhint: `runbook practice reset`"),
        (403, '{"message": "not you"}', "not you"),
        (500, "broken", "broken"),
    ],
)
async def test_a_refusal_keeps_its_words(status: int, body: str, said: str) -> None:
    client: Any = Answers(hint=(status, body))
    with pytest.raises(UsageError) as refused:
        await practice_faults.ask_through(client, "hint")
    assert str(refused.value).startswith(said)


@pytest.mark.parametrize(
    ("told", "lines"),
    [
        ({"fault": None}, ["no fault"]),
        (
            state(penalties=["patched"], hints=1),
            [
                "fault x-stuck: X hangs",
                "not solved: x is still there",
                "penalty patched: patched is wrong",
                "penalties 1, hints 1 of 3",
            ],
        ),
        (
            state(solved=True),
            [
                "fault x-stuck: X hangs",
                "solved after 1m35s of the cluster's time",
                "penalties 0, hints 0 of 3",
                "It was X.",
            ],
        ),
    ],
)
def test_a_status_in_words(told: JSON, lines: list[str]) -> None:
    assert practice_faults.status_lines(told) == lines


def test_a_record_gets_each_penalty_once_and_the_end() -> None:
    before, after = state(penalties=["a"]), state(penalties=["a", "b"], hints=2, solved=True)
    assert practice_faults.news(before, after) == [
        "practice fault x-stuck: penalty b: b is wrong",
        "practice fault x-stuck: solved after 1m35s of the cluster's time; penalties: a, b; hints:"
        " 2",
    ]
    assert practice_faults.news(after, after) == []
    assert practice_faults.news(after, {"fault": None}) == ()


# -- which cluster, and the exit code


@pytest.fixture
def clusters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, JSON | RunbookError]:
    """Name of a running cluster -> what it says of its fault."""
    running: dict[str, JSON | RunbookError] = {}
    monkeypatch.setenv("RUNBOOK_STATE_DIR", str(tmp_path))

    def find(directory: Path) -> PracticeCluster | None:
        if directory.name not in running:
            return None
        directory.mkdir(parents=True, exist_ok=True)
        return PracticeCluster(directory, 7, directory / "kubeconfig", "p", "https://here", 10)

    def ask(cluster: PracticeCluster, action: str, name: str = "") -> JSON:
        said = running[cluster.directory.name]
        if isinstance(said, RunbookError):
            raise said
        return said

    monkeypatch.setattr(practice_cluster, "find", find)
    monkeypatch.setattr(practice_faults, "ask", ask)
    return running


def practise(*words: str) -> int:
    parser = argparse.ArgumentParser()
    practice.add(parser)
    return practice.main(parser.parse_args(words))


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"fault": None}, Exit.OK),
        (state(), Exit.NOT_RECOVERED),
        (state(solved=True), Exit.OK),
        (TargetUnreachable("nobody answers"), Exit.OK),
    ],
)
def test_the_exit_code_says_whether_it_is_solved(
    clusters: dict[str, JSON | RunbookError],
    tmp_path: Path,
    told: JSON | RunbookError,
    code: Exit,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clusters["default"] = told
    (tmp_path / "practice" / "default").mkdir(parents=True)
    assert practise("status") == code
    assert "default  pid 7  https://here  speed 10" in capsys.readouterr().out
    assert practise("status", "--json") == code
    assert '"name": "default"' in capsys.readouterr().out


def test_without_a_name_it_is_the_default_cluster_else_the_newest_runs(
    clusters: dict[str, JSON | RunbookError], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "runs" / "20260801T022000Z-drill-abcde"
    run.mkdir(parents=True)
    (run / "events.jsonl").touch()
    with pytest.raises(RunbookError, match="no practice cluster 'default' is running"):
        practise("hint")
    clusters[run.name] = state(hints=1) | {"hint": "of the run"}
    assert practise("hint") == Exit.OK
    clusters["default"] = state(hints=1) | {"hint": "of the default"}
    assert practise("hint") == Exit.OK
    assert practise("hint", "--run") == Exit.OK
    assert practise("hint", "--run", "abcde") == Exit.OK
    lines = capsys.readouterr().out.splitlines()
    assert [line.removeprefix("hint 1 of 3: ") for line in lines] == [
        "of the run", "of the default", "of the run", "of the run",
    ]  # fmt: skip


# -- a run's own cluster, from its screen


async def test_a_run_notes_what_was_injected_and_what_became_of_it() -> None:
    client: Any = Answers(
        faults=(201, json.dumps(state())),
        fault=(200, json.dumps(state(penalties=["a"]))),
        hint=(200, json.dumps(state(hints=1) | {"hint": "look"})),
        reset=(200, '{"unhealthy": []}'),
    )
    notes: list[str] = []
    clock = VirtualClock()
    desk = AttendedFaults(lambda: client, notes.append, clock)
    assert (await desk.ask("inject", "x-stuck"))[0] == "x-stuck: X hangs"
    await desk.ask("status")
    await desk.ask("hint")
    client.answers["fault"] = (200, json.dumps(state(penalties=["a"], solved=True)))
    await desk.ask("status")
    await desk.follow()  # nothing is left to follow
    await desk.ask("reset")
    assert notes == [
        "practice fault x-stuck injected: X hangs",
        "practice fault x-stuck: penalty a: a is wrong",
        "practice fault x-stuck: hint 1 asked for",
        "practice fault x-stuck: solved after 1m35s of the cluster's time; penalties: a; hints: 0",
        "practice cluster reset to its healthy beginning",
    ]


async def test_before_the_run_is_open_there_is_nothing_to_break() -> None:
    notes: list[str] = []
    desk = AttendedFaults(lambda: None, notes.append, VirtualClock())
    assert await desk.names() == []
    assert await desk.ask("inject", "x-stuck") == ["the run is not open yet"]
    assert notes == []


async def test_an_injection_is_told_when_the_fault_is_in_place() -> None:
    begun = json.dumps(state() | {"developed": False})
    client: Any = Answers(faults=(201, begun), fault=(200, begun))
    clock = VirtualClock()
    async with asyncio.TaskGroup() as tasks:
        told = tasks.create_task(practice_faults.inject_through(client, "x-stuck", clock))
        await clock.advance(5)
        assert not told.done()
        client.answers["fault"] = (200, json.dumps(state()))
        await clock.advance(5)
        assert (await told)["developed"] is True
