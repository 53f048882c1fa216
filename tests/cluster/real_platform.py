"""The platform of the drill on a real control plane, healthy, as the practice cluster starts with it."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from tests.cluster.control_plane import ControlPlane
from tests.cluster.processes import wait_until
from tests.cluster.sides import ROOT, Side, client_of, install

BASE, SECRETS = ROOT / "k8s" / "base", ROOT / "k8s" / "secrets"
WITHIN = 120.0
"""Seconds for the platform to become healthy, on a machine that is busy with other things."""
PORTS = 200
"""Node ports of one cluster. Other clusters on this machine hold some of the usual range."""


@contextmanager
def real_platform(speed: float = 10) -> Iterator[Side]:
    """Practice's platform as a process beside upstream's control plane. CannotBuild without one."""
    first = random.randrange(20000, 29000, PORTS)
    node_ports = f"--service-node-port-range={first}-{first + PORTS - 1}"
    with ControlPlane(kwok=False, api_server_flags=[node_ports]) as cluster:
        server, http = client_of(cluster.kubeconfig)
        with http:
            side = Side("real", cluster.kubeconfig, server, http, cluster)
            install(side)
            cluster.learn_kinds()
            with _platform(side, cluster, speed):
                _apply(side, "-k", str(BASE))
                _apply(side, "-f", str(SECRETS))
                wait_until(lambda: _serves(side), WITHIN, "the platform serves")
                yield side


@contextmanager
def _platform(side: Side, cluster: ControlPlane, speed: float) -> Iterator[None]:
    directory = cluster.directory / "platform"
    command = [sys.executable, "-m", "tests.cluster.simulated_platform"]
    command += ["--kubeconfig", str(side.kubeconfig), "--directory", str(directory)]
    process = subprocess.Popen(
        [*command, "--speed", str(speed)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    try:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"no platform: see {directory}")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=30)


def _apply(side: Side, *words: str) -> None:
    done = side.kubectl("apply", *words)
    if done.code:
        raise RuntimeError(f"kubectl apply {' '.join(words)}: {done.err}")


def _serves(side: Side) -> bool:
    """Models, experiment and sealed secrets are what the drill's first checks want them to be."""
    done = side.kubectl("get", "models,experiments,sealedsecrets,pods", "-A", "-o", "json")
    wanted = {
        "Model": "ModelReady",
        "Experiment": "ExperimentReady",
        "SealedSecret": "Synced",
        "Pod": "Ready",
    }
    found = json.loads(done.out)["items"] if done.code == 0 else []
    kinds = {obj["kind"] for obj in found}
    return kinds == set(wanted) and all(_holds(obj, wanted[obj["kind"]]) for obj in found)


def _holds(obj: dict[str, object], condition: str) -> bool:
    status = obj.get("status")
    conditions = status.get("conditions") if isinstance(status, dict) else None
    return any(one["type"] == condition and one["status"] == "True" for one in conditions or ())
