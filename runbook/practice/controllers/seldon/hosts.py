"""Names inside the cluster: which Service a host name means, and whether anything answers behind it."""

from __future__ import annotations

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.network import End, end_of, lets_through
from runbook.practice.controllers.objects import being_deleted, dig, has_condition

_SUFFIXES = ((), ("svc",), ("svc", "cluster", "local"))


def service_of(cluster: Cluster, namespace: str, host: str) -> JSON | None:
    """The Service a pod in `namespace` reaches by this name; an ExternalName is followed once."""
    service = _lookup(cluster, namespace, host)
    if service is not None and dig(service, "spec", "type") == "ExternalName":
        return _lookup(cluster, namespace, str(dig(service, "spec", "externalName", default="")))
    return service


def _lookup(cluster: Cluster, namespace: str, host: str) -> JSON | None:
    name, *rest = host.rstrip(".").split(".")
    if not rest:
        return cluster.get("services", namespace, name)
    if tuple(rest[1:]) not in _SUFFIXES:
        return None
    return cluster.get("services", rest[0], name)


def answers(cluster: Cluster, service: JSON) -> bool:
    """Whether a ready pod stands behind the Service."""
    return bool(_ready_pods(cluster, service))


def is_open(cluster: Cluster, source: End, service: JSON, port: int) -> bool:
    """Whether network policies let the source through to a pod behind the Service.

    `port` is the pods'. With no pod there is nothing to drop, only nobody to answer.
    """
    pods = _ready_pods(cluster, service)
    return not pods or any(lets_through(cluster, source, end_of(pod), port) for pod in pods)


def _ready_pods(cluster: Cluster, service: JSON) -> list[JSON]:
    selector = dig(service, "spec", "selector", default={})
    if not selector:
        return []
    pods = cluster.select("pods", service["metadata"]["namespace"], selector)
    return [pod for pod in pods if has_condition(pod, "Ready") and not being_deleted(pod)]
