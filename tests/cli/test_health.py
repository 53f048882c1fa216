"""`runbook health` as a process, on a practice cluster that kubectl breaks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runbook.cli import practice_faults
from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
PROGRAM = [sys.executable, "-m", "runbook.cli.main", "health"]
ONE = """\
apiVersion: runbook/v1
name: one
health:
  there: {check: {kubernetes: {kind: ConfigMap, namespace: default, name: mark}}}
phases: [{id: p, steps: [{id: s, check: {health: there}}]}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeCluster]:
    made = start(tmp_path_factory.mktemp("health") / "c", speed=30, say=lambda _: None)
    yield made
    made.stop()


@pytest.fixture
def breakable(tmp_path: Path) -> Iterator[PracticeCluster]:
    """A cluster of a test's own: tests run in any order."""
    made = start(tmp_path / "c", speed=30, say=lambda _: None)
    yield made
    made.stop()


def words(cluster: PracticeCluster, *more: str) -> list[str]:
    where = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig)]
    return [*PROGRAM, *where, *more]


def environment(cluster: PracticeCluster) -> dict[str, str]:
    tools = Path(sys.executable).parent
    return {"PATH": f"{os.environ['PATH']}:{tools}", "HOME": str(cluster.directory)}


def health(cluster: PracticeCluster, *more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words(cluster, *more),
        env=environment(cluster),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def kubectl(cluster: PracticeCluster, *more: str) -> None:
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), *more]
    subprocess.run(command, env=environment(cluster), capture_output=True, check=True)


def test_a_healthy_platform_holds(cluster: PracticeCluster) -> None:
    done = health(cluster)
    assert done.returncode == Exit.OK, done.stdout
    assert cluster.server in done.stdout.splitlines()[0]
    assert done.stdout.endswith("10 hold\n")


def test_the_checklist_is_what_the_steps_check_where_nothing_is_destroyed(
    cluster: PracticeCluster,
) -> None:
    done = health(cluster, "validate", "--checklist")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (Exit.OK, "8 hold")
    whole = health(cluster, "--checklist", "--json")
    found = {one["name"]: one["verdict"] for one in json.loads(whole.stdout)["checks"]}
    assert whole.returncode == Exit.NOT_RECOVERED
    assert [name for name, verdict in found.items() if verdict != "holds"] == [
        "ingestion-done",
        "features-done",
        "training-done",
    ]
    assert "agent-loaded" in found
    assert "serving-gone" not in found
    assert "sealing-keys" not in found


def test_what_two_parts_of_a_file_bring_is_looked_at_once(cluster: PracticeCluster) -> None:
    assert health(cluster, "validate").stdout.endswith("\n10 hold\n")


def test_one_check_as_json(cluster: PracticeCluster) -> None:
    done = health(cluster, "--check", "mlflow", "--check", "mlserver", "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert [one["name"] for one in document["checks"]] == ["mlflow", "mlserver"]
    assert document["healthy"] is True


def test_an_input_says_where_to_look_and_silence_is_not_red(cluster: PracticeCluster) -> None:
    nowhere = "mlflow_endpoint=http://127.0.0.1:1"
    done = health(cluster, "--check", "mlflow", "--input", nowhere)
    assert done.returncode == Exit.TARGET
    assert done.stdout.endswith("1 cannot be told\n")


@pytest.mark.parametrize(
    ("more", "code", "said"),
    [
        (["--check", "mlserve"], Exit.USAGE, "did you mean 'mlserver'?"),
        (["teardown", "--checklist"], Exit.USAGE, "no check in its steps"),
        (["--checklist", "--check", "mlflow"], Exit.USAGE, "there is no health check 'mlflow'"),
        (["--watch", "0"], Exit.USAGE, "out of range"),
        (["--input", "nosuch=1"], Exit.USAGE, "there is no input 'nosuch'"),
        (["nosuch"], Exit.USAGE, "no runbook 'nosuch'"),
        (["--context", "other"], Exit.USAGE, "no context 'other'"),
    ],
)
def test_words_that_cannot_be_used_are_refused(
    cluster: PracticeCluster, more: list[str], code: int, said: str
) -> None:
    done = health(cluster, *more)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_no_cluster_is_looked_at_that_nobody_named(cluster: PracticeCluster) -> None:
    done = subprocess.run(
        PROGRAM, env=environment(cluster), capture_output=True, text=True, check=False
    )
    assert done.returncode == Exit.USAGE
    assert "--context is missing" in done.stderr


def test_a_step_of_a_run_looks_at_its_own_cluster_or_at_none(cluster: PracticeCluster) -> None:
    own = {**environment(cluster), "KUBECONFIG": str(cluster.kubeconfig)}
    for uid, code in (("another", Exit.TARGET), (uid_of(cluster), Exit.OK)):
        done = subprocess.run(
            [*PROGRAM, "--check", "argo"],
            env={**own, "RUNBOOK_CLUSTER_UID": uid},
            capture_output=True,
            check=False,
        )
        assert done.returncode == code


def uid_of(cluster: PracticeCluster) -> str:
    document = json.loads(health(cluster, "--check", "argo", "--json").stdout)
    return str(document["cluster_uid"])


def test_watching_tells_each_new_verdict_until_it_is_ended(
    cluster: PracticeCluster, tmp_path: Path
) -> None:
    file = tmp_path / "one.yaml"
    file.write_text(ONE)
    with subprocess.Popen(
        words(cluster, str(file), "--watch", "0.2"),
        env=environment(cluster),
        stdout=subprocess.PIPE,
        text=True,
    ) as watching:
        assert watching.stdout is not None
        assert " there fails: " in watching.stdout.readline()
        kubectl(cluster, "create", "configmap", "mark", "-n", "default")
        assert " there holds (was fails for " in watching.stdout.readline()
        kubectl(cluster, "delete", "configmap", "mark", "-n", "default")
        assert " there fails (was holds for " in watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == Exit.NOT_RECOVERED


def test_what_is_broken_is_told_with_what_was_expected(breakable: PracticeCluster) -> None:
    kubectl(breakable, "delete", "namespace", "argowf", "--wait=false")
    done = health(breakable)
    assert done.returncode == Exit.NOT_RECOVERED
    assert "✖ argo" in done.stdout or "x argo" in done.stdout
    assert "    expected  " in done.stdout


MODEL = ("wait", "model", "baseline-predictor", "--for=condition=ModelReady=False")
SCHEDULER = ("wait", "pod", "seldon-scheduler-0", "--for=delete")


@pytest.mark.parametrize(
    ("fault", "until", "green", "red"),
    [
        # Three ready containers prove no subscription, and a Ready Server no loaded model.
        ("capability-mismatch", MODEL, {"mlserver", "scheduler"}, {"models-ready"}),
        # Without a scheduler the Models keep their last conditions.
        ("scheduler-at-zero", SCHEDULER, {"models-ready", "envoy"}, {"scheduler"}),
    ],
)
def test_what_stays_green_beside_a_fault_does_not_hide_it(
    breakable: PracticeCluster, fault: str, until: tuple[str, ...], green: set[str], red: set[str]
) -> None:
    practice_faults.ask(breakable, "inject", fault)
    kubectl(breakable, *until, "-n", "financial-inference", "--timeout=60s")
    done = health(breakable, "--json")
    verdicts = {one["name"]: one["verdict"] for one in json.loads(done.stdout)["checks"]}
    assert done.returncode == Exit.NOT_RECOVERED
    assert {verdicts[name] for name in green} == {"holds"}
    assert {verdicts[name] for name in red} == {"fails"}
