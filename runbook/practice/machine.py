"""The practice machine: an API server, every controller, the platform's services, and their one clock.

    machine = Machine()
    await machine.build(documents)   # three days ago, in stepped time, until everything is healthy
    await machine.listen()           # from here on kubectl can talk to it
    await machine.serve(speed=10)    # until cancelled
    await machine.stop()

What is seeded comes through the same doors as everything else: the platform as its operators would
create it, the given documents as `kubectl apply` would. Each machine is another cluster, with uids of
its own, unless it is given a seed. A machine built `instead_of` another is the same cluster again,
as it was in the beginning, at the same address.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote

import structlog
from aiohttp import web

from runbook.clock import RealClock
from runbook.errors import UsageError
from runbook.practice import health, manifests
from runbook.practice.activity import Activity
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.messages import Request, Response
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.server import Server
from runbook.practice.apiserver.store import encode
from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.platform import ArgoWorkflows
from runbook.practice.controllers.argocd import ArgoCd
from runbook.practice.controllers.control_plane import ControlPlane
from runbook.practice.controllers.ingress_nginx import PROGRAM, IngressNginx
from runbook.practice.controllers.limit_ranges import LimitRanger
from runbook.practice.controllers.seldon import defaults
from runbook.practice.controllers.seldon.platform import SeldonCore
from runbook.practice.faults.catalogue import FAULTS
from runbook.practice.faults.referee import Referee
from runbook.practice.node_ports import NodePorts, has_ready_endpoint
from runbook.practice.services import nginx
from runbook.practice.services.inference import LoadedModel
from runbook.practice.services.listener import Application, is_free
from runbook.practice.services.mesh import Candidate
from runbook.practice.services.platform import PlatformServices
from runbook.practice.timeline import Timeline
from runbook.sealing import KEY_BITS

AGE = timedelta(days=3)  # a platform nobody touched today
STEP = 5.0  # simulated seconds between two looks at the health of what is being built
PATIENCE = 1800.0  # simulated seconds after which what is not healthy will not become so
_FIRST_KINDS = ("CustomResourceDefinition", "Namespace", "StorageClass", "Node", "Secret")

log = structlog.get_logger(__name__)


class Machine:
    """One practice cluster in this process."""

    def __init__(
        self,
        *,
        seed: int | None = None,
        start: datetime | None = None,
        key_bits: int = KEY_BITS,
        instead_of: Machine | None = None,
    ) -> None:
        clock = RealClock()
        if instead_of is not None:
            seed = instead_of.seed
        self.seed: int = random.SystemRandom().getrandbits(32) if seed is None else seed
        chance = random.Random(self.seed)
        self.timeline = Timeline(start or clock.now() - AGE)
        # A node's ports are this computer's, which others use as well.
        self.api: ApiServer = ApiServer(
            self.timeline,
            seed=self.seed,
            node_port_is_free=is_free,
            # Whoever watched the former machine has to list again.
            first_version=instead_of.api.store.version + 2 if instead_of is not None else 1,
        )
        if instead_of is None:
            self.activity = Activity(clock)
            self.server = Server(self.api, middlewares=[self.activity.middleware])
        else:
            self.activity, self.server = instead_of.activity, instead_of.server
        self.plane = ControlPlane(
            self.api,
            seed=self.seed,
            root_certificate=self.server.certificates.authority.decode(),
            key_bits=key_bits,
        )
        self.api.set_log_source(self.plane.logs.read)
        self.api.add_admission(self.plane.service_account_admission.admit)
        self.api.add_admission(LimitRanger(self.api).admit)
        self.api.add_admission(self.plane.quota_admission.admit, last=True)
        self.services = PlatformServices(
            self.api,
            self._candidates,
            minio_answers=lambda: has_ready_endpoint(self.api, "minio", "minio"),
            chance=chance,
        )
        self.ingress = IngressNginx(self.api, self.plane.events, self.plane.logs)
        self.plane.controllers.add(self.ingress)
        self.node_ports = NodePorts(self.api, self._program)
        self.plane.controllers.add(self.node_ports)
        self.api.set_backends(self.node_ports.backend)
        self.seldon = self._seldon()
        self.argo = self._argo()
        self.documents: tuple[JSON, ...] = ()
        self.plane.controllers.add(ArgoCd(self.api, self.plane.events, lambda: self.documents))
        self.referee = Referee(
            self.api,
            FAULTS,
            documents=lambda: self.documents,
            newest_model=self.services.newest_model,
            chance=chance,
        )

    async def build(self, documents: Sequence[JSON]) -> list[str]:
        """Seed the platform and the documents; what did not become healthy, one line each."""
        await self._seed_platform()
        await self._settle()
        self.services.remember()
        self.documents = tuple(documents)
        for document in _in_order(documents):
            await self._apply(document)
        await self._settle()
        self.argo.remember()
        unhealthy = health.unhealthy(self.api)
        for event in self.api.select("events"):  # none outlives an hour, and this was days ago
            metadata = event["metadata"]
            await self.api.delete("events", metadata["namespace"], metadata["name"])
        log.info("built", simulated=round(self.timeline.elapsed()), unhealthy=unhealthy)
        return unhealthy

    async def listen(self) -> str:
        """Open the API server's port; its URL."""
        await self.server.start()
        return self.server.url

    def kubeconfig(self, context: str = "practice") -> JSON:
        """The document a client needs; only after `listen`."""
        return self.server.kubeconfig(context=context)

    async def serve(self, speed: float) -> None:
        """Time goes on, this many simulated seconds to the second, until cancelled."""
        await self.timeline.serve(speed)

    async def stop(self) -> None:
        """Close every port and end every open request."""
        await self.server.stop()
        await self.retire()

    async def retire(self) -> None:
        """Give back the services' ports and end every watch; the server goes on for another."""
        await self.node_ports.release()
        await self.api.close()

    def _seldon(self) -> SeldonCore:
        return SeldonCore(
            self.api,
            self.plane.controllers,
            self.plane.behaviours,
            events=self.plane.events,
            logs=self.plane.logs,
            list_objects=self.services.list_objects,
            look_again=self.plane.kubelet.look_again,
        )

    def _argo(self) -> ArgoWorkflows:
        return ArgoWorkflows(
            self.api,
            self.plane.controllers,
            self.plane.behaviours,
            events=self.plane.events,
            logs=self.plane.logs,
            trainer=self.services.trainer,
            look_again=self.plane.kubelet.look_again,
        )

    def _candidates(self, namespace: str, name: str) -> Sequence[Candidate]:
        envoys = self.seldon.envoys
        route = envoys.route(namespace, name)
        if route is None:
            return ()
        return [
            Candidate(
                LoadedModel(target.ref.model, target.ref.version),
                target.weight,
                envoys.healthy(target),
            )
            for target in route.targets
        ]

    def _program(self, service: JSON, port: JSON) -> Application | None:
        """A service's program, with its requests counted as activity."""
        make = self.services.program(service, port)
        if make is None and (service["spec"].get("selector"), port.get("name")) == (
            PROGRAM,
            "http",
        ):
            make = self._nginx
        if make is None:
            return None

        def counted() -> web.Application:
            made = make()
            made.middlewares.insert(0, self.activity.middleware)
            return made

        return counted

    def _nginx(self) -> web.Application:
        """What answers at the ingress controller's Service."""
        return nginx.application(
            lambda host, path: self.ingress.url(host, path, self.node_ports.backend)
        )

    async def _seed_platform(self) -> None:
        configured = [defaults.seldon_config(), defaults.server_config()]
        for obj in _in_order([*manifests.packaged(), *configured]):
            resource = self._resource(obj)
            created = await self.api.create(resource.name, obj)
            if obj["kind"] == "Node":
                await self.api.update_status(
                    resource.name, {**created, "status": _node_status(obj, self.timeline.stamp())}
                )

    async def _apply(self, document: JSON) -> None:
        resource = self._resource(document)
        metadata = document["metadata"]
        group = f"apis/{resource.group}" if resource.group else "api"
        namespace = metadata.get("namespace", "default")
        inside = f"/namespaces/{quote(namespace)}" if resource.namespaced else ""
        query = {"fieldManager": "kubectl-client-side-apply", "fieldValidation": "Strict"}
        request = Request(
            "POST",
            f"/{group}/{resource.version}{inside}/{resource.plural}",
            query=query,
            headers={"content-type": "application/json", "user-agent": "kubectl"},
            body=encode(manifests.as_applied(document)),
        )
        answer = await self.api.handle(request)
        if not isinstance(answer, Response) or answer.status != 201:
            said = answer.body.decode() if isinstance(answer, Response) else "a stream"
            raise UsageError(f"{document['kind']} {metadata['name']} was not accepted: {said}")

    async def _settle(self) -> None:
        """Step on until everything is healthy, or nothing more can be expected."""
        end = self.timeline.elapsed() + PATIENCE
        await self.timeline.advance(STEP)
        while self.timeline.elapsed() < end and health.unhealthy(self.api):
            await self.timeline.advance(STEP)

    def _resource(self, obj: JSON) -> Resource:
        for resource in self.api.registry.all():
            if (resource.api_version, resource.kind) == (obj["apiVersion"], obj["kind"]):
                return resource
        raise UsageError(
            f'no matches for kind "{obj["kind"]}" in version "{obj["apiVersion"]}"',
            hint="seed its CustomResourceDefinition as well",
        )


def _in_order(documents: Sequence[JSON]) -> list[JSON]:
    """What others stand on comes first; else the given order."""
    rank = {kind: number for number, kind in enumerate(_FIRST_KINDS)}
    return sorted(documents, key=lambda document: rank.get(document["kind"], len(rank)))


def _node_status(node: JSON, now: str) -> dict[str, Any]:
    moments = {"lastHeartbeatTime": now, "lastTransitionTime": now}
    conditions = [{**condition, **moments} for condition in node["status"]["conditions"]]
    return {**node["status"], "conditions": conditions}
