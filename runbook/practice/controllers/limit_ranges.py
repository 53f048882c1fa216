"""LimitRanges: what a container gets that does not say what it needs, and what asks for too much or too little.

It comes before the quotas, which then find every container speaking for itself.
"""

from __future__ import annotations

from itertools import chain

from runbook.limits import limit_ranges
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import name_of, namespace_of
from runbook.practice.controllers.quota import NamedResource

LIMIT_RANGES = "limitranges"


class LimitRanger:
    """An admission that fills in, then refuses."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def admit(self, resource: NamedResource, obj: JSON, live: JSON | None) -> None:
        """ApiError 403 if a LimitRange of the namespace does not allow this write."""
        ranges = self._cluster.select(LIMIT_RANGES, namespace_of(obj))
        items = [limit_ranges.items_of(one) for one in ranges]
        if resource.name == "pods" and live is None:
            obj["spec"] = limit_ranges.filled_in(obj["spec"], chain.from_iterable(items))
            refusals = limit_ranges.refusals_of_pod
        elif resource.name == "persistentvolumeclaims":
            refusals = limit_ranges.refusals_of_claim
        else:
            return
        for of_one in items:
            if refused := refusals(obj["spec"], of_one):
                raise _forbidden(resource, name_of(obj), refused)


def _forbidden(resource: NamedResource, name: str, refused: list[str]) -> ApiError:
    why = refused[0] if len(refused) == 1 else f"[{', '.join(refused)}]"
    details: JSON = {"name": name, "kind": resource.plural}
    return ApiError(403, "Forbidden", f'{resource.plural} "{name}" is forbidden: {why}', details)
