"""The node of a real control plane whose containers only pretend to run.

It keeps itself Ready as a kubelet does (status and lease), serves the logs of its pods where the API
server asks a kubelet for them, and makes the volumes that claims of an external class wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from runbook.practice import manifests
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import Cluster
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import being_deleted, dig, key_of, name_of
from runbook.practice.controllers.pod_status import FINISHED
from runbook.practice.controllers.volume_matching import volume_for
from tests.cluster.credentials import Authority

CLAIMS, VOLUMES = "persistentvolumeclaims", "persistentvolumes"
CLASSES = "storageclasses.storage.k8s.io"
PROVISIONER = "volume.kubernetes.io/storage-provisioner"
"""The annotation by which the controller manager asks an external provisioner for a volume."""
BEAT = 5.0
"""Seconds between two signs of life; without any for 50 s the node counts as lost."""
LOOK = 0.1
"""Seconds between two looks at a log that is followed."""


class Node:
    """The node of practice's own seed, alive."""

    def __init__(self, cluster: Cluster, logs: PodLogs) -> None:
        self._cluster = cluster
        self._logs = logs
        self._seed = next(obj for obj in manifests.packaged() if obj["kind"] == "Node")
        self._name = name_of(self._seed)

    @asynccontextmanager
    async def alive(self, folder: Path) -> AsyncIterator[None]:
        """Ready, with its logs to be had, until the `with` ends."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_tls(folder))
        await site.start()
        port = int(runner.addresses[0][1])
        try:
            await self._beat(port)
            beating = asyncio.create_task(self._keep_beating(port))
            try:
                yield
            finally:
                beating.cancel()
        finally:
            await runner.cleanup()

    async def _keep_beating(self, port: int) -> None:
        while True:
            await asyncio.sleep(BEAT)
            with contextlib.suppress(ApiError):  # a server that is away is tried again
                await self._beat(port)

    async def _beat(self, port: int) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        node = self._cluster.get("nodes", None, self._name)
        if node is None:
            node = await self._cluster.create("nodes", self._seed)
        before = {one["type"]: one for one in dig(node, "status", "conditions", default=[])}
        conditions = []
        for condition in self._seed["status"]["conditions"]:
            old = before.get(condition["type"], {})
            same = old.get("status") == condition["status"]
            since = old.get("lastTransitionTime", now) if same else now
            conditions.append({**condition, "lastHeartbeatTime": now, "lastTransitionTime": since})
        status = {
            **self._seed["status"],
            "conditions": conditions,
            "daemonEndpoints": {"kubeletEndpoint": {"Port": port}},
        }
        await self._cluster.update_status("nodes", {**node, "status": status})
        await self._renew_lease()

    async def _renew_lease(self) -> None:
        leases, place = "leases.coordination.k8s.io", ("kube-node-lease", self._name)
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": self._name, "leaseDurationSeconds": 40, "renewTime": now}
        if self._cluster.get(leases, *place) is not None:
            await self._cluster.patch(leases, *place, {"spec": spec})
            return
        metadata = {"namespace": place[0], "name": place[1]}
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata}
        await self._cluster.create(leases, {**lease, "spec": spec})

    def _application(self) -> web.Application:
        app = web.Application()
        app.router.add_get("/containerLogs/{namespace}/{pod}/{container}", self._log)
        return app

    async def _log(self, request: web.Request) -> web.StreamResponse:
        """As a kubelet: the last lines that are wanted, then more while the container runs."""
        namespace, pod, container = (
            request.match_info[part] for part in ("namespace", "pod", "container")
        )
        query = request.query
        previous = query.get("previous") == "true"
        stamped = query.get("timestamps") == "true"
        lines = self._logs.read(namespace, pod, container, previous=previous)
        written = len(lines)
        if "tailLines" in query:
            lines = lines[max(0, written - int(query["tailLines"])) :]
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        await response.prepare(request)
        while True:
            ended = self._ended(namespace, pod, container)
            shown = (
                f"{at:%Y-%m-%dT%H:%M:%S.%f}000Z {text}" if stamped else text for at, text in lines
            )
            await response.write("".join(f"{line}\n" for line in shown).encode())
            if ended or query.get("follow") != "true":
                return response
            await asyncio.sleep(LOOK)
            everything = self._logs.read(namespace, pod, container)
            lines, written = everything[written:], len(everything)

    def _ended(self, namespace: str, pod: str, container: str) -> bool:
        live = self._cluster.get("pods", namespace, pod)
        if live is None or dig(live, "status", "phase") in FINISHED:
            return True
        statuses = dig(live, "status", "containerStatuses", default=[])
        return any(one["name"] == container and one["state"].get("terminated") for one in statuses)


class Provisioner:
    """Watches claims; the controller manager binds what is made for them."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.watches: Mapping[str, KeysOf] = {CLAIMS: lambda claim: [key_of(CLAIMS, claim)]}

    async def reconcile(self, key: Key) -> float | None:
        claim = self._cluster.get(*key)
        if claim is None or being_deleted(claim) or dig(claim, "spec", "volumeName"):
            return None
        if PROVISIONER not in (claim["metadata"].get("annotations") or {}):
            return None
        storage_class = self._cluster.get(CLASSES, None, claim["spec"]["storageClassName"])
        if storage_class is not None:
            volume = volume_for(claim, storage_class)
            if self._cluster.get(VOLUMES, None, name_of(volume)) is None:
                await self._cluster.create(VOLUMES, volume)
        return None


def _tls(folder: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*Authority().server().write(folder, "kubelet"))
    return context
