"""`runbook preflight` as a process, on a practice cluster that kubectl breaks."""

from __future__ import annotations

import json
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
KEY = "sealedsecrets.bitnami.com/sealed-secrets-key"
NONE = """\
apiVersion: runbook/v1
name: none
phases: [{id: p, steps: [{id: s, wait: 1s}]}]
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PracticeCluster]:
    made = start(tmp_path_factory.mktemp("preflight") / "c", speed=30, say=lambda _: None)
    yield made
    made.stop()


def preflight(cluster: PracticeCluster, *more: str) -> subprocess.CompletedProcess[str]:
    where = ["--context", cluster.context, "--kubeconfig", str(cluster.kubeconfig)]
    command = [sys.executable, "-m", "runbook.cli.main", "preflight", *where, *more]
    return subprocess.run(
        command,
        env={**environment(cluster), "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )


def red(cluster: PracticeCluster) -> dict[str, str]:
    """What each check that does not hold has seen."""
    document: dict[str, Any] = json.loads(preflight(cluster, "--mode", "practice", "--json").stdout)
    return {one["name"]: one["observed"] for one in document["checks"] if one["verdict"] != "holds"}


def test_before_a_drill_all_holds_and_fits_a_small_screen(cluster: PracticeCluster) -> None:
    done = preflight(cluster, "--mode", "practice")
    assert done.returncode == Exit.OK, done.stdout
    lines = done.stdout.splitlines()
    assert len(lines) <= 24
    assert lines[-1].endswith(" hold")
    assert "versions" not in done.stdout  # only other modes look at that


def test_what_was_seen_is_told_when_asked_and_no_secret_with_it(cluster: PracticeCluster) -> None:
    done = preflight(cluster, "teardown", "--mode", "practice", "--verbose")
    assert done.returncode == Exit.OK, done.stdout
    assert "before.secret-files" in done.stdout
    assert "(sha256 " in done.stdout
    assert "BEGIN" not in done.stdout


def test_data_that_would_be_lost_is_red(cluster: PracticeCluster) -> None:
    assert red(cluster) == {}
    claims = "jsonpath={.items[0].spec.volumeName}"
    where = ["-n", "financial-mlops-pytorch"]
    command = ["kubectl", "--kubeconfig", str(cluster.kubeconfig), "get", "pvc", *where]
    volume = subprocess.run(
        [*command, "-o", claims], env=environment(cluster), capture_output=True, check=True
    ).stdout.decode()

    def policy(name: str) -> None:
        patch = json.dumps({"spec": {"persistentVolumeReclaimPolicy": name}})
        kubectl(cluster, "patch", "pv", volume, "--type=merge", "-p", patch)

    policy("Delete")
    seen = red(cluster)
    assert list(seen) == ["volumes"]
    assert seen["volumes"].startswith("lost for good: financial-mlops-pytorch/")
    policy("Retain")
    assert red(cluster) == {}


def test_a_sealing_key_that_is_gone_is_red(cluster: PracticeCluster) -> None:
    kubectl(cluster, "label", "secret", "-n", "kube-system", "-l", KEY, f"{KEY}=old", "--overwrite")
    assert set(red(cluster)) == {"sealing-keys", "secret-files"}
    kubectl(
        cluster, "label", "secret", "-n", "kube-system", "-l", KEY, f"{KEY}=active", "--overwrite"
    )
    assert red(cluster) == {}


def test_a_runbook_without_a_preflight_is_refused(cluster: PracticeCluster, tmp_path: Path) -> None:
    (tmp_path / "none.yaml").write_text(NONE)
    done = preflight(cluster, str(tmp_path / "none.yaml"))
    assert done.returncode == Exit.USAGE
    assert "none has no check in its preflight" in done.stderr


def test_a_cluster_that_does_not_answer_is_not_red(
    cluster: PracticeCluster, tmp_path: Path
) -> None:
    gone = tmp_path / "kubeconfig"
    gone.write_text(cluster.kubeconfig.read_text().replace(cluster.server, "https://127.0.0.1:1"))
    done = preflight(cluster, "--kubeconfig", str(gone))
    assert done.returncode == Exit.TARGET
    assert "does not answer" in done.stderr
