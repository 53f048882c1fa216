"""A cluster on a stepped clock: the real API server, every controller, no sockets, no waiting."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Propagation
from runbook.practice.controllers.control_plane import ControlPlane
from runbook.practice.timeline import Timeline

NODE: JSON = {
    "conditions": [{"type": "Ready", "status": "True"}],
    "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
}


class Lab:
    """One cluster with a node and two namespaces; words of a test in few characters."""

    def __init__(self, seed: int = 1) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        self.server = ApiServer(self.timeline, seed=seed, inspect_controllers=True)
        self.plane = ControlPlane(
            self.server, seed=seed, root_certificate="-----BEGIN", key_bits=2048
        )
        self.server.add_admission(self.plane.quota_admission.admit)

    async def furnish(self) -> None:
        for namespace in ("default", "kube-system"):
            await self.create("namespaces", {"metadata": {"name": namespace}})
        node = await self.create("nodes", {"metadata": {"name": "practice-node-1"}})
        await self.server.update_status("nodes", {**node, "status": NODE})
        await self.run(1)

    async def run(self, seconds: float) -> None:
        await self.timeline.advance(seconds)

    async def create(self, resource: str, obj: JSON) -> JSON:
        return await self.server.create(resource, obj)

    async def refused(self, resource: str, obj: JSON) -> str:
        """The message of the refusal to create this."""
        with pytest.raises(ApiError) as refusal:
            await self.server.create(resource, obj)
        return refusal.value.message

    async def patch(
        self, resource: str, name: str, patch: JSON, namespace: str | None = "default"
    ) -> JSON:
        return await self.server.patch(resource, namespace, name, patch)

    async def delete(
        self,
        resource: str,
        name: str,
        namespace: str | None = "default",
        *,
        grace: int | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        await self.server.delete(resource, namespace, name, grace=grace, propagation=propagation)

    def get(self, resource: str, name: str, namespace: str | None = "default") -> JSON:
        found = self.server.get(resource, namespace, name)
        assert found is not None, f"{resource} {namespace}/{name} is not there"
        return found

    def has(self, resource: str, name: str, namespace: str | None = "default") -> bool:
        return self.server.get(resource, namespace, name) is not None

    def names(
        self,
        resource: str,
        namespace: str | None = "default",
        labels: Mapping[str, str] | None = None,
    ) -> list[str]:
        found = self.server.select(resource, namespace, labels)
        return sorted(obj["metadata"]["name"] for obj in found)

    def events(self, name: str) -> list[tuple[str, str]]:
        """(reason, message) of what was remarked on objects of this name, oldest first."""
        events = [
            event
            for event in self.server.select("events")
            if event["involvedObject"]["name"] == name
        ]
        events.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [(event["reason"], event["message"]) for event in events]

    def conditions(
        self, resource: str, name: str, namespace: str | None = "default"
    ) -> dict[str, JSON]:
        status = self.get(resource, name, namespace)["status"]
        return {condition["type"]: condition for condition in status.get("conditions", [])}

    def lines(self, pod: str, container: str, *, previous: bool = False) -> list[str]:
        read = self.plane.logs.read("default", pod, container, previous=previous)
        return [line for _, line in read]

    @staticmethod
    def template(labels: Mapping[str, str], *containers: JSON, **spec: Any) -> JSON:
        chosen = list(containers) or [{"name": "main", "image": "app:1"}]
        return {"metadata": {"labels": dict(labels)}, "spec": {"containers": chosen, **spec}}

    def pod(
        self, name: str, *containers: JSON, labels: Mapping[str, str] | None = None, **spec: Any
    ) -> JSON:
        made = self.template(labels or {"app": name}, *containers, **spec)
        made["metadata"] |= {"name": name, "namespace": "default"}
        return made

    def workload(self, name: str, *containers: JSON, pod: JSON | None = None, **spec: Any) -> JSON:
        """A Deployment, StatefulSet, ReplicaSet or DaemonSet of pods labelled with its name."""
        return {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {
                "selector": {"matchLabels": {"app": name}},
                "template": self.template({"app": name}, *containers, **(pod or {})),
                **spec,
            },
        }
