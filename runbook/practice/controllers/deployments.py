"""The Deployment controller: one ReplicaSet per template, replicas moved over at a safe pace.

When the template is new, a ReplicaSet is made for it (or an earlier one of the same template taken
again, under the next revision). A rolling update scales the new one up within maxSurge and old ones
down within maxUnavailable; Recreate empties the old ones first.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.deployment_status import deployment_status
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    annotations_of,
    being_deleted,
    controller_key,
    controller_of,
    dig,
    key_of,
    labels_of,
    matches,
    name_of,
    namespace_of,
    owner_reference,
)
from runbook.practice.controllers.replicasets import REPLICASETS
from runbook.practice.controllers.templates import claim, template_hash
from runbook.practice.controllers.writing import annotate, delete_if_there, write_status

DEPLOYMENTS = "deployments.apps"
REVISION = "deployment.kubernetes.io/revision"
_HISTORY = "deployment.kubernetes.io/revision-history"
_DESIRED, _MAXIMUM = (
    f"deployment.kubernetes.io/{one}" for one in ("desired-replicas", "max-replicas")
)
# What a ReplicaSet says of itself; every other annotation of the Deployment is repeated on it.
_NOT_REPEATED = frozenset(
    [
        *(REVISION, _HISTORY, _DESIRED, _MAXIMUM),
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
    ]
)
HASH_LABEL = "pod-template-hash"
SOURCE = "deployment-controller"


class Deployments:
    """Watches Deployments and their ReplicaSets."""

    def __init__(self, cluster: Cluster, events: EventRecorder) -> None:
        self._cluster = cluster
        self._events = events
        self._progress: dict[str, tuple[JSON, float]] = {}  # uid -> counts, when they last moved
        self.watches: Mapping[str, KeysOf] = {
            DEPLOYMENTS: lambda deployment: [key_of(DEPLOYMENTS, deployment)],
            REPLICASETS: self._of_replica_set,
            "pods": self._of_vanished_pod,
        }

    def _of_replica_set(self, replica_set: JSON) -> Iterable[Key]:
        if controller_of(replica_set) is not None:
            return controller_key(replica_set, "Deployment", DEPLOYMENTS)
        return [
            key_of(DEPLOYMENTS, candidate)
            for candidate in self._cluster.select(DEPLOYMENTS, namespace_of(replica_set))
            if matches(dig(candidate, "spec", "selector"), labels_of(replica_set))
        ]

    def _of_vanished_pod(self, pod: JSON) -> Iterable[Key]:
        """Recreate waits for the last old pod, whose end changes nothing in its ReplicaSet."""
        if self._cluster.get("pods", namespace_of(pod), name_of(pod)) is not None:
            return []
        for key in controller_key(pod, "ReplicaSet", REPLICASETS):
            if replica_set := self._cluster.get(*key):
                return self._of_replica_set(replica_set)
        return []

    async def reconcile(self, key: Key) -> float | None:
        deployment = self._cluster.get(*key)
        if deployment is None or being_deleted(deployment):
            return None
        selector = deployment["spec"]["selector"]
        sets = await claim(self._cluster, REPLICASETS, deployment, selector)
        sets = [replica_set for replica_set in sets if not being_deleted(replica_set)]
        current = _of_template(sets, deployment["spec"]["template"])
        created = current is None
        if not deployment["spec"].get("paused"):
            if current is None:
                current = await self._create(deployment, sets)
                sets.append(current)
            await self._number(deployment, current, sets)
            await self._roll(deployment, current, [one for one in sets if one is not current])
            await self._prune(deployment, current, sets)
        return await self._report(key, current, created=created)

    async def _create(self, deployment: JSON, sets: list[JSON]) -> JSON:
        """The ReplicaSet of a template that has none yet, at first with as many pods as may be."""
        template = copy.deepcopy(deployment["spec"]["template"])
        hashed = template_hash(template)
        labels = template.setdefault("metadata", {}).setdefault("labels", {})
        labels[HASH_LABEL] = hashed
        selector = copy.deepcopy(deployment["spec"]["selector"])
        selector.setdefault("matchLabels", {})[HASH_LABEL] = hashed
        replicas = _room(deployment, sets)
        created = await self._cluster.create(
            REPLICASETS,
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "metadata": {
                    "name": f"{name_of(deployment)}-{hashed}",
                    "namespace": namespace_of(deployment),
                    "labels": dict(labels),
                    "annotations": {
                        **_repeated(deployment),
                        **_sizes(deployment),
                        REVISION: str(_last_revision(sets) + 1),
                    },
                    "ownerReferences": [owner_reference(deployment)],
                },
                "spec": {"replicas": replicas, "selector": selector, "template": template},
            },
        )
        await self._say_scaled(deployment, created, 0, replicas)
        return created

    async def _number(self, deployment: JSON, current: JSON, sets: list[JSON]) -> None:
        """The current template has the highest revision: after an undo, the next one."""
        others = [one for one in sets if one is not current]
        known = annotations_of(current)
        revision = int(known.get(REVISION, "0"))
        wanted: dict[str, str | None] = {**_repeated(deployment)}
        if revision <= _last_revision(others):
            if revision:
                earlier = [known[_HISTORY]] if _HISTORY in known else []
                wanted[_HISTORY] = ",".join([*earlier, str(revision)])
            revision = _last_revision(others) + 1
            wanted[REVISION] = str(revision)
        if any(known.get(name) != value for name, value in wanted.items()):
            await annotate(self._cluster, REPLICASETS, current, wanted)
        if annotations_of(deployment).get(REVISION) != str(revision):
            await annotate(self._cluster, DEPLOYMENTS, deployment, {REVISION: str(revision)})

    async def _roll(self, deployment: JSON, current: JSON, old: list[JSON]) -> None:
        wanted = _replicas(deployment)
        if dig(deployment, "spec", "strategy", "type") == "Recreate":
            for replica_set in old:
                await self._scale(deployment, replica_set, 0)
            if not any(map(self._has_pods, old)):
                await self._scale(deployment, current, wanted)
            return
        if _replicas(current) > wanted:
            await self._scale(deployment, current, wanted)
        elif _replicas(current) < wanted:
            room = _room(deployment, [current, *old])
            await self._scale(deployment, current, min(wanted, _replicas(current) + room))
        await self._retire(deployment, current, old)

    def _has_pods(self, replica_set: JSON) -> bool:
        """Also pods that are still stopping count: Recreate means never two versions at once."""
        owned = self._cluster.owned_by(replica_set["metadata"]["uid"])
        return any(resource == "pods" for resource, _ in owned)

    async def _retire(self, deployment: JSON, current: JSON, old: list[JSON]) -> None:
        """Scale old ReplicaSets down: unready pods are free, ready ones while enough are available.

        The budget is counted over wanted pods, because what was just scaled still looks available.
        """
        _, unavailable = _pace(deployment)
        least = _replicas(deployment) - unavailable
        not_yet = max(0, _replicas(current) - _available(current))
        budget = sum(map(_replicas, [current, *old])) - least - not_yet
        spare = max(0, sum(map(_available, [current, *old])) - least)
        for replica_set in sorted(old, key=lambda one: one["metadata"]["creationTimestamp"]):
            replicas = _replicas(replica_set)
            unready = max(0, replicas - _available(replica_set))
            step = min(replicas, budget, unready + spare)
            if step > 0:
                budget -= step
                spare -= max(0, step - unready)
                await self._scale(deployment, replica_set, replicas - step)

    async def _scale(self, deployment: JSON, replica_set: JSON, replicas: int) -> None:
        before = _replicas(replica_set)
        if before == replicas:
            return
        namespace, name = namespace_of(replica_set), name_of(replica_set)
        patch = {
            "metadata": {"annotations": _sizes(deployment)},
            "spec": {"replicas": replicas},
        }
        await self._cluster.patch(REPLICASETS, namespace, name, patch)
        await self._say_scaled(deployment, replica_set, before, replicas)

    async def _say_scaled(
        self, deployment: JSON, replica_set: JSON, before: int, after: int
    ) -> None:
        if before == after:
            return
        direction = "up" if after > before else "down"
        message = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {after}"
        await self._events.record(deployment, "ScalingReplicaSet", message, source=SOURCE)

    async def _prune(self, deployment: JSON, current: JSON, sets: list[JSON]) -> None:
        """Empty ReplicaSets beyond the history limit go, the oldest revisions first."""
        limit = int(dig(deployment, "spec", "revisionHistoryLimit", default=10))
        empty = [
            one
            for one in sets
            if one is not current
            and not _replicas(one)
            and not dig(one, "status", "replicas", default=0)
        ]
        for replica_set in sorted(empty, key=_revision)[: max(0, len(empty) - limit)]:
            await delete_if_there(self._cluster, REPLICASETS, replica_set)

    async def _report(self, key: Key, current: JSON | None, *, created: bool) -> float | None:
        """Write the status; come back when progress would be overdue."""
        deployment = self._cluster.get(*key)
        if deployment is None:
            return None
        owned = self._cluster.owned_by(deployment["metadata"]["uid"])
        sets = [obj for resource, obj in owned if resource == REPLICASETS]
        if current is not None:
            current = next((one for one in sets if name_of(one) == name_of(current)), None)
        now = self._cluster.timeline.elapsed()
        uid = deployment["metadata"]["uid"]
        counts, moved = self._progress.get(uid, ({}, now))
        deadline = float(dig(deployment, "spec", "progressDeadlineSeconds", default=600))
        status, complete = deployment_status(
            deployment,
            current,
            sets,
            now=self._cluster.timeline.stamp(),
            overdue=now - moved >= deadline,
            created=created,
        )
        fresh = {field: value for field, value in status.items() if field != "conditions"}
        if fresh != counts:
            moved = now
            self._progress[uid] = (fresh, moved)
        await write_status(self._cluster, DEPLOYMENTS, deployment, status)
        if complete or now - moved >= deadline:
            self._progress.pop(uid, None) if complete else None
            return None
        return moved + deadline - now


def _of_template(sets: list[JSON], template: JSON) -> JSON | None:
    """The ReplicaSet made for this template; its hash label is the only difference."""
    for replica_set in sets:
        made_for = copy.deepcopy(replica_set["spec"]["template"])
        made_for.get("metadata", {}).get("labels", {}).pop(HASH_LABEL, None)
        if made_for == template:
            return replica_set
    hashed = template_hash(template)
    return next((one for one in sets if labels_of(one).get(HASH_LABEL) == hashed), None)


def _repeated(deployment: JSON) -> dict[str, str]:
    """Annotations that a ReplicaSet takes over, the cause of the change among them."""
    return {
        name: value
        for name, value in annotations_of(deployment).items()
        if name not in _NOT_REPEATED
    }


def _sizes(deployment: JSON) -> dict[str, str]:
    wanted = _replicas(deployment)
    rolling = dig(deployment, "spec", "strategy", "type") != "Recreate"
    surge = _pace(deployment)[0] if rolling else 0
    return {_DESIRED: str(wanted), _MAXIMUM: str(wanted + surge)}


def _replicas(obj: JSON) -> int:
    return int(dig(obj, "spec", "replicas", default=1))


def _available(replica_set: JSON) -> int:
    return int(dig(replica_set, "status", "availableReplicas", default=0))


def _revision(replica_set: JSON) -> int:
    return int(annotations_of(replica_set).get(REVISION, "0"))


def _last_revision(sets: list[JSON]) -> int:
    return max(map(_revision, sets), default=0)


def _pace(deployment: JSON) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers of pods; never both zero."""
    rolling = dig(deployment, "spec", "strategy", "rollingUpdate", default={})
    wanted = _replicas(deployment)
    surge = _share(rolling.get("maxSurge", "25%"), wanted, round_up=True)
    unavailable = _share(rolling.get("maxUnavailable", "25%"), wanted, round_up=False)
    return (surge, unavailable) if surge or unavailable else (0, 1)


def _share(value: int | str, of: int, *, round_up: bool) -> int:
    if isinstance(value, str) and value.endswith("%"):
        exact = int(value[:-1]) * of / 100
        return math.ceil(exact) if round_up else math.floor(exact)
    return int(value)


def _room(deployment: JSON, sets: list[JSON]) -> int:
    """How many pods may be added now."""
    wanted = _replicas(deployment)
    others = [one for one in sets if _replicas(one)]
    if dig(deployment, "spec", "strategy", "type") == "Recreate":
        return 0 if others else wanted
    surge, _ = _pace(deployment)
    ceiling = wanted + (surge if others else 0)
    return min(wanted, max(0, ceiling - sum(map(_replicas, sets))))
