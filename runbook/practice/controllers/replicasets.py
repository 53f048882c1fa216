"""ReplicaSets and ReplicationControllers: as many pods as wanted, no more, no fewer.

When pods are missing, they are created; when there are too many, those go first that are least
useful: not placed, not ready, youngest. Pods are recognised by owner reference and adopted by label.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_key,
    controller_of,
    dig,
    key_of,
    labels_of,
    matches,
    name_of,
    namespace_of,
    with_condition,
)
from runbook.practice.controllers.templates import (
    claim,
    is_active,
    is_ready,
    new_pod,
    random_suffix,
)
from runbook.practice.controllers.writing import delete_if_there, write_status


@dataclass(frozen=True, slots=True)
class Kind:
    """What is the same but for its name, and for how it selects."""

    resource: str
    name: str
    source: str

    def selector(self, obj: JSON) -> JSON:
        """As a selector of labels and expressions; the older kind has labels only."""
        found: JSON = dig(obj, "spec", "selector", default={})
        return found if self is REPLICA_SETS else {"matchLabels": found}


REPLICASETS = "replicasets.apps"
REPLICA_SETS = Kind(REPLICASETS, "ReplicaSet", "replicaset-controller")
REPLICATION_CONTROLLERS = Kind(
    "replicationcontrollers", "ReplicationController", "replication-controller"
)


class ReplicaSets:
    """Watches ReplicaSets, or another kind that is the same, and the pods they own or could adopt."""

    def __init__(
        self, cluster: Cluster, events: EventRecorder, kind: Kind = REPLICA_SETS, *, seed: int = 0
    ) -> None:
        self._cluster = cluster
        self._events = events
        self._kind = kind
        self._random = random.Random(f"{kind.resource.partition('.')[0]} {seed}")
        self.watches: Mapping[str, KeysOf] = {
            kind.resource: lambda replica_set: [key_of(kind.resource, replica_set)],
            "pods": self._of_pod,
        }

    def _of_pod(self, pod: JSON) -> Iterable[Key]:
        if controller_of(pod) is not None:
            return controller_key(pod, self._kind.name, self._kind.resource)
        return [
            key_of(self._kind.resource, candidate)
            for candidate in self._cluster.select(self._kind.resource, namespace_of(pod))
            if matches(self._kind.selector(candidate), labels_of(pod))
        ]

    async def reconcile(self, key: Key) -> None:
        replica_set = self._cluster.get(*key)
        if replica_set is None:
            return
        selector = self._kind.selector(replica_set)
        pods = await claim(self._cluster, "pods", replica_set, selector)
        active = [pod for pod in pods if is_active(pod)]
        refusal: ApiError | None = None
        if not being_deleted(replica_set):
            refusal = await self._scale(replica_set, active)
        await self._report(key, refusal)
        if refusal is not None:
            raise refusal  # the queue tries again, ever later

    async def _scale(self, replica_set: JSON, active: list[JSON]) -> ApiError | None:
        """Create or delete the difference; a refused creation is returned."""
        wanted = int(dig(replica_set, "spec", "replicas", default=1))
        for _ in range(wanted - len(active)):
            try:
                await self._create(replica_set)
            except ApiError as refusal:
                message = f"Error creating: {refusal.message}"
                await self._events.record(
                    replica_set, "FailedCreate", message, "Warning", self._kind.source
                )
                return refusal
        if len(active) <= wanted:
            return None
        for pod in sorted(active, key=_usefulness)[: len(active) - wanted]:
            await delete_if_there(self._cluster, "pods", pod)
            message = f"Deleted pod: {name_of(pod)}"
            await self._events.record(
                replica_set, "SuccessfulDelete", message, source=self._kind.source
            )
        return None

    async def _create(self, replica_set: JSON) -> None:
        prefix = f"{name_of(replica_set)}-"
        name = prefix + random_suffix(self._random)
        pod = new_pod(replica_set, replica_set["spec"]["template"], name, generate_name=prefix)
        await self._cluster.create("pods", pod)
        message = f"Created pod: {name}"
        await self._events.record(
            replica_set, "SuccessfulCreate", message, source=self._kind.source
        )

    async def _report(self, key: Key, refusal: ApiError | None) -> None:
        live = self._cluster.get(*key)
        if live is None:
            return
        owned = [
            pod
            for _, pod in self._cluster.owned_by(live["metadata"]["uid"])
            if pod["kind"] == "Pod" and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}
        ]
        pods = [pod for pod in owned if is_active(pod)]
        template_labels = dig(live, "spec", "template", "metadata", "labels", default={})
        labelled = [pod for pod in pods if template_labels.items() <= labels_of(pod).items()]
        ready = sum(is_ready(pod) for pod in pods)
        counts = {
            "fullyLabeledReplicas": len(labelled),
            "readyReplicas": ready,
            "availableReplicas": ready,
        }
        status: JSON = {
            "replicas": len(pods),
            **{field: count for field, count in counts.items() if count},
            "observedGeneration": live["metadata"].get("generation", 1),
        }
        if self._kind is REPLICA_SETS:
            status["terminatingReplicas"] = len(owned) - len(pods)
        known = dig(live, "status", "conditions", default=[])
        if refusal is not None and any(c["type"] == "ReplicaFailure" for c in known):
            # The first refusal stays: each names another pod, and a status that changed with
            # every try would itself cause the next one.
            status["conditions"] = known
        elif refusal is not None:
            status["conditions"] = with_condition(
                known,
                "ReplicaFailure",
                status=True,
                now=self._cluster.timeline.stamp(),
                reason="FailedCreate",
                message=refusal.message,
            )
        await write_status(self._cluster, self._kind.resource, live, status)


def _usefulness(pod: JSON) -> tuple[bool, bool, list[int]]:
    """Sorts the pod that is missed least to the front; among equals the youngest."""
    created = pod["metadata"].get("creationTimestamp") or ""
    youth = [-ord(character) for character in created]
    return bool(dig(pod, "spec", "nodeName")), is_ready(pod), youth
