"""`runbook probe` as a process, on a practice cluster."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start
from tests.cli.test_health import environment, kubectl

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
NAME, SPACE = "financial-ab-test-experiment", "financial-inference"
PROGRAM = [sys.executable, "-m", "runbook.cli.main", "probe", "-n", SPACE]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeCluster]:
    made = start(tmp_path_factory.mktemp("probe") / "c", speed=30, say=lambda _: None)
    yield made
    made.stop()


@pytest.fixture
def breakable(tmp_path: Path) -> Iterator[PracticeCluster]:
    """A cluster of a test's own: tests run in any order."""
    made = start(tmp_path / "c", speed=30, say=lambda _: None)
    yield made
    made.stop()


def words(cluster: PracticeCluster, *more: str) -> list[str]:
    return [*PROGRAM, "--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig), *more]


def probe(
    cluster: PracticeCluster, *more: str, typed: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(cluster, *more),
        env=environment(cluster),
        capture_output=True,
        text=True,
        check=False,
        input=typed,
    )


def test_the_shipped_experiment_splits_as_it_says(cluster: PracticeCluster) -> None:
    done = probe(cluster, NAME, "--confidence", "99.99")  # chance may not make it red
    assert done.returncode == Exit.OK, done.stdout + done.stderr
    assert cluster.server in done.stdout
    assert done.stdout.endswith("the split: holds\n")
    assert max(map(len, done.stdout.splitlines())) < 80


def test_weights_that_the_mesh_does_not_follow_are_red(cluster: PracticeCluster) -> None:
    swapped = ["--weight", "baseline-predictor=30", "--weight", "enhanced-predictor=70"]
    done = probe(cluster, NAME, *swapped, "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert (done.returncode, document["verdict"]) == (Exit.NOT_RECOVERED, "fails")
    for one in document["candidates"]:
        assert one["low"] <= one["share"] <= one["high"]
        assert not one["low"] <= one["expected"] <= one["high"]
        assert one["latency_ms"]["p50"] <= one["latency_ms"]["p99"]


def test_few_requests_tell_nothing(cluster: PracticeCluster) -> None:
    done = probe(cluster, NAME, "--requests", "12", "--confidence", "99.99")
    assert done.returncode == Exit.TARGET
    assert "too few answers to tell" in done.stdout


def test_a_wrong_payload_is_red_and_says_so(cluster: PracticeCluster) -> None:
    wrong = '{"inputs": [{"name": "x", "datatype": "FP32", "shape": [1, 2]}]}'
    done = probe(cluster, NAME, "--inputs", "-", "--requests", "20", typed=wrong)
    assert done.returncode == Exit.NOT_RECOVERED
    assert "faults: 20 of 20 requests" in done.stdout
    assert "HTTP 400 by baseline-predictor" in done.stdout


def test_a_mesh_that_does_not_answer_is_not_red(cluster: PracticeCluster, tmp_path: Path) -> None:
    file = tmp_path / "inputs.json"
    file.write_text('[{"name": "x", "datatype": "FP32", "shape": [1, 10, 35]}]')
    nowhere = ["--endpoint", "http://127.0.0.1:1"]
    done = probe(cluster, NAME, *nowhere, "--inputs", str(file))
    assert done.returncode == Exit.TARGET
    assert "given up" in done.stdout
    done = probe(cluster, NAME, *nowhere)
    assert (done.returncode, done.stdout) == (Exit.TARGET, "")
    assert "the mesh does not answer" in done.stderr


def test_a_silent_mesh_is_left_in_time(cluster: PracticeCluster) -> None:
    tensors = '[{"name": "x", "datatype": "FP32", "shape": [1, 10, 35]}]'
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:  # takes and never answers
        where = ["--endpoint", f"http://127.0.0.1:{silent.getsockname()[1]}"]
        done = probe(cluster, NAME, *where, "--inputs", "-", "--timeout", "0.2", typed=tensors)
    assert done.returncode == Exit.TARGET
    assert "no answer within 0.2s" in done.stdout


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["nosuch"], 'experiments.mlops.seldon.io "nosuch" not found'),
        ([NAME, "--weight", "baseline-predictor=50"], "do not agree on enhanced-predictor"),
        ([NAME, "--weight", "x=nan"], "is not NAME=NUMBER"),
        ([NAME, "--weight", "x=0"], "more than 0"),
        ([NAME, "--requests", "0"], "out of range: 1 to"),
        ([NAME, "--at-once", "65"], "out of range: 1 to 64"),
        ([NAME, "--inputs", "/dev/null"], "cannot be read"),
        ([NAME, "--context", "other"], "no context 'other'"),
    ],
)
def test_words_that_cannot_be_used_are_refused(
    cluster: PracticeCluster, more: list[str], said: str
) -> None:
    done = probe(cluster, *more)
    assert (done.returncode, said in done.stderr) == (Exit.USAGE, True), done.stderr


def test_no_cluster_is_asked_that_nobody_named(cluster: PracticeCluster) -> None:
    done = subprocess.run(
        [*PROGRAM, NAME], env=environment(cluster), capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.USAGE
    assert "--context is missing" in done.stderr


def test_ctrl_c_tells_what_was_seen(cluster: PracticeCluster) -> None:
    with subprocess.Popen(
        words(cluster, NAME, "--requests", "1000000", "--progress"),
        env=environment(cluster),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as probing:
        assert probing.stderr is not None
        assert probing.stdout is not None
        assert probing.stderr.readline().startswith("100 requests")
        probing.send_signal(signal.SIGINT)
        said = probing.stdout.read()
        assert probing.wait(20) == Exit.ABORTED
    assert "of 1000000, ended before the rest" in said


def test_a_mirror_is_told_and_a_model_that_is_gone_is_red(breakable: PracticeCluster) -> None:
    mirror = '{"spec": {"mirror": {"name": "baseline-predictor", "percent": 10}}}'
    kubectl(breakable, "patch", "experiment", NAME, "-n", SPACE, "--type=merge", "-p", mirror)
    assert "mirror: baseline-predictor gets copies" in probe(breakable, NAME).stdout
    kubectl(breakable, "delete", "model", "enhanced-predictor", "-n", SPACE)
    kubectl(
        breakable, "wait", "experiment", NAME, "-n", SPACE, "--for=condition=ExperimentReady=False"
    )
    done = probe(breakable, NAME, "--requests", "30")
    assert done.returncode == Exit.NOT_RECOVERED
    assert "note: ExperimentReady is not True" in done.stdout
    assert "HTTP 404: the mesh has no route for it" in done.stdout
