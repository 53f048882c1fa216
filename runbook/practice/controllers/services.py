"""Endpoints of Services: which pods answer, and on which ports.

When a Service has a selector, its Endpoints and its EndpointSlice list the addresses of the pods that
match; those that are ready receive traffic, the others are listed as not ready. A pod that is being
deleted receives none. Without a selector the endpoints are somebody else's.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    has_condition,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from runbook.practice.controllers.templates import random_suffix
from runbook.practice.controllers.writing import delete_if_there

ENDPOINT_SLICES = "endpointslices.discovery.k8s.io"
SERVICE_LABEL = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One pod behind a Service."""

    pod: JSON
    ready: bool
    ports: tuple[tuple[str, int, str], ...]  # name, number, protocol

    @property
    def address(self) -> str:
        return str(self.pod["status"]["podIP"])

    @property
    def target(self) -> JSON:
        return {
            "kind": "Pod",
            "namespace": namespace_of(self.pod),
            "name": name_of(self.pod),
            "uid": uid_of(self.pod),
        }


class Endpoints:
    """Watches Services and pods; writes Endpoints and EndpointSlices."""

    def __init__(self, cluster: Cluster, *, seed: int = 0) -> None:
        self._cluster = cluster
        self._random = random.Random(f"endpoints {seed}")
        self.watches: Mapping[str, KeysOf] = {
            "services": lambda service: [key_of("services", service)],
            "pods": self._services_of,
        }

    def _services_of(self, pod: JSON) -> Iterable[Key]:
        labels = labels_of(pod)
        for service in self._cluster.select("services", namespace_of(pod)):
            selector = dig(service, "spec", "selector")
            if selector and selector.items() <= labels.items():
                yield key_of("services", service)

    async def reconcile(self, key: Key) -> None:
        service = self._cluster.get(*key)
        if service is None:
            await self._clear(key)
            return
        selector = dig(service, "spec", "selector")
        if not selector or dig(service, "spec", "type") == "ExternalName":
            return
        pods = self._cluster.select("pods", key[1], selector)
        endpoints = [found for pod in pods if (found := _endpoint(service, pod)) is not None]
        endpoints.sort(key=lambda endpoint: endpoint.address)
        await self._write_endpoints(service, endpoints)
        await self._write_slice(service, endpoints)

    async def _clear(self, key: Key) -> None:
        """The Service is gone: its Endpoints have no owner reference that would take them along."""
        _, namespace, name = key
        endpoints = self._cluster.get("endpoints", namespace, name)
        if endpoints is not None:
            await delete_if_there(self._cluster, "endpoints", endpoints)

    async def _write_endpoints(self, service: JSON, endpoints: list[Endpoint]) -> None:
        namespace, name = namespace_of(service), name_of(service)
        wanted: JSON = {
            "apiVersion": "v1",
            "kind": "Endpoints",
            "metadata": {"name": name, "namespace": namespace, "labels": labels_of(service)},
        }
        if subsets := _subsets(endpoints):
            wanted["subsets"] = subsets
        live = self._cluster.get("endpoints", namespace, name)
        if live is None:
            await self._cluster.create("endpoints", wanted)
        elif live.get("subsets") != wanted.get("subsets"):
            await self._cluster.update("endpoints", {**wanted, "metadata": live["metadata"]})

    async def _write_slice(self, service: JSON, endpoints: list[Endpoint]) -> None:
        namespace, name = namespace_of(service), name_of(service)
        content: JSON = {
            "addressType": "IPv4",
            "ports": [
                {"name": port, "port": number, "protocol": protocol}
                for port, number, protocol in (endpoints[0].ports if endpoints else ())
            ],
            "endpoints": [_slice_entry(endpoint) for endpoint in endpoints],
        }
        slices = self._cluster.select(ENDPOINT_SLICES, namespace, {SERVICE_LABEL: name})
        if slices:
            live = slices[0]
            if any(live.get(field) != value for field, value in content.items()):
                await self._cluster.update(ENDPOINT_SLICES, {**live, **content})
            return
        prefix = f"{name}-"
        metadata = {
            "name": prefix + random_suffix(self._random),
            "generateName": prefix,
            "namespace": namespace,
            "labels": {
                **labels_of(service),
                SERVICE_LABEL: name,
                "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
            },
            "ownerReferences": [owner_reference(service)],
        }
        head = {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata}
        await self._cluster.create(ENDPOINT_SLICES, {**head, **content})


def _endpoint(service: JSON, pod: JSON) -> Endpoint | None:
    """How this pod serves; None while it has no address or after its end."""
    if not dig(pod, "status", "podIP") or dig(pod, "status", "phase") in {"Succeeded", "Failed"}:
        return None
    early = bool(dig(service, "spec", "publishNotReadyAddresses"))
    ready = early or (has_condition(pod, "Ready") and not being_deleted(pod))
    ports = []
    for port in dig(service, "spec", "ports", default=[]):
        number = _target_port(port, pod)
        if number is not None:
            ports.append((port.get("name", ""), number, port.get("protocol", "TCP")))
    return Endpoint(pod, ready, tuple(ports))


def _target_port(port: JSON, pod: JSON) -> int | None:
    """The container port behind a Service port; a name that no container has leads nowhere."""
    target = str(port.get("targetPort") or port["port"])
    if target.isdecimal():
        return int(target)
    for container in pod["spec"]["containers"]:
        for candidate in container.get("ports") or []:
            if candidate.get("name") == target:
                return int(candidate["containerPort"])
    return None


def _subsets(endpoints: list[Endpoint]) -> list[JSON]:
    """Addresses grouped by the ports they serve."""
    subsets: dict[tuple[tuple[str, int, str], ...], JSON] = {}
    for endpoint in endpoints:
        subset = subsets.setdefault(endpoint.ports, {})
        entry = {
            "ip": endpoint.address,
            "nodeName": endpoint.pod["spec"]["nodeName"],
            "targetRef": endpoint.target,
        }
        subset.setdefault("addresses" if endpoint.ready else "notReadyAddresses", []).append(entry)
    for ports, subset in subsets.items():
        subset["ports"] = [
            {**({"name": name} if name else {}), "port": number, "protocol": protocol}
            for name, number, protocol in ports
        ]
    return [subset for ports, subset in sorted(subsets.items()) if ports]


def _slice_entry(endpoint: Endpoint) -> JSON:
    serving = has_condition(endpoint.pod, "Ready")
    return {
        "addresses": [endpoint.address],
        "conditions": {
            "ready": endpoint.ready,
            "serving": serving,
            "terminating": being_deleted(endpoint.pod),
        },
        "nodeName": endpoint.pod["spec"]["nodeName"],
        "targetRef": endpoint.target,
    }
