"""A world in which a runbook is really performed: bash, a loopback API server and loopback services.

Only time is virtual. An operator answers what is asked, and leaves where only a person could decide.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import TypeAdapter

from runbook.checks.base import CheckContext
from runbook.checks.readers import read
from runbook.cli.run_directory import RunDirectory
from runbook.cli.wiring import wire
from runbook.clock import VirtualClock
from runbook.engine import Engine
from runbook.executors.probe import run_probe
from runbook.journal.file import JournalFile
from runbook.model.checks import Check
from runbook.model.loader import load
from runbook.plan import Plan, TargetFacts
from runbook.planning import make_plan
from runbook.practice.services import mesh, mlflow, s3
from runbook.practice.services.artifacts import Artifacts
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.mesh import Candidate
from runbook.practice.services.mlflow_store import MlflowStore
from runbook.practice.services.mlflow_tracking import Tracking
from runbook.practice.services.s3_store import S3Store
from runbook.practice.services.training import Trainer
from runbook.redact import Redactor
from runbook.run.events import Record, RunOpened
from runbook.run.machine import undecided
from runbook.run.outline import outline_of
from runbook.run.session import Output, Seen
from runbook.run.signals import Approve, Confirm, Leave, RollBack
from runbook.run.state import RunState
from runbook.run.terms import Mode
from runbook.target import identity
from tests.checks.conftest import Cluster

Document = dict[str, Any]
WORKFLOWS = "workflows.argoproj.io"
CHECK: TypeAdapter[Any] = TypeAdapter(Check)
STEP_OF_TIME = 600.0
"""Seconds of virtual time that pass at once."""


def book(*steps: Document, **more: Any) -> Document:
    """A runbook of one phase."""
    phases = [{"id": "one", "steps": list(steps)}]
    return {"apiVersion": "runbook/v1", "name": "test", "phases": phases, **more}


@dataclass
class Operator:
    """What a person does who is asked."""

    typed: str = ""
    evidence: str = "seen"
    answers: bool = True
    by: str = "ann"
    rolls_back: bool = False


@dataclass
class Performed:
    """What is left of a run."""

    plan: Plan
    state: RunState
    records: tuple[Record, ...]
    output: str
    refusals: list[str]
    directory: Path
    seen: list[Seen]

    def status(self, step: str = "s") -> str:
        return self.state.step(step).status.value

    @property
    def result(self) -> str:
        return self.state.finished.result.value if self.state.finished else ""

    @property
    def seconds(self) -> float:
        return (self.records[-1].at - self.records[0].at).total_seconds()

    def kinds(self) -> list[str]:
        return [record.event.kind for record in self.records]


class Hands:
    """Follows a run as a person at the screen would."""

    def __init__(self, engine: Engine, operator: Operator) -> None:
        self._engine = engine
        self._operator = operator
        self.refusals: list[str] = []
        self.output = bytearray()
        self.seen: list[Seen] = []

    def on_record(self, record: Record) -> None:
        who, event = self._operator, record.event
        if event.kind == "approval.requested" and who.answers:
            self._send(Approve(event.step, who.by, who.typed))
        elif event.kind == "task.requested" and who.answers:
            self._send(Confirm(event.step, who.by, who.evidence))
        elif event.kind in ("step.failed", "step.timed-out", "step.interrupted"):
            # What follows by itself is recorded in the same turn; then it is seen who must decide.
            asyncio.get_running_loop().call_soon(self._decide)

    def _decide(self) -> None:
        who, state = self._operator, self._engine.state
        step = undecided(self._engine.plan, state)
        if step is None or state.step(step.id).retry_at is not None:
            return
        if who.rolls_back and state.rolling_back is None:
            self._send(RollBack(who.by, "it failed"))
        else:
            self._send(Leave(who.by, "only a person could say"))

    def _send(self, signal: Any) -> None:
        if why := self._engine.send(signal):
            self.refusals.append(why)
            self._engine.send(Leave(self._operator.by, "refused"))

    def on_output(self, output: Output) -> None:
        self.output += output.data

    def on_seen(self, seen: Seen) -> None:
        self.seen.append(seen)


@dataclass
class World:
    """One cluster with its services, and a folder for runs."""

    cluster: Cluster
    folder: Path
    services: dict[str, str]
    """Addresses: `site`, `s3`, `mlflow`, `mesh`; `port` is the site's."""
    target: TargetFacts = field(default_factory=lambda: TargetFacts("", "", ""))
    signatures: list[str] = field(default_factory=list)
    """What the store was signed for, request by request."""
    posted: list[str] = field(default_factory=list)
    """What was posted to the site's `/hook`, whose address is in the file `hook`."""
    runs: int = 0

    def planned(
        self, document: Document, files: Mapping[str, str] | None = None, **inputs: str
    ) -> Plan:
        text = yaml.safe_dump(document, sort_keys=False)
        composed = load(text, "main.yaml", lambda key: (files or {})[key].encode())
        return make_plan(
            composed, inputs=inputs, target=self.target, mode="practice", environment={}
        )

    async def perform(
        self,
        document: Document,
        operator: Operator | None = None,
        files: Mapping[str, str] | None = None,
        **inputs: str,
    ) -> Performed:
        """A whole run, wired as the command line wires one."""
        self.runs += 1
        plan = self.planned(document, files, **inputs)
        directory = RunDirectory(self.folder / f"run-{self.runs}")
        (directory.path / "plan").mkdir(parents=True)
        directory.kubeconfig.write_text(json.dumps(self.cluster.server.kubeconfig()))
        clock = VirtualClock()
        journal = JournalFile.create(directory.path)
        wired = wire(
            plan,
            directory,
            self.cluster.client,
            working_directory=self.folder,
            journal=journal,
            records=[],
            clock=clock,
        )
        hands = Hands(wired.engine, operator or Operator())
        wired.engine.follow(hands)
        wired.engine.follow(wired.notifier)
        telling = asyncio.ensure_future(wired.notifier.tell())
        running = asyncio.ensure_future(wired.engine.run([self._opened(plan)]))
        async with asyncio.timeout(20):
            while not running.done():
                await clock.advance(STEP_OF_TIME)
                await asyncio.sleep(0.002)  # processes and threads take real time
            wired.notifier.close()
            await telling
        journal.close()
        return Performed(
            plan,
            await running,
            wired.engine.records,
            hands.output.decode(),
            hands.refusals,
            directory.path,
            hands.seen,
        )

    def _opened(self, plan: Plan) -> RunOpened:
        return RunOpened(
            run=f"r-{self.runs:05}",
            name=plan.name,
            title=plan.title,
            owner=plan.owner,
            mode=Mode.PRACTICE,
            operator="ann",
            attended=True,
            host="h",
            pid=1,
            version="0",
            context=plan.target.context,
            server=plan.target.server,
            cluster_uid=plan.target.cluster_uid,
            source="main.yaml",
            source_digest=plan.source_digest,
            plan_digest=plan.digest,
            outline=outline_of(plan),
        )

    async def control(self, workflow: Document) -> None:
        """A controller: templates called `bad` fail, `slow` never ends, all others succeed."""
        template = workflow["spec"]["workflowTemplateRef"]["name"]
        phase = {"bad": "Failed", "slow": "Running"}.get(template, "Succeeded")
        await self.cluster.api.update(WORKFLOWS, {**workflow, "status": {"phase": phase}})

    async def look(self, check: Document) -> str:
        """One look at a check with everything real: its verdict."""
        path = f"{self.folder}/bin:/usr/bin:/bin"
        probe = run_probe({"PATH": path}, self.folder, Redactor())
        context = CheckContext(self.cluster.client, probe, 5.0)
        return (await read(CHECK.validate_python(check), context)).verdict.value


@asynccontextmanager
async def a_world(cluster: Cluster, folder: Path) -> AsyncIterator[World]:
    """A cluster with objects to look at, and the services of the platform on loopback addresses."""
    seen = await identity.identify(cluster.client, cluster.server.kubeconfig()["current-context"])
    facts = TargetFacts(seen.context, seen.server, seen.cluster_uid, seen.ca_sha256)
    async with AsyncExitStack() as servers:

        async def serve(app: web.Application) -> str:
            server = await servers.enter_async_context(TestServer(app))
            return str(server.make_url("/")).rstrip("/")

        signatures: list[str] = []
        posted: list[str] = []
        services = {
            name: await serve(app) for name, app in _applications(signatures, posted).items()
        }
        services["port"] = services["site"].rpartition(":")[2]
        cluster.api.set_backends(lambda namespace, service, port: services["site"])
        (folder / "hook").write_text(f"{services['site']}/hook\n")
        _make_kubectl(folder / "bin")
        world = World(cluster, folder, services, facts, signatures, posted)
        await _furnish(world)
        submit = cluster.client.create

        async def create(resource: Any, namespace: str | None, manifest: Any) -> Any:
            made = await submit(resource, namespace, manifest)
            await world.control(made)  # before anybody can look at it
            return made

        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(cluster.client, "create", create)
            yield world


def _applications(signatures: list[str], posted: list[str]) -> dict[str, web.Application]:
    now: Callable[[], datetime] = lambda: datetime.now(UTC)  # noqa: E731 - three services want it
    store = S3Store(now)
    for bucket in ("artifacts", "mlflow-artifacts"):
        store.create_bucket(bucket)
    store.put("artifacts", "1/MLmodel", b"x")
    runs = MlflowStore(now, random.Random(1), "s3://mlflow-artifacts")
    artifacts = Artifacts(store, lambda: True)
    Trainer(runs, artifacts, random.Random(1)).train("baseline")
    model = (Candidate(LoadedModel("baseline", 1), 1, healthy=True),)
    site = web.Application()

    async def hook(request: web.Request) -> web.StreamResponse:
        posted.append(await request.text())
        return web.Response(text="ok")

    site.router.add_post("/hook", hook)
    site.router.add_route("*", "/{path:.*}", _echo)
    keys = {"user": "secret"}
    objects = s3.application(store, lambda: keys, now)

    @web.middleware
    async def noting(request: web.Request, handler: Any) -> web.StreamResponse:
        signatures.append(request.headers.get("Authorization", ""))
        answer: web.StreamResponse = await handler(request)
        return answer

    objects.middlewares.append(noting)
    return {
        "site": site,
        "s3": objects,
        "mlflow": mlflow.application(Tracking(runs, artifacts), lambda: keys),
        "mesh": mesh.application(
            lambda name: model if name in ("baseline", "ab.experiment") else (), random.Random(5)
        ),
    }


def _make_kubectl(folder: Path) -> None:
    """A kubectl that is far newer than any server."""
    folder.mkdir(exist_ok=True)
    version = {"clientVersion": {"major": "1", "minor": "99", "gitVersion": "v1.99.0"}}
    (folder / "kubectl").write_text(f"#!/bin/sh\necho '{json.dumps(version)}'\n")
    (folder / "kubectl").chmod(0o755)


async def _echo(request: web.Request) -> web.StreamResponse:
    """Tells what it was asked; `/status/N` answers N."""
    status = int(request.path.removeprefix("/status/")) if "/status/" in request.path else 200
    told = {
        "method": request.method,
        "body": await request.text(),
        "mark": request.headers.get("X-Mark", ""),
        "user": request.headers.get("Authorization", ""),
    }
    return web.json_response(told, status=status, headers={"X-Kind": "echo"})


async def _furnish(world: World) -> None:
    put = world.cluster.put
    for name, good in (("one", "True"), ("two", "False")):
        conditions = [{"type": "ModelReady", "status": good}]
        meta = {"name": name, "namespace": "a", "labels": {"good": good}}
        await put(
            "models.mlops.seldon.io",
            {
                "apiVersion": "mlops.seldon.io/v1alpha1",
                "kind": "Model",
                "metadata": meta,
                "spec": {"storageUri": "s3://b/x"},
            },
            {"conditions": conditions, "observedGeneration": 1 if name == "one" else 0},
        )
    for name, namespace, ready in (("full", "a", True), ("half", "a", False), ("far", "b", True)):
        containers = {"main": True, "side": ready}
        await put(
            "pods",
            {
                "metadata": {"name": name, "namespace": namespace, "labels": {"pod": name}},
                "spec": {
                    "nodeName": "node-1",
                    "containers": [{"name": c, "image": "x"} for c in containers],
                },
            },
            {
                "phase": "Running",
                "containerStatuses": [
                    {
                        "name": c,
                        "ready": good,
                        "restartCount": 0,
                        "image": "x",
                        "imageID": "",
                        "state": {"running": {}},
                    }
                    for c, good in containers.items()
                ],
            },
        )
    world.cluster.logs["full", "main"] = ["model loaded", "serving", "idle"]
    world.cluster.logs["full", "side"] = ["sidecar up"]
    world.cluster.logs["half", "main"] = ["waiting"]
    for name, data in {
        "pair": {"a": '{"x": 1}', "b": "{}"},
        "one": {"a": '{"x": 1}'},
        "sealed": {"a": "b"},
    }.items():
        encoded = {k: base64.b64encode(v.encode()).decode() for k, v in data.items()}
        await put("secrets", {"metadata": {"name": name, "namespace": "a"}, "data": encoded})
    active = {"sealedsecrets.bitnami.com/sealed-secrets-key": "active"}
    await put(
        "secrets",
        {
            "metadata": {"name": "key", "namespace": "kube-system", "labels": active},
            "type": "kubernetes.io/tls",
            "data": {"tls.crt": "eA==", "tls.key": "eA=="},
        },
    )
    for namespace, good in (("a", "True"), ("b", "False")):
        await put(
            "sealedsecrets.bitnami.com",
            {
                "apiVersion": "bitnami.com/v1alpha1",
                "kind": "SealedSecret",
                "metadata": {"name": "sealed", "namespace": namespace},
                "spec": {"encryptedData": {"conf": "x"}},
            },
            {"conditions": [{"type": "Synced", "status": good}], "observedGeneration": 1},
        )
    await put(
        "services",
        {"metadata": {"name": "web", "namespace": "a"}, "spec": {"ports": [{"port": 80}]}},
    )
    for name, namespace in product(("t", "bad", "slow"), ("a", "b")):
        await put(
            "workflowtemplates.argoproj.io",
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "WorkflowTemplate",
                "metadata": {"name": name, "namespace": namespace},
                "spec": {"entrypoint": "main"},
            },
        )
    volume = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Delete",
        "nfs": {"server": "s", "path": "/p"},
    }
    await put("persistentvolumes", {"metadata": {"name": "pv"}, "spec": volume})
    claim = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "volumeName": "pv",
    }
    meta = {"name": "data", "namespace": "a"}
    await put("persistentvolumeclaims", {"metadata": meta, "spec": claim})
    tight = {"hard": {"persistentvolumeclaims": "0"}}
    await put("resourcequotas", {"metadata": {"name": "tight", "namespace": "a"}, "spec": tight})
    mark = {"argocd.argoproj.io/instance": "far"}
    await put("configmaps", {"metadata": {"name": "c", "namespace": "a", "labels": mark}})
    await _workflow(world, "done", "trained", "Succeeded")
    await _workflow(world, "broken", "bad", "Failed")


async def _workflow(world: World, name: str, template: str, phase: str) -> None:
    node = {"displayName": "fit", "phase": phase, "type": "Pod", "id": "n", "name": "n"}
    await world.cluster.put(
        WORKFLOWS,
        {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": name, "namespace": "a"},
            "spec": {
                "workflowTemplateRef": {"name": template},
                "arguments": {"parameters": [{"name": "size", "value": "big"}]},
            },
        },
        {"phase": phase, "nodes": {"n": node}},
    )
