"""The MLOps platform on a real control plane, as a process of its own.

    python -m tests.cluster.simulated_platform --kubeconfig FILE --directory DIR --speed 10

Real is what a control plane is: API server, storage, controllers, scheduler. Practice's are what runs
on nodes and beside them: the kubelet, Seldon, Argo, Sealed Secrets, load balancers, MLflow, MinIO and
the mesh. One line on stdout says that all of it is healthy; the log is in the directory. Ends on TERM.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import random
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from runbook.practice import health, manifests
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.controllers.argo.platform import ArgoWorkflows
from runbook.practice.controllers.behaviours import PodBehaviours
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.kubelet import Kubelet
from runbook.practice.controllers.load_balancers import LoadBalancers
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers
from runbook.practice.controllers.sealed_secrets import SealedSecrets
from runbook.practice.controllers.seldon import defaults
from runbook.practice.controllers.seldon.platform import SeldonCore
from runbook.practice.node_ports import NodePorts, has_ready_endpoint
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.mesh import Candidate
from runbook.practice.services.platform import PlatformServices
from runbook.practice.timeline import Timeline
from tests.cluster.remote_cluster import RemoteCluster, opened
from tests.cluster.simulated_node import Node, Provisioner

LOG_NAME = "platform.log"
LOOK = 0.2
"""Seconds between two looks at the platform's health."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line said."""

    kubeconfig: Path
    directory: Path
    speed: float


class Platform:
    """Practice's `Machine` without the parts that the real control plane has itself."""

    def __init__(self, cluster: RemoteCluster) -> None:
        self.cluster = cluster
        self.controllers = Controllers(cluster)
        self.events = EventRecorder(cluster, seed=random.SystemRandom().getrandbits(32))
        self.logs = PodLogs(cluster.timeline)
        self.behaviours = PodBehaviours()
        self.kubelet = Kubelet(cluster, self.controllers, self.events, self.logs, self.behaviours)
        self.sealed_secrets = SealedSecrets(cluster, self.controllers, self.events, self.logs)
        self.services = PlatformServices(
            cluster,
            self._candidates,
            minio_answers=lambda: has_ready_endpoint(cluster, "minio", "minio"),
            chance=random.Random(),
        )
        self.node_ports = NodePorts(cluster, self.services.program)
        self.seldon = SeldonCore(
            cluster,
            self.controllers,
            self.behaviours,
            events=self.events,
            logs=self.logs,
            list_objects=self.services.list_objects,
            look_again=self.kubelet.look_again,
        )
        self.argo = ArgoWorkflows(
            cluster,
            self.controllers,
            self.behaviours,
            events=self.events,
            logs=self.logs,
            trainer=self.services.trainer,
            look_again=self.kubelet.look_again,
        )
        for controller in (
            self.kubelet,
            self.sealed_secrets,
            LoadBalancers(cluster, self.events),
            Provisioner(cluster),
            self.node_ports,
        ):
            self.controllers.add(controller)

    async def healthy(self) -> None:
        """Wait until nothing is unhealthy any more."""
        said: list[str] = []
        while unhealthy := health.unhealthy(self.cluster):
            if unhealthy != said:
                structlog.get_logger().info("waiting", unhealthy=unhealthy)
                said = unhealthy
            await asyncio.sleep(LOOK)

    def _candidates(self, namespace: str, name: str) -> Sequence[Candidate]:
        envoys = self.seldon.envoys
        route = envoys.route(namespace, name)
        return [
            Candidate(
                LoadedModel(target.ref.model, target.ref.version),
                target.weight,
                envoys.healthy(target),
            )
            for target in (route.targets if route is not None else ())
        ]


async def run(options: Options) -> None:
    """Until asked to stop."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    timeline = Timeline()
    async with opened(options.kubeconfig, timeline) as cluster:
        await _seed(cluster)
        platform = Platform(cluster)
        serving = asyncio.create_task(timeline.serve(options.speed))
        try:
            async with Node(cluster, platform.logs).alive(options.directory):
                await platform.healthy()
                platform.services.remember()
                sys.stdout.write(json.dumps({"ready": True}) + "\n")
                sys.stdout.flush()
                await stop.wait()
        finally:
            serving.cancel()
            await platform.node_ports.release()


async def _seed(cluster: RemoteCluster) -> None:
    """What a practice cluster starts with and no manifest of the platform says."""
    keys = [obj for obj in manifests.packaged() if obj["kind"] == "Secret"]
    for resource, obj in (
        *(("secrets", manifests.stored_form(key)) for key in keys),
        ("seldonconfigs.mlops.seldon.io", defaults.seldon_config()),
        ("serverconfigs.mlops.seldon.io", defaults.server_config()),
    ):
        try:
            await cluster.create(resource, obj)
        except ApiError as refusal:
            if refusal.reason != "AlreadyExists":
                raise


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True)
    parser.add_argument("--directory", type=Path, required=True)
    parser.add_argument("--speed", type=float, default=1.0)
    given = parser.parse_args()
    options = Options(given.kubeconfig, given.directory, given.speed)
    options.directory.mkdir(parents=True, exist_ok=True)
    file = (options.directory / LOG_NAME).open("a", encoding="utf-8", buffering=1)
    logging.basicConfig(stream=file, level=logging.WARNING)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(default=str),
        ],
        logger_factory=structlog.WriteLoggerFactory(file),
    )
    asyncio.run(run(options))


if __name__ == "__main__":
    main()
