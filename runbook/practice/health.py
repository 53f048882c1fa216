"""What of a cluster is not as it should be, one line each: what a newly built machine is asked for.

Reads only what the controllers wrote. A condition that is missing is as bad as one that is False.
"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import dig, has_condition, name_of, namespace_of

_WORKLOADS = ("deployments.apps", "statefulsets.apps")
_CONDITIONS = {
    "models.mlops.seldon.io": "ModelReady",
    "experiments.mlops.seldon.io": "ExperimentReady",
    "servers.mlops.seldon.io": "Ready",
    "seldonruntimes.mlops.seldon.io": "Ready",
    "sealedsecrets.bitnami.com": "Synced",
}


def unhealthy(cluster: Cluster) -> list[str]:
    """Everything that is not ready, by resource and name; [] when all is well."""
    return [*_workloads(cluster), *_claims(cluster), *_conditions(cluster)]


def _workloads(cluster: Cluster) -> Iterator[str]:
    for resource in _WORKLOADS:
        for obj in cluster.select(resource):
            wanted = dig(obj, "spec", "replicas", default=1)
            ready = dig(obj, "status", "readyReplicas", default=0)
            if ready < wanted:
                yield f"{_called(resource, obj)}: {ready} of {wanted} ready"


def _claims(cluster: Cluster) -> Iterator[str]:
    for claim in cluster.select("persistentvolumeclaims"):
        phase = dig(claim, "status", "phase", default="without a phase")
        if phase != "Bound":
            yield f"{_called('persistentvolumeclaims', claim)}: {phase}"


def _conditions(cluster: Cluster) -> Iterator[str]:
    for resource, condition in _CONDITIONS.items():
        for obj in cluster.select(resource):
            if not has_condition(obj, condition):
                yield f"{_called(resource, obj)}: not {condition}"


def _called(resource: str, obj: JSON) -> str:
    return f"{resource} {namespace_of(obj)}/{name_of(obj)}"
