"""The two clusters that are held against each other, as one kind of thing: a kubeconfig and a client.

*practice* is `python -m runbook.practice` as a process; *real* is upstream's control plane. Both know
the platform's kinds and hold the platform's own objects. A test that changes something does it in a
namespace of its own, by the same name on both sides.
"""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from tests.cluster.control_plane import ControlPlane

ROOT = Path(__file__).parents[2]
SEED = ROOT / "runbook" / "practice" / "seed"
GIVEN = "RUNBOOK_TEST_KUBECONFIG"
"""Names a disposable cluster to be used instead of one of our own; it is changed at will."""


@dataclass(frozen=True, slots=True)
class Said:
    """How a command ended."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Side:
    """One cluster and the ways to it."""

    name: str
    kubeconfig: Path
    server: str
    http: httpx.Client
    """Carries the administrator's credentials; paths are relative to the server."""
    control_plane: ControlPlane | None = None
    """What can be stopped and started, where the cluster is our own real one."""

    def kubectl(self, *words: str, given: str | None = None, seconds: float = 60) -> Said:
        """The operator's kubectl against this cluster, with nothing of the operator's own set-up."""
        with tempfile.TemporaryDirectory() as home:
            done = subprocess.run(
                ["kubectl", *words],
                env={"PATH": os.environ["PATH"], "HOME": home, "KUBECONFIG": str(self.kubeconfig)},
                input=given,
                stdin=subprocess.DEVNULL if given is None else None,
                capture_output=True,
                text=True,
                check=False,
                timeout=seconds,
                cwd=ROOT,
            )
        return Said(done.returncode, done.stdout, done.stderr)


def client_of(kubeconfig: Path) -> tuple[str, httpx.Client]:
    """The server of a kubeconfig's current context, and a client with its credentials."""
    document: dict[str, Any] = yaml.safe_load(kubeconfig.read_text())
    context = _named(document["contexts"], document["current-context"])["context"]
    cluster = _named(document["clusters"], context["cluster"])["cluster"]
    user = _named(document["users"], context["user"])["user"]
    with tempfile.TemporaryDirectory() as folder:
        tls = ssl.create_default_context(
            cafile=str(_file(cluster, "certificate-authority", folder))
        )
        if "client-certificate-data" in user or "client-certificate" in user:
            tls.load_cert_chain(
                str(_file(user, "client-certificate", folder)),
                str(_file(user, "client-key", folder)),
            )
    headers = {"Authorization": f"Bearer {user['token']}"} if "token" in user else {}
    http = httpx.Client(
        base_url=cluster["server"], verify=tls, headers=headers, timeout=30, trust_env=False
    )
    return cluster["server"], http


def _named(entries: Sequence[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _file(entry: dict[str, Any], key: str, folder: str) -> Path:
    if key in entry:
        return Path(entry[key])
    import base64

    path = Path(folder) / key
    path.write_bytes(base64.b64decode(entry[f"{key}-data"]))
    return path


@contextmanager
def practice(directory: Path, *, speed: float = 10, seeds: Sequence[Path] = ()) -> Iterator[Side]:
    """A practice cluster of its own, as a process."""
    command = [sys.executable, "-m", "runbook.practice", "--directory", str(directory)]
    command += ["--speed", str(speed), *(word for seed in seeds for word in ("--seed", str(seed)))]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        announced = process.stdout.readline()
        if not announced:
            raise RuntimeError(f"no practice cluster: see {directory / 'practice.log'}")
        kubeconfig = Path(json.loads(announced)["kubeconfig"])
        server, http = client_of(kubeconfig)
        with http:
            yield Side("practice", kubeconfig, server, http)
    finally:
        process.terminate()
        process.communicate(timeout=30)


@contextmanager
def real(*, kwok: bool = True) -> Iterator[Side]:
    """Upstream's control plane, or the cluster that `RUNBOOK_TEST_KUBECONFIG` names.

    Raises CannotBuild where there is neither.
    """
    if given := os.environ.get(GIVEN):
        server, http = client_of(Path(given))
        with http:
            side = Side("real", Path(given), server, http)
            install(side)
            yield side
        return
    with ControlPlane(kwok=kwok) as cluster:
        server, http = client_of(cluster.kubeconfig)
        with http:
            side = Side("real", cluster.kubeconfig, server, http, cluster)
            install(side)
            cluster.learn_kinds()
            cluster.settle()
            yield side


def install(side: Side) -> None:
    """The platform's kinds, then the objects that a practice cluster starts with."""
    for words in (
        ("apply", "--server-side", "--force-conflicts", "-f", str(SEED / "crds.yaml")),
        ("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"),
        ("apply", "--server-side", "--force-conflicts", "-f", str(SEED / "platform.yaml")),
    ):
        done = side.kubectl(*words, seconds=120)
        if done.code:
            raise RuntimeError(f"kubectl {' '.join(words)}: {done.err}")
