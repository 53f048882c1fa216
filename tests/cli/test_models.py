"""`runbook models update-uris` as a process, on a practice cluster with its MLflow and S3."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
REPOSITORY = Path(__file__).parents[2]
MANIFEST = REPOSITORY / "k8s/base/financial-predictor-ab-test.yaml"
ENDPOINT = "service://mlflow/mlflow:5000"
SERVING, PIPELINES = "financial-inference", "financial-mlops-pytorch"
TRAINING = f"""\
apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: {{name: train-enhanced, namespace: {PIPELINES}}}
spec:
  workflowTemplateRef: {{name: financial-training-pipeline-template}}
  arguments: {{parameters: [{{name: model-variant, value: enhanced}}]}}
"""


@dataclass
class Bench:
    cluster: PracticeCluster
    folder: Path
    trained: str = ""
    """What the enhanced Model had before the training of this module."""

    def __post_init__(self) -> None:
        tools = Path(sys.executable).parent
        self.environment = {"PATH": f"{os.environ['PATH']}:{tools}", "HOME": str(self.folder)}
        for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"):
            path = f"{{.data.{name}}}"
            secret = ("get", "secret", "ml-platform", "-n", PIPELINES, "-o", f"jsonpath={path}")
            self.environment[name] = base64.b64decode(self.kubectl(*secret)).decode()

    def kubectl(self, *words: str, given: str = "") -> str:
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.cluster.kubeconfig), *words],
            env=self.environment,
            input=given,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def update(self, *words: str, **more: str) -> subprocess.CompletedProcess[str]:
        where = ("--kubeconfig", str(self.cluster.kubeconfig), "--context", self.cluster.context)
        command = ["-m", "runbook.cli.main", "models", "update-uris", "--mlflow-endpoint", ENDPOINT]
        return subprocess.run(
            [sys.executable, *command, *where, *words],
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            check=False,
            cwd=REPOSITORY,
            stdin=subprocess.DEVNULL,
        )

    def uri(self, model: str) -> str:
        path = "jsonpath={.spec.storageUri}"
        return self.kubectl("get", "model", model, "-n", SERVING, "-o", path)

    def train(self) -> None:
        self.trained = self.uri("enhanced-predictor")
        self.kubectl("create", "-f", "-", given=TRAINING)
        words = ("wait", "workflow/train-enhanced", "-n", PIPELINES, "--timeout=100s")
        self.kubectl(*words, "--for=jsonpath={.status.phase}=Succeeded")
        self.kubectl("apply", "-f", str(MANIFEST))  # the pipeline has patched the Model itself


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    folder = tmp_path_factory.mktemp("models")
    cluster = start(folder / "cluster", speed=60, say=lambda _: None)
    made = Bench(cluster, folder)
    try:
        made.train()
        yield made
    finally:
        cluster.stop()


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """A manifest as it was before the training."""
    file = tmp_path / "models.yaml"
    file.write_bytes(MANIFEST.read_bytes())
    return file


def test_a_ci_is_told_that_a_manifest_is_stale_and_nothing_is_written(
    bench: Bench, manifest: Path
) -> None:
    done = bench.update("--yaml-file", str(manifest), "--check")
    assert done.returncode == Exit.NOT_RECOVERED
    assert f"1 of 2 Models of {manifest} stale" in done.stdout
    assert f"-  storageUri: {bench.trained}" in done.stdout
    assert manifest.read_bytes() == MANIFEST.read_bytes()
    shown = bench.update("--yaml-file", str(manifest), "--dry-run")
    assert shown.returncode == Exit.OK
    assert "would change; nothing was written" in shown.stdout
    assert manifest.read_bytes() == MANIFEST.read_bytes()


def test_a_manifest_is_changed_once_and_is_current_then(bench: Bench, manifest: Path) -> None:
    done = bench.update("--yaml-file", str(manifest), "--json")
    document: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == Exit.OK
    assert (document["stale"], document["written"]) == (True, True)
    baseline, enhanced = document["variants"]
    assert baseline["current"]
    assert enhanced["old"] == bench.trained
    before, after = MANIFEST.read_text(), manifest.read_text()
    assert after == before.replace(enhanced["old"], enhanced["new"])
    again = bench.update("--yaml-file", str(manifest), "--check")
    assert again.returncode == Exit.OK
    assert again.stdout.endswith(f"{manifest} is current\n")


def test_only_the_variant_that_was_named_is_looked_for(bench: Bench, manifest: Path) -> None:
    words = ("--yaml-file", str(manifest), "--model-variant", "baseline", "--check")
    done = bench.update(*words)
    assert done.returncode == Exit.OK
    assert "enhanced" not in done.stdout


def test_a_cluster_serves_what_was_trained_last(bench: Bench) -> None:
    done = bench.update("--apply", "--json", "--timeout", "100s")
    document = json.loads(done.stdout)
    assert done.returncode == Exit.OK, done.stdout
    assert document["file"] is None
    wanted = {one["model"]: one["new"] for one in document["variants"]}
    assert wanted["enhanced-predictor"] != bench.trained
    assert {name: bench.uri(name) for name in wanted} == wanted
    assert {one["model"]: (one["patched"], one["ready"]) for one in document["cluster"]} == {
        "baseline-predictor": (False, True),
        "enhanced-predictor": (True, True),
    }


def test_a_model_that_does_not_load_in_time_is_told(bench: Bench) -> None:
    bench.kubectl(
        *("patch", "model", "baseline-predictor", "-n", SERVING, "--type=merge"),
        *("-p", '{"spec":{"requirements":["no-server-has-this"]}}'),
    )
    try:
        done = bench.update("--apply", "--model-variant", "baseline", "--timeout", "1s")
        assert done.returncode == Exit.NOT_RECOVERED
        assert "baseline-predictor as it was, not ready: " in done.stdout
    finally:
        bench.kubectl("apply", "-f", str(MANIFEST))


FAILURES = [
    (["--experiment", "nosuch"], {}, Exit.TARGET, "experiment-missing"),
    ([], {"MLFLOW_TRACKING_PASSWORD": "wrong"}, Exit.TARGET, "bad-credentials"),
    (["--model-name", "nosuch"], {}, Exit.TARGET, "no-model"),
    (["--bucket", "elsewhere"], {}, Exit.TARGET, "wrong-bucket"),
    (["--alias", "champion", "--registered-model", "X"], {}, Exit.TARGET, "model-not-registered"),
    (["--mlflow-endpoint", "http://127.0.0.1:1"], {}, Exit.TARGET, "server-down"),
    (["--mlflow-endpoint", "file:///x"], {}, Exit.USAGE, "bad-endpoint"),
    (["--model-variant", "nosuch"], {}, Exit.USAGE, "there is no Model 'nosuch-predictor'"),
    (["--model", "{variant}-nothing"], {}, Exit.USAGE, "no Model is called {variant}-nothing"),
    (["--model", "all"], {}, Exit.USAGE, "has no {variant} in it"),
    (["--alias", "champion"], {}, Exit.USAGE, "go together"),
    (["--yaml-file", "/nowhere"], {}, Exit.USAGE, "/nowhere cannot be read"),
    (["--s3-endpoint", "http://127.0.0.1:1"], {}, Exit.USAGE, "needs AWS_ACCESS_KEY_ID"),
]


@pytest.mark.parametrize(("words", "more", "code", "said"), FAILURES, ids=lambda v: str(v)[:40])
def test_a_failure_has_a_name_and_writes_nothing(
    bench: Bench, manifest: Path, words: list[str], more: dict[str, str], code: int, said: str
) -> None:
    done = bench.update("--yaml-file", str(manifest), *words, **more)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "hint: " in done.stderr or code == Exit.USAGE
    assert manifest.read_bytes() == MANIFEST.read_bytes()


def test_a_failure_is_told_in_json_too_and_one_variant_keeps_all_from_being_written(
    bench: Bench, tmp_path: Path
) -> None:
    file = tmp_path / "models.yaml"
    file.write_bytes(MANIFEST.read_bytes().replace(b"name: baseline-", b"name: unseen-"))
    before = file.read_bytes()
    done = bench.update("--yaml-file", str(file), "--json")
    assert done.returncode == Exit.TARGET
    unseen, enhanced = json.loads(done.stdout)["variants"]
    assert unseen["failure"]["name"] == "no-finished-run"
    assert enhanced["new"]
    assert file.read_bytes() == before


def test_with_keys_of_our_own_the_store_is_looked_into(bench: Bench, manifest: Path) -> None:
    """Nobody answers there: so it was asked, and its silence is not taken for a yes."""
    keys = {"AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "secret-key-1"}
    done = bench.update("--yaml-file", str(manifest), "--s3-endpoint", "http://127.0.0.1:1", **keys)
    assert done.returncode == Exit.TARGET
    assert "not-proven" in done.stderr
    assert "secret-key-1" not in done.stderr + done.stdout


def test_the_sub_command_is_loaded_without_what_a_cluster_needs() -> None:
    code = (
        "import sys; from runbook.cli.main import parser_for; import runbook.cli.models;"
        "parser_for(['models', 'update-uris']).parse_args(['models', 'update-uris']);"
        "print([m for m in ('kubernetes', 'textual', 'aiohttp', 'yaml', 'httpx') if m in sys.modules])"
    )
    began = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['yaml', 'httpx']\n"
    assert time.perf_counter() - began < 20
