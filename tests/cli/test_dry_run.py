"""A dry run: everything is said, nothing is done, and nothing stays that could be taken for a run."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import dry_run
from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start
from runbook.plan import PlannedStep
from runbook.redact import Redactor
from runbook.run.readings import Reading, Verdict, fails, holds, unknown
from runbook.target.api import ApiStatusError
from tests.cli.test_plan import run
from tests.run.driving import BUILD, DELETE, GATE, HEALTH, plan_of

CHECK = {"id": "up", "check": {"health": "web"}}


async def walked(*steps: dict[str, Any], reading: Reading) -> tuple[int, str, list[str]]:
    said: list[str] = []
    looked: list[str] = []

    async def look(step: PlannedStep) -> Reading | None:
        looked.append(step.id)
        return reading if step.kind == "check" else None

    plan = plan_of(*steps, health=HEALTH)
    code = await dry_run.walk(plan, look, said.append)
    return code, "".join(said), looked


@pytest.mark.parametrize("red", [fails("up", "down"), unknown("up", "nobody answers")])
async def test_what_stands_in_the_way_before_anything_is_changed_is_an_exit_code(
    red: Reading,
) -> None:
    code, said, _ = await walked(CHECK, DELETE, reading=red)
    assert code == Exit.NOT_RECOVERED
    assert f"now: expected up; saw {red.observed}\n" in said
    code, said, _ = await walked(GATE, DELETE, CHECK, reading=red)
    assert code == Exit.OK
    assert "now (a run would have changed things by here)" in " ".join(said.split())


async def test_a_step_that_may_not_come_is_only_told() -> None:
    maybe = {**CHECK, "id": "maybe", "when": "steps.up.status == 'passed'"}
    never = {**CHECK, "id": "never", "when": "run.mode == 'drill'"}
    plan = (BUILD | {"effect": "read", "id": "up"}, maybe, never)
    code, said, looked = await walked(*plan, reading=fails("up", "down"))
    assert code == Exit.OK
    assert looked == ["up", "maybe"]
    assert "would skip: web" in said


async def test_what_holds_and_every_kind_in_its_words() -> None:
    code, said, _ = await walked(
        CHECK,
        GATE,
        DELETE,
        {"id": "m", "manual": {"instructions": "look\x1b[2J"}},
        {"id": "w", "wait": "5s"},
        {"id": "f", "workflow": {"namespace": "n", "template": "t"}},
        reading=holds("up", "is up"),
    )
    assert code == Exit.OK
    for words in (
        "would wait until: web",
        "= holds now: expected up; saw is up",
        "would ask: go",
        "they type ctx; refused when nobody answers for 5m",
        "would run, which destroys: delete",
        "         $ true",
        "would have a person do: m",
        "look\ufffd[2J",
        "would wait: w",
        "would run a workflow: f",
        "nothing was performed, and nothing is recorded",
    ):
        assert words in said, words


async def test_a_look_is_masked_and_runs_no_command() -> None:
    class Client:
        async def get(self, path: str) -> dict[str, Any]:
            raise ApiStatusError(403, "Forbidden", "the key hunter22hunter22 is not yours")

    redactor = Redactor()
    redactor.register("x", "hunter22hunter22")
    plan = plan_of(
        {"id": "a", "check": {"secret": {"namespace": "n", "name": "s"}}},
        {"id": "b", "check": {"run": "touch /nowhere/x"}},
        {"id": "c", "check": {"tcp": {"host": "${{ steps.a.status }}", "port": 1}}},
    )
    client: Any = Client()
    look = dry_run.looking(plan, client, redactor, Path())
    first = await look(plan.steps[0])
    assert first is not None
    assert first.verdict is Verdict.UNKNOWN
    assert "is not yours" in first.observed
    assert "hunter22" not in first.observed
    assert await look(plan.steps[1]) is None
    third = await look(plan.steps[2])
    assert third is not None
    assert third.verdict is Verdict.UNKNOWN


BOOK = """\
apiVersion: runbook/v1
name: small
phases:
  - id: only
    steps:
      - {id: there, check: {kubernetes: {kind: Namespace, name: financial-inference}}}
      - {id: probe, check: {run: "touch probed"}}
      - {id: go, approve: {message: "Go on ${{ target.context }}?"}}
      - {id: delete, effect: destroy, run: "touch done; kubectl delete ns financial-inference"}
      - {id: gone, check: {kubernetes: {kind: Namespace, name: financial-inference, absent: true}}}
"""


@pytest.fixture
def book(tmp_path: Path) -> Path:
    file = tmp_path / "book" / "small.yaml"
    file.parent.mkdir()
    file.write_text(BOOK, encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeCluster]:
    running = start(tmp_path_factory.mktemp("cluster"), speed=10, say=lambda _: None)
    yield running
    running.stop()


@pytest.mark.slow
def test_on_a_cluster_checks_are_looked_at_and_nothing_is_changed(
    book: Path, cluster: PracticeCluster, tmp_path: Path
) -> None:
    words = ("run", book, "--mode", "drill", "--context", cluster.context)
    words_of_cluster = ("--kubeconfig", cluster.kubeconfig, "--dry-run=actions")
    for _ in range(2):  # the second finds everything as the first did
        done = run(*words, *words_of_cluster, state=tmp_path / "state")
        assert done.returncode == Exit.OK, done.stderr
        assert "= holds now: expected Namespace financial-inference" in done.stdout
        assert "= does not hold now (a run would" in done.stdout
    assert sorted(path.name for path in book.parent.iterdir()) == ["small.yaml"]
    assert not (tmp_path / "state" / "runs").exists()


@pytest.mark.slow
def test_plain_it_needs_no_cluster_and_leaves_nothing(book: Path, tmp_path: Path) -> None:
    state = tmp_path / "state"
    done = run("run", "--dry-run", book, state=state)
    assert done.returncode == Exit.OK, done.stderr
    assert "  1.4    would run, which destroys: delete\n" in done.stdout
    assert "now" not in done.stdout.split()
    assert not state.exists()
    assert sorted(path.name for path in book.parent.iterdir()) == ["small.yaml"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [["--junit", "x.xml"], ["--keep"], ["--preauthorised", "x"], ["--speed", "5"]],
)
def test_what_means_nothing_in_a_dry_run_is_refused(
    words: list[str], book: Path, tmp_path: Path
) -> None:
    refused = run("run", "--dry-run", book, *words, state=tmp_path)
    assert refused.returncode == Exit.USAGE
    assert "means nothing" in refused.stderr


async def test_whoever_leaves_it_has_aborted_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def left(main: Any) -> int:
        main.close()
        raise asyncio.CancelledError

    monkeypatch.setattr(dry_run, "run", left)
    monkeypatch.setattr(dry_run, "read_request", lambda *_, **__: None)
    from argparse import Namespace

    words = dict.fromkeys((*dry_run.REAL_ONLY, "speed")) | {"dry_run": "all"}
    assert dry_run.start(Namespace(**words), Path("x"), Path()) == Exit.ABORTED
