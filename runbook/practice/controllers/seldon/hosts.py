"""Connections that programs open: from a host name to the pods that answer, or why nobody does."""

from __future__ import annotations

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.dns import Unreachable, look_up
from runbook.practice.controllers.network import end_of, lets_through, ready_pods_of


def dial(cluster: Cluster, pod: JSON, host: str, port: int) -> list[JSON]:
    """The pods that `pod` gets through to; `port` is theirs. Raises Unreachable.

    What network policies drop, and what is outside the cluster, times out; where a Service has no
    ready pod the connection is refused.
    """
    found = look_up(cluster, pod, host)
    address = f"{found.address or host}:{port}"
    if found.service is None:
        raise Unreachable(f"dial tcp {address}: i/o timeout")
    pods = ready_pods_of(cluster, found.service)
    if not pods:
        raise Unreachable(f"dial tcp {address}: connect: connection refused")
    open_ = [one for one in pods if lets_through(cluster, end_of(pod), end_of(one), port)]
    if not open_:
        raise Unreachable(f"dial tcp {address}: i/o timeout")
    return open_
