"""The DaemonSet controller: one pod on every node that fits.

When a node lacks its pod it gets one, placed there directly; when the template is new, outdated pods
are replaced one by one (unless the strategy is OnDelete).
"""

from __future__ import annotations

import random
from collections.abc import Mapping

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
)
from runbook.practice.controllers.revisions import HASH_LABEL, current_revision, prune_revisions
from runbook.practice.controllers.scheduler import unfit
from runbook.practice.controllers.templates import claim, is_ready, new_pod, random_suffix
from runbook.practice.controllers.writing import delete_if_there, write_status

DAEMONSETS = "daemonsets.apps"
SOURCE = "daemonset-controller"
EVERYWHERE = [
    {"key": f"node.kubernetes.io/{what}", "operator": "Exists", "effect": effect}
    for what, effect in (
        ("not-ready", "NoExecute"),
        ("unreachable", "NoExecute"),
        ("disk-pressure", "NoSchedule"),
        ("memory-pressure", "NoSchedule"),
        ("pid-pressure", "NoSchedule"),
        ("unschedulable", "NoSchedule"),
    )
]


class DaemonSets:
    """Watches DaemonSets, their pods and the nodes."""

    def __init__(self, cluster: Cluster, events: EventRecorder, *, seed: int = 0) -> None:
        self._cluster = cluster
        self._events = events
        self._random = random.Random(f"daemonsets {seed}")
        self.watches: Mapping[str, KeysOf] = {
            DAEMONSETS: lambda daemon_set: [key_of(DAEMONSETS, daemon_set)],
            "pods": lambda pod: controller_key(pod, "DaemonSet", DAEMONSETS),
            "nodes": lambda _: [key_of(DAEMONSETS, one) for one in cluster.select(DAEMONSETS)],
        }

    async def reconcile(self, key: Key) -> None:
        daemon_set = self._cluster.get(*key)
        if daemon_set is None or being_deleted(daemon_set):
            return
        revision = await current_revision(self._cluster, daemon_set)
        pods = await claim(self._cluster, "pods", daemon_set, daemon_set["spec"]["selector"])
        nodes = self._fitting(daemon_set)
        placed = {dig(pod, "spec", "nodeName"): pod for pod in pods}
        for node in nodes:
            if node not in placed:
                await self._create(daemon_set, node, revision)
        for node, pod in placed.items():
            finished = dig(pod, "status", "phase") in {"Failed", "Succeeded"}
            if (node not in nodes or finished) and not being_deleted(pod):
                await self._delete(daemon_set, pod)
        await self._update(daemon_set, placed, revision)
        await self._report(key, nodes, revision)

    def _fitting(self, daemon_set: JSON) -> list[str]:
        template = daemon_set["spec"]["template"]
        tolerations = [*dig(template, "spec", "tolerations", default=[]), *EVERYWHERE]
        pod = {**template, "spec": {**template["spec"], "tolerations": tolerations}}
        nodes = self._cluster.select("nodes")
        uncordoned = [
            {**node, "spec": {**(node.get("spec") or {}), "unschedulable": False}} for node in nodes
        ]
        return [name_of(node) for node in uncordoned if unfit(node, pod) is None]

    async def _create(self, daemon_set: JSON, node: str, revision: str) -> None:
        prefix = f"{name_of(daemon_set)}-"
        name = prefix + random_suffix(self._random)
        pod = new_pod(daemon_set, daemon_set["spec"]["template"], name, generate_name=prefix)
        pod["metadata"].setdefault("labels", {})[HASH_LABEL] = revision
        pod["spec"]["nodeName"] = node
        pod["spec"]["tolerations"] = [*dig(pod, "spec", "tolerations", default=[]), *EVERYWHERE]
        await self._cluster.create("pods", pod)
        message = f"Created pod: {name}"
        await self._events.record(daemon_set, "SuccessfulCreate", message, source=SOURCE)

    async def _delete(self, daemon_set: JSON, pod: JSON) -> None:
        await delete_if_there(self._cluster, "pods", pod)
        message = f"Deleted pod: {name_of(pod)}"
        await self._events.record(daemon_set, "SuccessfulDelete", message, source=SOURCE)

    async def _update(self, daemon_set: JSON, placed: dict[str, JSON], revision: str) -> None:
        """Replace one outdated pod while no other is unavailable."""
        if dig(daemon_set, "spec", "updateStrategy", "type") == "OnDelete":
            return
        outdated = [p for p in placed.values() if labels_of(p).get(HASH_LABEL) != revision]
        fresh = [pod for pod in placed.values() if pod not in outdated]
        if outdated and all(map(is_ready, fresh)):
            unready = [pod for pod in outdated if not is_ready(pod)]
            chosen = (unready or outdated)[0]
            if not being_deleted(chosen):
                await self._delete(daemon_set, chosen)

    async def _report(self, key: Key, nodes: list[str], revision: str) -> None:
        daemon_set = self._cluster.get(*key)
        if daemon_set is None:
            return
        owned = self._cluster.owned_by(daemon_set["metadata"]["uid"])
        pods = [obj for resource, obj in owned if resource == "pods" and not being_deleted(obj)]
        right = [pod for pod in pods if dig(pod, "spec", "nodeName") in nodes]
        ready = sum(is_ready(pod) for pod in right)
        counts = {
            "updatedNumberScheduled": sum(labels_of(p).get(HASH_LABEL) == revision for p in right),
            "numberAvailable": ready,
            "numberUnavailable": len(nodes) - ready,
        }
        status: JSON = {
            "currentNumberScheduled": len(right),
            "numberMisscheduled": len(pods) - len(right),
            "desiredNumberScheduled": len(nodes),
            "numberReady": ready,
            "observedGeneration": daemon_set["metadata"].get("generation", 1),
            **{field: count for field, count in counts.items() if count},
        }
        await write_status(self._cluster, DAEMONSETS, daemon_set, status)
        if ready == len(nodes) == counts["updatedNumberScheduled"]:
            await prune_revisions(self._cluster, daemon_set, used={revision})
