"""The last step of the training pipeline as its template has it, as a process, with its account's token."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from runbook.cli.exit_codes import Exit
from runbook.cli.practice_cluster import PracticeCluster, start

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]
REPOSITORY = Path(__file__).parents[2]
PIPELINE = REPOSITORY / "k8s/base/training-pipeline.yaml"
SERVING, PIPELINES = "financial-inference", "financial-mlops-pytorch"
AS_IN_A_POD = """\
import sys
from pathlib import Path
from runbook.cli.main import main
from runbook.target.in_cluster import in_cluster
in_cluster.__defaults__ = (Path(sys.argv.pop(1)),)
sys.exit(main())
"""
"""A process here has no files below /var/run: the account's folder is another one, the rest is the same."""


@dataclass
class Pod:
    cluster: PracticeCluster
    folder: Path

    def kubectl(self, *words: str) -> str:
        tools = Path(sys.executable).parent
        done = subprocess.run(
            ["kubectl", "--kubeconfig", str(self.cluster.kubeconfig), *words],
            env={"PATH": f"{os.environ['PATH']}:{tools}", "HOME": str(self.folder)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def outside(self, address: str) -> str:
        """A Service's address in the cluster, as it is reached from here."""
        name, namespace, *_ = str(urlsplit(address).hostname).split(".")
        path = "jsonpath={.spec.ports[0].nodePort}"
        port = self.kubectl("get", "service", name, "-n", namespace, "-o", path)
        return f"http://127.0.0.1:{port}"

    def environment(self, container: dict[str, Any]) -> dict[str, str]:
        found = {}
        for variable in container["env"]:
            value = variable.get("value")
            if value is None:
                wanted = variable["valueFrom"]["secretKeyRef"]
                words = ("get", "secret", wanted["name"], "-n", PIPELINES, "-o", "json")
                data = json.loads(self.kubectl(*words))["data"]
                value = base64.b64decode(data[wanted["key"]]).decode()
            found[variable["name"]] = self.outside(value) if "://" in value else value
        return found

    def account(self) -> tuple[Path, dict[str, str]]:
        """What Kubernetes puts into a container of the template's service account."""
        template = yaml.safe_load(PIPELINE.read_text())
        name = template["spec"]["serviceAccountName"]
        config = yaml.safe_load(self.cluster.kubeconfig.read_text())["clusters"][0]["cluster"]
        (self.folder / "token").write_text(self.kubectl("create", "token", name, "-n", PIPELINES))
        ca = base64.b64decode(config["certificate-authority-data"])
        (self.folder / "ca.crt").write_bytes(ca)
        server = urlsplit(config["server"])
        return self.folder, {
            "KUBERNETES_SERVICE_HOST": str(server.hostname),
            "KUBERNETES_SERVICE_PORT": str(server.port),
        }

    def run(self, variant: str) -> subprocess.CompletedProcess[str]:
        templates = yaml.safe_load(PIPELINE.read_text())["spec"]["templates"]
        [step] = [one for one in templates if one["name"] == "update-model-uris"]
        container = step["container"]
        assert container["command"] == ["runbook"]
        folder, cluster = self.account()
        given = "{{inputs.parameters.model-variant}}"
        words = [variant if word == given else word for word in container["args"]]
        assert variant in words
        return subprocess.run(
            [sys.executable, "-c", AS_IN_A_POD, str(folder), *words],
            env={
                "PATH": os.environ["PATH"],
                **cluster,
                **self.environment(container),
                "HOME": str(folder),
            },
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            stdin=subprocess.DEVNULL,
        )

    def model(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(
            self.kubectl("get", "model", name, "-n", SERVING, "-o", "json")
        )
        return found


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pod]:
    folder = tmp_path_factory.mktemp("pod")
    cluster = start(folder / "cluster", speed=60, say=lambda _: None)
    try:
        yield Pod(cluster, folder)
    finally:
        cluster.stop()


def test_flags_variables_and_rights_of_the_template_are_enough(pod: Pod) -> None:
    newest = pod.model("enhanced-predictor")["spec"]["storageUri"]
    older = '{"spec":{"storageUri":"s3://mlflow-artifacts/1/models/m-0/artifacts/"}}'
    words = ("patch", "model", "enhanced-predictor", "-n", SERVING, "--type=merge", "-p", older)
    pod.kubectl(*words)
    done = pod.run("enhanced")
    assert done.returncode == Exit.OK, done.stderr
    assert done.stdout.endswith("enhanced-predictor patched, ready\n")
    model = pod.model("enhanced-predictor")
    assert model["spec"]["storageUri"] == newest
    assert model["status"]["observedGeneration"] == model["metadata"]["generation"]


def test_without_the_binding_they_are_not(pod: Pod) -> None:
    pod.kubectl("delete", "rolebinding", "model-deployer-rolebinding", "-n", SERVING)
    try:
        done = pod.run("baseline")
        assert done.returncode == Exit.TARGET
        account = f"system:serviceaccount:{PIPELINES}:argo-workflow-sa"
        assert f'User "{account}" cannot list resource "models"' in done.stderr
    finally:
        pod.kubectl("apply", "-f", str(REPOSITORY / "k8s/base/rbac.yaml"))
