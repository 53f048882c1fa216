"""LimitRanges: what a container gets that does not say what it needs.

Only defaults of type Container are kept: minimum, maximum and ratios refuse nothing here. It comes
before the quotas, which then find every container speaking for itself.
"""

from __future__ import annotations

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import dig, namespace_of
from runbook.practice.controllers.quota import NamedResource

LIMIT_RANGES = "limitranges"


class LimitRanger:
    """An admission that fills in; it refuses nothing."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def admit(self, resource: NamedResource, obj: JSON, live: JSON | None) -> None:
        if resource.name != "pods" or live is not None:
            return
        for limit_range in self._cluster.select(LIMIT_RANGES, namespace_of(obj)):
            for item in dig(limit_range, "spec", "limits", default=[]):
                if item.get("type") == "Container":
                    _fill_in(obj["spec"], item)


def _fill_in(spec: JSON, item: JSON) -> None:
    limits = item.get("default") or {}
    requests = {**limits, **(item.get("defaultRequest") or {})}
    for field in ("initContainers", "containers"):
        if field in spec:
            spec[field] = [_filled(one, limits, requests) for one in spec[field]]


def _filled(container: JSON, limits: JSON, requests: JSON) -> JSON:
    own = container.get("resources") or {}
    stated = own.get("limits") or {}
    # A limit that was stated is the request as well, before any default is.
    filled = {
        **own,
        "limits": {**limits, **stated},
        "requests": {**requests, **stated, **(own.get("requests") or {})},
    }
    return {**container, "resources": {name: given for name, given in filled.items() if given}}
