"""Reads what the decision about hanging finalizers rests on: one look at a namespace.

What may not be read is said in `Sight.unread`, so that nothing is taken for absent that was only
hidden. A kind that the cluster does not serve has no objects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from runbook.clock import Clock
from runbook.target.api import JSON, ApiStatusError, UnknownResource
from runbook.target.client import ClusterClient
from runbook.target.finalizers import ELSEWHERE, NAMESPACE, SCHEDULER, Held, Leaving, Sight
from runbook.target.rows import timestamp

GROUP = "mlops.seldon.io"
RUNTIMES, SERVERS = f"seldonruntimes.{GROUP}", f"servers.{GROUP}"
HOLDING = (f"experiments.{GROUP}", f"pipelines.{GROUP}", f"models.{GROUP}", RUNTIMES)
"""The resources whose objects Seldon's operator puts finalizers on."""
SCHEDULER_POD = re.compile(rf"{SCHEDULER}-\d+")
SCHEDULER_CLAIM = re.compile(rf".+-{SCHEDULER}-\d+")
"""A stateful set calls its claims TEMPLATE-POD."""
NAME_LABEL, SERVER_LABEL = "app.kubernetes.io/name", "seldon-server-name"
ENDED = ("Succeeded", "Failed")
"""Phases of a pod in which nothing runs in it, and nothing will again."""


@dataclass(slots=True)
class _Reader:
    """Lists what may be listed, and notes what may not."""

    client: ClusterClient
    unread: dict[str, str] = field(default_factory=dict)

    async def list(
        self, name: str, namespace: str | None, what: str, *, selector: str = ""
    ) -> tuple[tuple[JSON, ...], str]:
        """The objects and their kind."""
        try:
            resource = await self.client.resolve(name)
            found = await self.client.list(resource, namespace, label_selector=selector)
        except UnknownResource:
            return (), ""
        except ApiStatusError as error:
            if not error.says_absent:
                self.unread.setdefault(what, error.message)
            return (), ""
        return found.items, resource.kind


async def look(client: ClusterClient, namespace: str, clock: Clock) -> Sight:
    """One look. Raises TargetUnreachable when nobody answers."""
    reader = _Reader(client)
    home = await _namespace(reader, namespace)
    held: list[Held] = []
    runtimes: tuple[JSON, ...] = ()
    for name in HOLDING:
        items, kind = await reader.list(name, namespace, name)
        held += [held_of(name, kind, item) for item in items if _finalizers(item)]
        runtimes = items if name == RUNTIMES else runtimes
    servers, _ = await reader.list(SERVERS, namespace, SERVERS)
    claims, _ = await reader.list("persistentvolumeclaims", namespace, "volume claims")
    services, _ = await reader.list("services", namespace, "services")
    pods, _ = await reader.list("pods", namespace, "pods")
    schedulers = tuple(_leaving(pod) for pod in pods if _is_scheduler(pod))
    volumes = tuple(_leaving(one) for one in claims if SCHEDULER_CLAIM.fullmatch(_name(one)))
    elsewhere = await _elsewhere(reader, namespace)
    return Sight(
        namespace=namespace,
        now=clock.now() + timedelta(seconds=client.clock_ahead),
        exists=home is not None,
        deleting_since=timestamp(_metadata(home or {}).get("deletionTimestamp")),
        held=tuple(held),
        schedulers=schedulers,
        server_pods=tuple(_leaving(pod) for pod in pods if _is_server(pod)),
        claims=volumes,
        servers=tuple(_name(one) for one in servers),
        runtimes=tuple(_name(one) for one in runtimes if not _is_leaving(one)),
        has_own=bool(schedulers or volumes),
        alias=_alias(services, namespace),
        elsewhere=elsewhere,
        unread=dict(reader.unread),
    )


async def _namespace(reader: _Reader, name: str) -> JSON | None:
    """The namespace; None when there is none, or when it may not be read."""
    try:
        return await reader.client.get(f"/api/v1/namespaces/{quote(name, safe='')}")
    except ApiStatusError as error:
        if not error.says_absent:
            reader.unread[NAMESPACE] = error.message
            return {}
    return None


async def _elsewhere(reader: _Reader, namespace: str) -> tuple[str, ...]:
    selector = f"{NAME_LABEL}={SCHEDULER}"
    pods, _ = await reader.list("pods", None, ELSEWHERE, selector=selector)
    runtimes, _ = await reader.list(RUNTIMES, None, ELSEWHERE)
    living = [one for one in (*pods, *runtimes) if not _is_leaving(one)]
    there = {str(_metadata(one).get("namespace", "")) for one in living}
    return tuple(sorted(there - {namespace}))


def held_of(resource: str, kind: str, item: JSON) -> Held:
    metadata = _metadata(item)
    return Held(
        resource=resource,
        kind=kind,
        namespace=str(metadata.get("namespace", "")),
        name=_name(item),
        uid=str(metadata.get("uid", "")),
        version=str(metadata.get("resourceVersion", "")),
        deleting_since=timestamp(metadata.get("deletionTimestamp")),
        finalizers=_finalizers(item),
    )


def _alias(services: Iterable[JSON], namespace: str) -> str:
    """Where the scheduler's name leads to when that is not this namespace."""
    for service in services:
        spec = service.get("spec") or {}
        if _name(service) == SCHEDULER and spec.get("type") == "ExternalName":
            host = str(spec.get("externalName") or "").rstrip(".")
            return "" if host.startswith(f"{SCHEDULER}.{namespace}.") else host
    return ""


def _leaving(item: JSON) -> Leaving:
    return Leaving(_name(item), timestamp(_metadata(item).get("deletionTimestamp")))


def _is_leaving(item: JSON) -> bool:
    return bool(_metadata(item).get("deletionTimestamp"))


def _is_scheduler(pod: JSON) -> bool:
    labels = _metadata(pod).get("labels") or {}
    named = SCHEDULER_POD.fullmatch(_name(pod)) or labels.get(NAME_LABEL) == SCHEDULER
    return bool(named) and not _has_ended(pod)


def _is_server(pod: JSON) -> bool:
    labels = _metadata(pod).get("labels") or {}
    ours = SERVER_LABEL in labels or labels.get(NAME_LABEL) == "seldon-server"
    return ours and not _has_ended(pod)


def _has_ended(pod: JSON) -> bool:
    return (pod.get("status") or {}).get("phase") in ENDED


def _finalizers(item: JSON) -> tuple[str, ...]:
    return tuple(str(name) for name in _metadata(item).get("finalizers") or ())


def _metadata(item: JSON) -> JSON:
    return item.get("metadata") or {}


def _name(item: JSON) -> str:
    return str(_metadata(item).get("name", ""))
