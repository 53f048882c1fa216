"""What NetworkPolicies let through: from a pod to a pod, or to an address outside. Pure reads.

Rule 1: a pod that no policy of a direction selects is open in that direction. Rule 2: policies only
allow, so one rule that fits is enough. Rule 3: what is dropped times out; nobody is told.
Only connections that the controllers open are asked here, and only when they are opened: one that
stands already goes on.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    has_condition,
    labels_of,
    matches,
    namespace_of,
)

POLICIES = "networkpolicies.networking.k8s.io"
API_SERVER_PORTS = (443, 6443)  # of the Service, and of the endpoint behind it


@dataclass(frozen=True, slots=True)
class End:
    """One side of a connection inside the cluster."""

    namespace: str
    labels: dict[str, str]
    address: str = ""


def end_of(pod: JSON) -> End:
    address = str(dig(pod, "status", "podIP", default=""))
    return End(str(namespace_of(pod)), labels_of(pod), address)


def ready_pods_of(cluster: Cluster, service: JSON) -> list[JSON]:
    """The pods a connection to this Service can end at."""
    selector = dig(service, "spec", "selector", default={})
    if not selector:
        return []
    pods = cluster.select("pods", namespace_of(service), selector)
    return [pod for pod in pods if has_condition(pod, "Ready") and not being_deleted(pod)]


def lets_through(cluster: Cluster, source: End, target: End, port: int) -> bool:
    """Whether both the source's egress and the target's ingress allow it."""
    leaves = _allows(cluster, source, target, "Egress", (port,))
    return leaves and _allows(cluster, target, source, "Ingress", (port,))


def api_server_address(cluster: Cluster) -> str:
    """Address and port under which pods call the API server."""
    service = cluster.get("services", "default", "kubernetes")
    return f"{dig(service, 'spec', 'clusterIP', default='')}:{API_SERVER_PORTS[0]}"


def reaches_api_server(cluster: Cluster, source: End) -> bool:
    """Whether a pod's egress allows the API server, which is no pod."""
    outside = End("", {}, api_server_address(cluster).partition(":")[0])
    return _allows(cluster, source, outside, "Egress", API_SERVER_PORTS)


def _allows(
    cluster: Cluster, selected: End, other: End, direction: str, ports: Iterable[int]
) -> bool:
    policies = [
        policy
        for policy in cluster.select(POLICIES, selected.namespace)
        if direction in _directions(policy)
        and matches(policy["spec"].get("podSelector") or {}, selected.labels)
    ]
    return not policies or any(
        _fits(cluster, policy, rule, other, direction, ports)
        for policy in policies
        for rule in policy["spec"].get(direction.lower()) or []
    )


def _directions(policy: JSON) -> list[str]:
    given = policy["spec"].get("policyTypes")
    if given:
        return list(given)
    return ["Ingress", *(["Egress"] if policy["spec"].get("egress") else [])]


def _fits(
    cluster: Cluster, policy: JSON, rule: JSON, other: End, direction: str, ports: Iterable[int]
) -> bool:
    wanted = rule.get("ports") or []
    if wanted and not any(_port_fits(one, port) for one in wanted for port in ports):
        return False
    peers = rule.get("from" if direction == "Ingress" else "to") or []
    return not peers or any(_is_peer(cluster, policy, peer, other) for peer in peers)


def _port_fits(wanted: JSON, port: int) -> bool:
    first = wanted.get("port")
    if first is None:
        return True
    if not isinstance(first, int):
        return False  # a named port: none of the connections asked about here has a name
    return first <= port <= int(wanted.get("endPort", first))


def _is_peer(cluster: Cluster, policy: JSON, peer: JSON, other: End) -> bool:
    block = peer.get("ipBlock")
    if block is not None:
        return _in_block(block, other.address)
    if not other.namespace:
        return False
    chosen = peer.get("namespaceSelector")
    if chosen is None:
        if other.namespace != namespace_of(policy):
            return False
    else:
        namespace = cluster.get("namespaces", None, other.namespace)
        if namespace is None or not matches(chosen, labels_of(namespace)):
            return False
    pods = peer.get("podSelector")
    return pods is None or matches(pods, other.labels)


def _in_block(block: JSON, address: str) -> bool:
    if not address:
        return False
    found = ip_address(address)
    if found not in ip_network(block["cidr"], strict=False):
        return False
    return all(found not in ip_network(no, strict=False) for no in block.get("except") or [])
