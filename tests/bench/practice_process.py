"""What the benches of the practice cluster share: its process, requests to it, its memory, pods for it.

Nothing here is timed. A `Practice` is the program as `runbook practice start` runs it, with the
repository's own manifests; it ends with its `with` block.
"""

from __future__ import annotations

import base64
import http.client
import json
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runbook.practice.apiserver.server import LOOPBACK

JSON = dict[str, Any]
ROOT = Path(__file__).parents[2]
SEEDS = (ROOT / "k8s/base", ROOT / "k8s/secrets")
KUBECTL = Path(sys.executable).with_name("kubectl")
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


def command(directory: Path, speed: float = 10) -> list[str]:
    """The practice cluster as a command line."""
    seeds = [word for seed in SEEDS for word in ("--seed", str(seed))]
    start = [sys.executable, "-m", "runbook.practice", "--directory", str(directory)]
    return [*start, "--speed", str(speed), *seeds]


class Connection:
    """One TLS connection to an API server that stays open; requests one after the other."""

    def __init__(self, kubeconfig: Path) -> None:
        found = json.loads(kubeconfig.read_text())
        cluster, user = found["clusters"][0]["cluster"], found["users"][0]["user"]
        self.port = int(cluster["server"].rpartition(":")[2])
        self.token: str = user["token"]
        self.tls = ssl.create_default_context(cadata=_decoded(cluster))
        self.content_type = ""  # of the last answer
        self._http = http.client.HTTPSConnection(LOOPBACK, self.port, context=self.tls)

    def ask(
        self, method: str, path: str, body: JSON | None = None, accept: str = "application/json"
    ) -> bytes:
        """The body of a good answer; RuntimeError with the answer's text for any other."""
        headers = {"Authorization": f"Bearer {self.token}", "Accept": accept}
        sent = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            sent = json.dumps(body).encode()
        self._http.request(method, path, sent, headers)
        answer = self._http.getresponse()
        text = answer.read()
        self.content_type = answer.headers.get("Content-Type", "")
        if answer.status >= 300:
            raise RuntimeError(f"{method} {path}: {answer.status} {text.decode()}")
        return text

    def close(self) -> None:
        self._http.close()


class Practice:
    """A practice cluster in a process of its own."""

    def __init__(self, speed: float = 10) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self.kubeconfig = Path(self._folder.name) / "kubeconfig"
        self._process = subprocess.Popen(
            command(Path(self._folder.name), speed), stdout=subprocess.PIPE, cwd=ROOT
        )
        assert self._process.stdout is not None
        if not self._process.stdout.readline():
            raise RuntimeError("the practice cluster ended before it was ready")
        self.connection = Connection(self.kubeconfig)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.connection.close()
        self._process.terminate()
        self._process.communicate(timeout=30)
        self._folder.cleanup()

    def memory(self, field: str = "VmRSS") -> float:
        """MB that the process holds now (`VmRSS`) or has held at most (`VmHWM`)."""
        return memory_of(self._process.pid, field)


def memory_of(process: int | str, field: str = "VmRSS") -> float:
    """MB of a process, as the kernel counts them."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name == field:
            return int(rest.split()[0]) / 1024
    raise LookupError(field)


def two_container_pod(name: str, namespace: str = "default") -> JSON:
    """A pod as a Deployment's template would have it: two containers with all that is usual."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app": "load", "tier": "backend", "release": "r1"},
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"},
        },
        "spec": {"containers": [_container("main"), _container("sidecar")]},
    }


def _container(name: str) -> JSON:
    sizes = {"cpu": "100m", "memory": "128Mi"}
    return {
        "name": name,
        "image": f"registry.example.com/platform/{name}:1.4.2",
        "ports": [{"name": f"http-{name}"[:15], "containerPort": 8080}],
        "env": [{"name": f"SETTING_{n}", "value": f"value-{n}"} for n in range(4)],
        "resources": {"requests": sizes, "limits": sizes},
    }


def _decoded(cluster: JSON) -> str:
    return base64.b64decode(cluster["certificate-authority-data"]).decode()
