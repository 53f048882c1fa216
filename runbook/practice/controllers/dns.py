"""How a pod turns a name into an address: its hosts file, its search list, the cluster's DNS, the world's.

Rule 1: a name with fewer dots than `ndots` is tried with each search domain first, then as it stands;
the first answer wins, also where it is not the one that was meant. Rule 2: the cluster's DNS answers
while one of its pods is ready and the asking pod's policies let it through; for everything outside
its own domain it asks the world. Rule 3: `dnsPolicy` None and Default know nothing of the cluster.
CoreDNS's own configuration is not read: it is the usual one. Pure reads.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.network import end_of, lets_through, ready_pods_of
from runbook.practice.controllers.objects import dig, namespace_of

CLUSTER_DNS: Final = "10.96.0.10"  # what the kubelet writes into a pod's resolv.conf
CLUSTER_DOMAIN: Final = "cluster.local"
DNS_PORT: Final = 53
NODE_DNS: Final = "192.0.2.53"  # what stands in the node's own resolv.conf
WILDCARDS: Final = {"practice.example": "203.0.113.150"}
"""Domains of the world in which every name has this one address."""
_ALIASES = 8  # how many names may lead to another before a resolver gives up


class Unreachable(Exception):
    """Why a connection does not come about, in the words of Go's net package."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a name means: a Service of this cluster, or an address at which nothing of it is."""

    address: str
    service: JSON | None = None


@dataclass(frozen=True, slots=True)
class _Settings:
    """A pod's resolv.conf."""

    server: str
    searches: tuple[str, ...]
    dots: int

    def names(self, host: str) -> list[str]:
        if host.endswith("."):
            return [host.rstrip(".")]
        below = [f"{host}.{domain}" for domain in self.searches]
        return [host, *below] if host.count(".") >= self.dots else [*below, host]


def look_up(cluster: Cluster, pod: JSON, host: str) -> Found:
    """What this pod gets for a host name or an address. Raises Unreachable."""
    if _is_address(host):
        return _at(cluster, host)
    for alias in dig(pod, "spec", "hostAliases", default=[]):
        if host in (alias.get("hostnames") or []):
            return _at(cluster, str(alias["ip"]))
    settings = _settings(pod)
    for name in settings.names(host):
        found = _ask(cluster, pod, settings.server, name)
        if found is not None:
            return found
    raise Unreachable(f"dial tcp: lookup {host} on {settings.server}:{DNS_PORT}: no such host")


def _settings(pod: JSON) -> _Settings:
    spec = pod.get("spec") or {}
    policy = spec.get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and spec.get("hostNetwork"):
        policy = "Default"
    servers: list[str] = []
    searches: list[str] = []
    dots = 1
    if policy in {"ClusterFirst", "ClusterFirstWithHostNet"}:
        namespace = namespace_of(pod)
        inside = f"svc.{CLUSTER_DOMAIN}"
        servers, searches, dots = [CLUSTER_DNS], [f"{namespace}.{inside}", inside], 5
        searches.append(CLUSTER_DOMAIN)
    elif policy == "Default":
        servers = [NODE_DNS]
    config = spec.get("dnsConfig") or {}
    servers += config.get("nameservers") or []
    searches += config.get("searches") or []
    for option in config.get("options") or []:
        if option.get("name") == "ndots" and str(option.get("value", "")).isdecimal():
            dots = int(option["value"])
    return _Settings(servers[0] if servers else "127.0.0.1", tuple(searches), dots)


def _ask(
    cluster: Cluster, pod: JSON, server: str, name: str, aliases: int = _ALIASES
) -> Found | None:
    """The answer of the DNS server at this address; None when there is no such name."""
    service = _service_at(cluster, server)
    if service is None and server != CLUSTER_DNS:
        return _outside(name)
    pods = ready_pods_of(cluster, service) if service is not None else []
    if not any(lets_through(cluster, end_of(pod), end_of(one), DNS_PORT) for one in pods):
        asking = end_of(pod).address
        raise Unreachable(
            f"dial tcp: lookup {name} on {server}:{DNS_PORT}: read udp"
            f" {asking}->{server}:{DNS_PORT}: i/o timeout"
        )
    inside = name.removesuffix(f".{CLUSTER_DOMAIN}")
    if inside == name:
        return _outside(name)
    parts = inside.split(".")
    if len(parts) != 3 or parts[2] != "svc":
        return None
    wanted = cluster.get("services", parts[1], parts[0])
    if wanted is None:
        return None
    if dig(wanted, "spec", "type") == "ExternalName":
        target = str(dig(wanted, "spec", "externalName", default="")).rstrip(".")
        return _ask(cluster, pod, server, target, aliases - 1) if aliases else None
    return Found(_address_of(wanted), wanted)


def _outside(name: str) -> Found | None:
    for domain, address in WILDCARDS.items():
        if name.endswith(f".{domain}"):
            return Found(address)
    return None


def _at(cluster: Cluster, address: str) -> Found:
    return Found(address, _service_at(cluster, address))


def _service_at(cluster: Cluster, address: str) -> JSON | None:
    services = cluster.select("services")
    return next((one for one in services if _address_of(one) == address), None)


def _address_of(service: JSON) -> str:
    address = str(dig(service, "spec", "clusterIP", default=""))
    return "" if address == "None" else address


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
