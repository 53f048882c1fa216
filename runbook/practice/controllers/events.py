"""Events, as `kubectl describe` and `kubectl get events` show them.

Rule 1: repeating an event counts the earlier one up instead of adding another.
Rule 2: an event is a remark; one that cannot be written (its namespace is going) is dropped silently.
Rule 3: an event that nobody changed for an hour of simulated time is forgotten, whoever wrote it, as
by the real server.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Mapping
from typing import Literal

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.objects import dig, name_of, namespace_of

KEPT_FOR = 3600.0
SWEEP_EVERY = 300.0

Subject = tuple[str | None, str, str, str, str, str]
Place = tuple[str, str]  # namespace and name of an event


class EventRecorder:
    """Writes events through the API server, and removes all of them in time."""

    def __init__(self, cluster: Cluster, *, seed: int = 0) -> None:
        self._cluster = cluster
        self._random = random.Random(f"events {seed}")
        self._written: dict[Subject, Place] = {}
        self._subjects: dict[Place, Subject] = {}
        self._changed_at: dict[Place, float] = {}  # of every event; the oldest change comes first
        self._sweeping = False
        cluster.subscribe(self._note)

    async def record(
        self,
        obj: JSON,
        reason: str,
        message: str,
        type: Literal["Normal", "Warning"] = "Normal",  # noqa: A002 - the field's own name
        source: str = "kubelet",
        *,
        field_path: str = "",
        host: str = "",
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        """Remark on an object. `field_path` names a container, `host` the node that speaks."""
        uid = str(dig(obj, "metadata", "uid", default=""))
        subject = (namespace_of(obj), uid or name_of(obj), reason, message, source, field_path)
        try:
            if not await self._count_up(subject):
                event = self._event(obj, reason, message, type, source, path=field_path, host=host)
                if annotations:
                    event["metadata"]["annotations"] = dict(annotations)
                created = await self._cluster.create("events", event)
                place = (str(created["metadata"]["namespace"]), name_of(created))
                self._written[subject] = place
                self._subjects[place] = subject
        except ApiError:
            return  # the namespace is terminating, or the event was removed meanwhile

    async def _count_up(self, subject: Subject) -> bool:
        place = self._written.get(subject)
        live = self._cluster.get("events", *place) if place else None
        if place is None or live is None:
            return False
        stamp = self._cluster.timeline.stamp()
        again = {"count": int(live.get("count") or 1) + 1, "lastTimestamp": stamp}
        await self._cluster.patch("events", place[0], place[1], again)
        return True

    def _event(
        self, obj: JSON, reason: str, message: str, type_: str, source: str, *, path: str, host: str
    ) -> JSON:
        stamp = self._cluster.timeline.stamp()
        metadata = obj["metadata"]
        involved = {
            "apiVersion": obj["apiVersion"],
            "kind": obj["kind"],
            "name": metadata["name"],
            "namespace": metadata.get("namespace"),
            "uid": metadata.get("uid"),
            "resourceVersion": metadata.get("resourceVersion"),
            "fieldPath": path,
        }
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {
                "name": f"{metadata['name']}.{self._random.getrandbits(64):016x}",
                "namespace": metadata.get("namespace") or "default",
            },
            "involvedObject": {field: value for field, value in involved.items() if value},
            "reason": reason,
            **({"message": message} if message else {}),
            "type": type_,
            "count": 1,
            "firstTimestamp": stamp,
            "lastTimestamp": stamp,
            "source": {"component": source, "host": host} if host else {"component": source},
            "reportingComponent": source,
            "reportingInstance": host,
        }

    def _note(self, change: Change) -> None:
        if change.resource != "events":
            return
        place = (str(change.new["metadata"]["namespace"]), name_of(change.new))
        self._changed_at.pop(place, None)
        if change.type != "DELETED":
            self._changed_at[place] = self._cluster.timeline.elapsed()
            self._arm()
        elif (subject := self._subjects.pop(place, None)) is not None:
            del self._written[subject]

    def _arm(self) -> None:
        if not self._sweeping:
            self._sweeping = True
            self._cluster.timeline.after(SWEEP_EVERY, self._sweep)

    async def _sweep(self) -> None:
        """Remove what nobody changed for an hour."""
        horizon = self._cluster.timeline.elapsed() - KEPT_FOR
        due = list(itertools.takewhile(lambda known: known[1] <= horizon, self._changed_at.items()))
        for (namespace, name), _ in due:
            try:
                await self._cluster.delete("events", namespace, name)
            except ApiError:
                continue  # gone already, with its namespace
        self._sweeping = False
        if self._changed_at:
            self._arm()
