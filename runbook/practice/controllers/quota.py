"""ResourceQuotas: what is used is counted, and what would exceed them is refused.

`Quotas` keeps `status.used`; `QuotaAdmission.admit` is called by the API server before an object is
stored. Both count what is there now, with the same pure functions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from runbook.limits.quotas import (
    Usage,
    add,
    in_scope,
    resources_limited,
    unspecified,
    usage_of,
    written,
)
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change, Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import dig, key_of, name_of, namespace_of
from runbook.practice.controllers.writing import write_status
from runbook.quantities import parse_quantity

QUOTAS = "resourcequotas"


class NamedResource(Protocol):
    """What an admission needs to know of the resource being written."""

    @property
    def name(self) -> str: ...
    @property
    def group(self) -> str: ...
    @property
    def plural(self) -> str: ...


class Quotas:
    """Watches quotas, and by way of every change the namespaces that have one."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.watches: Mapping[str, KeysOf] = {QUOTAS: lambda quota: [key_of(QUOTAS, quota)]}

    def observe(self, change: Change) -> Iterable[Key]:
        if change.resource in {QUOTAS, "events", "namespaces"}:
            return  # the first is watched, the others are not worth counting
        for quota in self._cluster.select(QUOTAS, namespace_of(change.new) or ""):
            if change.resource in resources_limited(dig(quota, "spec", "hard", default={})):
                yield key_of(QUOTAS, quota)

    async def reconcile(self, key: Key) -> None:
        quota = self._cluster.get(*key)
        if quota is None:
            return
        hard = dig(quota, "spec", "hard", default={})
        used = used_by(self._cluster, quota)
        amounts = {name: written(name, used.get(name, Decimal(0))) for name in sorted(hard)}
        both = {"hard": hard, "used": amounts}
        status = {field: amounts for field, amounts in both.items() if amounts}
        await write_status(self._cluster, QUOTAS, quota, status)


class QuotaAdmission:
    """Refuses what would exceed a quota, or does not say what it wants of a limited resource."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def admit(self, resource: NamedResource, obj: JSON, live: JSON | None) -> None:
        """ApiError 403 if a quota of the namespace does not allow this write."""
        namespace = namespace_of(obj)
        if namespace is None or resource.name in {QUOTAS, "events"}:
            return
        quotas = self._cluster.select(QUOTAS, namespace)
        if not quotas:
            return
        added = _growth(usage_of(resource.name, obj), live and usage_of(resource.name, live))
        if not added:
            return
        for quota in quotas:
            hard = dig(quota, "spec", "hard", default={})
            if resource.name not in resources_limited(hard):
                continue
            if resource.name == "pods" and not in_scope(quota, obj):
                continue
            why = None
            if resource.name == "pods" and live is None:
                why = _unspecified(quota, obj)
            why = why or _exceeded(quota, added, used_by(self._cluster, quota))
            if why is not None:
                raise _forbidden(resource, name_of(obj), why)


def used_by(cluster: Cluster, quota: JSON) -> Usage:
    """The present use of everything this quota limits."""
    namespace = namespace_of(quota)
    return add(
        usage_of(resource, obj)
        for resource in resources_limited(dig(quota, "spec", "hard", default={}))
        for obj in cluster.select(resource, namespace)
        if resource != "pods" or in_scope(quota, obj)
    )


def _growth(new: Usage, old: Usage | None) -> Usage:
    before: Mapping[str, Decimal] = old or {}
    grown = {name: value - before.get(name, Decimal(0)) for name, value in new.items()}
    return {name: value for name, value in grown.items() if value > 0}


def _unspecified(quota: JSON, pod: JSON) -> str | None:
    missing = unspecified(pod, dig(quota, "spec", "hard", default={}))
    if not missing:
        return None
    listed = "; ".join(f"{name} for: {','.join(names)}" for name, names in sorted(missing.items()))
    return f"failed quota: {name_of(quota)}: must specify {listed}"


def _exceeded(quota: JSON, added: Usage, used: Usage) -> str | None:
    hard = dig(quota, "spec", "hard", default={})
    over = [
        name
        for name in sorted(hard)
        if name in added and used.get(name, Decimal(0)) + added[name] > parse_quantity(hard[name])
    ]
    if not over:
        return None

    def listed(values: Usage) -> str:
        return ",".join(f"{name}={written(name, values.get(name, Decimal(0)))}" for name in over)

    limits = ",".join(f"{name}={hard[name]}" for name in over)
    return (
        f"exceeded quota: {name_of(quota)}, requested: {listed(added)}, "
        f"used: {listed(used)}, limited: {limits}"
    )


def _forbidden(resource: NamedResource, name: str, why: str) -> ApiError:
    details: JSON = {"name": name, "kind": resource.plural}
    if resource.group:
        details["group"] = resource.group
    return ApiError(403, "Forbidden", f'{resource.name} "{name}" is forbidden: {why}', details)
