"""A practice API server without controllers: tests write objects as controllers would leave them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import TypeAdapter

from runbook.checks.base import CheckContext, CommandResult, RunCommand
from runbook.checks.readers import read
from runbook.model.checks import Check
from runbook.plan import Plan
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.certificates import Certificates, make_certificates
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.server import Server
from runbook.practice.timeline import Timeline
from runbook.run.readings import Reading, Verdict
from runbook.target.client import ClusterClient, connect

JSON = dict[str, Any]
CRDS = Path(__file__).parents[2] / "runbook" / "practice" / "seed" / "crds.yaml"
CHECK: TypeAdapter[Any] = TypeAdapter(Check)


@dataclass
class Cluster:
    """The server's side and the client's side of one cluster."""

    api: ApiServer
    server: Server
    client: ClusterClient
    logs: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    commands: list[tuple[str, str | None, float]] = field(default_factory=list)
    result: CommandResult = field(default_factory=lambda: CommandResult(0, "", ""))
    timeout: float = 5.0
    directory: Path = Path()
    plan: Plan | None = None
    run_tool: RunCommand | None = None

    async def put(self, resource: str, manifest: JSON, status: JSON | None = None) -> JSON:
        """Create an object with its status."""
        made = await self.api.create(resource, manifest)
        if status is None:
            return made
        try:
            return await self.api.update_status(resource, {**made, "status": status})
        except ApiError:
            # This kind keeps its status in the object itself.
            return await self.api.update(resource, {**made, "status": status})

    async def look(self, **check: Any) -> Reading:
        """One look at a check, as an author writes it."""
        context = CheckContext(
            self.client, self._run, self.timeout, self.run_tool, self.directory, self.plan
        )
        return await read(CHECK.validate_python(check), context)

    async def verdict(self, **check: Any) -> Verdict:
        return (await self.look(**check)).verdict

    async def _run(
        self, script: str, shell: str | None, env: Mapping[str, str], timeout: float
    ) -> CommandResult:
        self.commands.append((script, shell, timeout))
        return self.result


@pytest.fixture(scope="session")
def certificates() -> Certificates:
    return make_certificates(datetime.now(UTC))


def seed_definitions() -> list[JSON]:
    return [document for document in yaml.safe_load_all(CRDS.read_text()) if document]


@pytest.fixture(scope="session")
def definitions() -> list[JSON]:
    return seed_definitions()


@pytest.fixture
async def cluster(
    certificates: Certificates, definitions: list[JSON], tmp_path: Path
) -> AsyncIterator[Cluster]:
    async with serving(certificates, definitions, tmp_path) as made:
        yield made


@asynccontextmanager
async def serving(
    certificates: Certificates, definitions: list[JSON], folder: Path
) -> AsyncIterator[Cluster]:
    """A server with namespaces and definitions, and a client; the kubeconfig is written to `folder`."""
    api = ApiServer(Timeline(), seed=1)
    server = Server(api, certificates=certificates)
    await server.start()
    config = folder / "config"
    config.write_text(json.dumps(server.kubeconfig()))
    for definition in definitions:
        await api.create("customresourcedefinitions.apiextensions.k8s.io", definition)
    for name in ("a", "b", "kube-system"):
        if api.get("namespaces", None, name) is None:
            await api.create("namespaces", {"metadata": {"name": name}})
    async with await connect(config) as client:
        made = Cluster(api, server, client)

        def source(namespace: str, pod: str, container: str, *, previous: bool) -> Any:
            return [(datetime.now(UTC), line) for line in made.logs.get((pod, container), [])]

        api.set_log_source(source)
        yield made
    await server.stop()
    await api.close()


Put = Callable[..., Awaitable[JSON]]


@pytest.fixture
def put_pod(cluster: Cluster) -> Put:
    """Create a pod whose containers are ready or not."""

    async def put(
        name: str, *, ready: dict[str, bool] | None = None, phase: str = "Running", **metadata: Any
    ) -> JSON:
        containers = ready if ready is not None else {"main": True}
        return await cluster.put(
            "pods",
            {
                "metadata": {"name": name, "namespace": "a", **metadata},
                "spec": {
                    "nodeName": "node-1",
                    "containers": [{"name": n, "image": "x"} for n in containers],
                },
            },
            {
                "phase": phase,
                "containerStatuses": [
                    {
                        "name": n,
                        "ready": good,
                        "restartCount": 0,
                        "image": "x",
                        "imageID": "",
                        "state": {"running": {}}
                        if good
                        else {"waiting": {"reason": "CrashLoopBackOff"}},
                    }
                    for n, good in containers.items()
                ],
            },
        )

    return put
