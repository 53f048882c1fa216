"""Addresses for Services of type LoadBalancer, as MetalLB gives them.

When such a Service has none, after a moment, it gets the address it asks for or the next free one; its
finalizer goes with the Service. If MetalLB is installed as a Deployment, all of it happens only while
that is available. Addresses are from 192.0.2.0/24, which belongs to nobody: a client that follows one
reaches no machine of the real network.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    annotations_of,
    being_deleted,
    dig,
    finalizers_of,
    key_of,
    name_of,
    with_status_fields,
)
from runbook.practice.controllers.stages import Stage, Stages
from runbook.practice.controllers.writing import add_finalizer, drop_finalizer

FINALIZER = "service.kubernetes.io/load-balancer-cleanup"
DEPLOYMENTS = "deployments.apps"
METALLB = ("metallb-system", "controller")
ASKED_FOR = "metallb.universe.tf/loadBalancerIPs"
POOL = [f"192.0.2.{last}" for last in range(200, 251)]
MOMENT = 1.0


class LoadBalancers:
    """Watches Services, and MetalLB's own Deployment."""

    def __init__(self, cluster: Cluster, events: EventRecorder) -> None:
        self._cluster = cluster
        self._events = events
        self._stages = Stages(
            cluster.timeline,
            (
                Stage("release", _is_leaving, self._release),
                Stage("hold", _is_unheld, self._hold),
                Stage("assign", _is_unassigned, self._assign, after=MOMENT),
            ),
        )
        self.watches: Mapping[str, KeysOf] = {
            "services": lambda service: [key_of("services", service)],
            DEPLOYMENTS: self._all_if_metallb,
        }

    def _all_if_metallb(self, deployment: JSON) -> list[Key]:
        if (deployment["metadata"].get("namespace"), name_of(deployment)) != METALLB:
            return []
        return [key_of("services", service) for service in self._cluster.select("services")]

    async def reconcile(self, key: Key) -> float | None:
        service = self._cluster.get(*key)
        if service is None or not self._available():
            return None
        return await self._stages.step(service["metadata"]["uid"], service)

    def _available(self) -> bool:
        deployment = self._cluster.get(DEPLOYMENTS, *METALLB)
        replicas: int = dig(deployment, "status", "availableReplicas", default=0)
        return deployment is None or replicas > 0

    async def _release(self, service: JSON) -> None:
        await drop_finalizer(self._cluster, "services", service, FINALIZER)

    async def _hold(self, service: JSON) -> None:
        await add_finalizer(self._cluster, "services", service, FINALIZER)

    async def _assign(self, service: JSON) -> None:
        taken = {
            dig(other, "status", "loadBalancer", "ingress", 0, "ip")
            for other in self._cluster.select("services")
        }
        asked = annotations_of(service).get(ASKED_FOR) or dig(service, "spec", "loadBalancerIP")
        free = [address for address in ([asked] if asked else POOL) if address not in taken]
        if not free:
            why = f'"{asked}" is not available' if asked else "no available IPs"
            message = f'Failed to allocate IP for "{service["metadata"]["namespace"]}/{name_of(service)}": {why}'
            source = "metallb-controller"
            await self._events.record(service, "AllocationFailed", message, "Warning", source)
            return
        ingress = {"ingress": [{"ip": free[0], "ipMode": "VIP"}]}
        assigned = with_status_fields(service, loadBalancer=ingress)
        assigned = await self._cluster.update_status("services", assigned)
        message = f'Assigned IP ["{free[0]}"]'
        await self._events.record(assigned, "IPAllocated", message, source="metallb-controller")


def _balanced(service: JSON) -> bool:
    return bool(dig(service, "spec", "type") == "LoadBalancer")


def _is_leaving(service: JSON) -> bool:
    return FINALIZER in finalizers_of(service) and (
        being_deleted(service) or not _balanced(service)
    )


def _is_unheld(service: JSON) -> bool:
    held = FINALIZER in finalizers_of(service)
    return _balanced(service) and not held and not being_deleted(service)


def _is_unassigned(service: JSON) -> bool:
    assigned = dig(service, "status", "loadBalancer", "ingress")
    return _balanced(service) and not assigned and not being_deleted(service)
