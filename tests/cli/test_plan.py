"""`runbook plan`: its digest is that of the run that follows, and only of that."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start

pytestmark = pytest.mark.slow

BOOK = """\
apiVersion: runbook/v1
name: small
inputs: {word: {default: hello}}
phases:
  - id: only
    steps:
      - {id: go, approve: {message: "Say it on ${{ target.context }}?"}}
      - {id: say, effect: destroy, run: "echo ${{ inputs.word }}"}
"""
GIVEN = """\
plan: {digest}
gates: [{{step: go, by: bob, reason: change 1, expires: "2999-01-01T00:00Z"}}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeCluster]:
    """Stands for a real one: named by a context of a kubeconfig."""
    running = start(tmp_path_factory.mktemp("cluster"), speed=10, say=lambda _: None)
    yield running
    running.stop()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    file = tmp_path / "small.yaml"
    file.write_text(BOOK, encoding="utf-8")
    return file


def run(*words: str | Path, state: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "runbook.cli.main", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "RUNBOOK_STATE_DIR": str(state), "HOME": str(state)},
    )


def test_a_following_run_accepts_the_digest_and_another_does_not(
    book: Path, cluster: PracticeCluster, tmp_path: Path
) -> None:
    state = tmp_path / "state"
    target = ("--context", cluster.context, "--kubeconfig", cluster.kubeconfig)
    words = (book, "--mode", "drill", *target)
    planned = run("plan", *words, "--format", "json", state=state)
    assert planned.returncode == Exit.OK, planned.stderr
    document = json.loads(planned.stdout)
    assert document["target"]["cluster_uid"]
    assert not state.exists()  # to look at a plan leaves nothing behind
    given = tmp_path / "given.yaml"
    given.write_text(GIVEN.format(digest=document["digest"]), encoding="utf-8")
    run_words = ("run", *words, "--headless", "--preauthorised", given)
    other = run(*run_words, "--input", "word=bye", state=state)
    assert other.returncode == Exit.USAGE
    assert "it is for plan" in other.stderr
    done = run(*run_words, state=state)
    assert done.returncode == Exit.OK, done.stderr
    assert "approved by bob" in done.stdout


def test_offline_and_in_practice_the_digest_is_not_known(book: Path, tmp_path: Path) -> None:
    offline = run("plan", book, "--mode", "drill", "--context", "prod", "--offline", state=tmp_path)
    assert "plan     depends on the cluster, which was not asked\n" in offline.stdout
    assert "Say it on prod?" in offline.stdout
    practice = run("plan", book, state=tmp_path)
    assert "each practice run makes one of its own" in practice.stdout
    assert (
        json.loads(run("plan", book, "--format", "json", state=tmp_path).stdout)["digest"] is None
    )


def test_a_cluster_that_cannot_be_asked_has_no_plan(book: Path, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.write_text(
        "apiVersion: v1\nkind: Config\n"
        "clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: u, user: {}}]\n"
        "contexts: [{name: c, context: {cluster: c, user: u}}]\n",
        encoding="utf-8",
    )
    words = (book, "--mode", "drill", "--context", "c", "--kubeconfig", config)
    asked = run("plan", *words, state=tmp_path)
    assert asked.returncode == Exit.TARGET
    assert asked.stdout == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--mode", "drill"], "needs --context"),
        (["--context", "prod"], "takes no --context"),
        (["--offline"], "is for a real cluster"),
        (["--input", "x=1"], "there is no input 'x'"),
    ],
)
def test_what_cannot_be_planned_is_refused(
    words: list[str], said: str, book: Path, tmp_path: Path
) -> None:
    refused = run("plan", book, *words, state=tmp_path)
    assert refused.returncode == Exit.USAGE
    assert said in refused.stderr
