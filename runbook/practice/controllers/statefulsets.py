"""The StatefulSet controller: pods with stable names and volumes of their own.

When pod *i* is missing, its claims are made and then the pod: in order and one at a time under
`OrderedReady`, all at once under `Parallel`. When there are too many, the highest goes first. When the
template is new, outdated pods are deleted from the highest down, each replaced before the next goes.
Claims outlive the set unless its retention policy says otherwise.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_key,
    dig,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    owner_reference,
)
from runbook.practice.controllers.revisions import HASH_LABEL, current_revision, prune_revisions
from runbook.practice.controllers.templates import claim, is_ready, new_pod
from runbook.practice.controllers.writing import delete_if_there, write_status

STATEFULSETS = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"
SOURCE = "statefulset-controller"


class StatefulSets:
    """Watches StatefulSets and their pods."""

    def __init__(self, cluster: Cluster, events: EventRecorder) -> None:
        self._cluster = cluster
        self._events = events
        self.watches: Mapping[str, KeysOf] = {
            STATEFULSETS: lambda stateful_set: [key_of(STATEFULSETS, stateful_set)],
            "pods": lambda pod: controller_key(pod, "StatefulSet", STATEFULSETS),
        }

    async def reconcile(self, key: Key) -> None:
        stateful_set = self._cluster.get(*key)
        if stateful_set is None or being_deleted(stateful_set):
            return
        revision = await current_revision(self._cluster, stateful_set)
        selector = stateful_set["spec"]["selector"]
        claimed = await claim(self._cluster, "pods", stateful_set, selector)
        pods = {ordinal: pod for pod in claimed if (ordinal := _ordinal(stateful_set, pod)) >= 0}
        refusal: ApiError | None = None
        try:
            await self._scale(stateful_set, pods, revision)
        except ApiError as error:
            refusal = error
        await self._report(key, revision)
        if refusal is not None:
            raise refusal  # the queue tries again, ever later

    async def _scale(self, stateful_set: JSON, pods: dict[int, JSON], revision: str) -> None:
        """One round of what the number and the template ask for."""
        parallel = dig(stateful_set, "spec", "podManagementPolicy") == "Parallel"
        start = int(dig(stateful_set, "spec", "ordinals", "start", default=0))
        wanted = range(start, start + int(dig(stateful_set, "spec", "replicas", default=1)))
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is not None and dig(pod, "status", "phase") in {"Failed", "Succeeded"}:
                await delete_if_there(self._cluster, "pods", pod)
                return
            if pod is None:
                await self._create(stateful_set, ordinal, revision)
            if not parallel and (pod is None or not is_ready(pod)):
                return
        for ordinal in sorted(pods.keys() - set(wanted), reverse=True):
            await self._delete(stateful_set, pods[ordinal])
            if not parallel:
                return
        await self._update(stateful_set, pods, revision)

    async def _update(self, stateful_set: JSON, pods: dict[int, JSON], revision: str) -> None:
        """Replace one outdated pod, when all others are ready."""
        strategy = dig(stateful_set, "spec", "updateStrategy", default={})
        if strategy.get("type") == "OnDelete":
            return
        partition = int(dig(strategy, "rollingUpdate", "partition", default=0))
        for ordinal in sorted(pods, reverse=True):
            pod = pods[ordinal]
            if labels_of(pod).get(HASH_LABEL) != revision and ordinal >= partition:
                if not being_deleted(pod):
                    await self._delete(stateful_set, pod)
                return
            if not is_ready(pod):
                return

    async def _create(self, stateful_set: JSON, ordinal: int, revision: str) -> None:
        name = f"{name_of(stateful_set)}-{ordinal}"
        pod = new_pod(stateful_set, stateful_set["spec"]["template"], name)
        pod["metadata"].setdefault("labels", {}).update(
            {
                "apps.kubernetes.io/pod-index": str(ordinal),
                HASH_LABEL: revision,
                "statefulset.kubernetes.io/pod-name": name,
            }
        )
        pod["spec"]["hostname"] = name
        if service := dig(stateful_set, "spec", "serviceName"):
            pod["spec"]["subdomain"] = service
        for template in dig(stateful_set, "spec", "volumeClaimTemplates", default=[]):
            await self._give_claim(stateful_set, pod, template)
        try:
            await self._cluster.create("pods", pod)
        except ApiError as refusal:
            message = f"Create Pod {name} in StatefulSet {name_of(stateful_set)} failed error: {refusal.message}"
            await self._events.record(stateful_set, "FailedCreate", message, "Warning", SOURCE)
            raise
        message = f"Create Pod {name} in StatefulSet {name_of(stateful_set)} successful"
        await self._events.record(stateful_set, "SuccessfulCreate", message, source=SOURCE)

    async def _give_claim(self, stateful_set: JSON, pod: JSON, template: JSON) -> None:
        """The pod's own claim: made if it is not there from an earlier life, and mounted."""
        volume = name_of(template)
        claim_name = f"{volume}-{name_of(pod)}"
        others = [v for v in pod["spec"].get("volumes") or [] if v["name"] != volume]
        mount = {"name": volume, "persistentVolumeClaim": {"claimName": claim_name}}
        pod["spec"]["volumes"] = [*others, mount]
        namespace = namespace_of(stateful_set)
        if self._cluster.get(CLAIMS, namespace, claim_name) is not None:
            return
        fresh: JSON = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {
                **copy.deepcopy(template["metadata"]),
                "name": claim_name,
                "namespace": namespace,
            },
            "spec": copy.deepcopy(template["spec"]),
        }
        matching = dig(stateful_set, "spec", "selector", "matchLabels", default={})
        fresh["metadata"]["labels"] = {**labels_of(template), **matching}
        retention = "persistentVolumeClaimRetentionPolicy"
        if dig(stateful_set, "spec", retention, "whenDeleted") == "Delete":
            fresh["metadata"]["ownerReferences"] = [owner_reference(stateful_set)]
        await self._cluster.create(CLAIMS, fresh)
        message = (
            f"create Claim {claim_name} Pod {name_of(pod)} in "
            f"StatefulSet {name_of(stateful_set)} success"
        )
        await self._events.record(stateful_set, "SuccessfulCreate", message, source=SOURCE)

    async def _delete(self, stateful_set: JSON, pod: JSON) -> None:
        if being_deleted(pod):
            return
        await delete_if_there(self._cluster, "pods", pod)
        message = f"Delete Pod {name_of(pod)} in StatefulSet {name_of(stateful_set)} successful"
        await self._events.record(stateful_set, "SuccessfulDelete", message, source=SOURCE)

    async def _report(self, key: Key, revision: str) -> None:
        stateful_set = self._cluster.get(*key)
        if stateful_set is None:
            return
        owned = self._cluster.owned_by(stateful_set["metadata"]["uid"])
        pods = [obj for resource, obj in owned if resource == "pods"]
        wanted = int(dig(stateful_set, "spec", "replicas", default=1))
        ready = sum(is_ready(pod) for pod in pods)
        updated = sum(labels_of(pod).get(HASH_LABEL) == revision for pod in pods)
        earlier = dig(stateful_set, "status", "currentRevision", default=revision)
        done = updated == len(pods) == wanted and ready == wanted
        current = revision if done else earlier
        counts = {
            "currentReplicas": sum(labels_of(pod).get(HASH_LABEL) == current for pod in pods),
            "readyReplicas": ready,
            "updatedReplicas": updated,
        }
        status: JSON = {
            "observedGeneration": stateful_set["metadata"].get("generation", 1),
            "replicas": len(pods),
            "availableReplicas": ready,
            **{field: count for field, count in counts.items() if count},
            "currentRevision": current,
            "updateRevision": revision,
            "collisionCount": 0,
        }
        await write_status(self._cluster, STATEFULSETS, stateful_set, status)
        if done:
            await prune_revisions(self._cluster, stateful_set, used={revision})


def _ordinal(stateful_set: JSON, pod: JSON) -> int:
    """The pod's number in the set; -1 when its name is not of the set's."""
    prefix, _, number = name_of(pod).rpartition("-")
    return int(number) if prefix == name_of(stateful_set) and number.isdecimal() else -1
