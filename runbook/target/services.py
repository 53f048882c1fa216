"""From an endpoint as an author writes it to an HTTP client that reaches it.

`http(s)://…` is used as it is. `service://namespace/name:port/path` names a Service of the cluster,
reached by the first of these ways that takes a connection: its load balancer's address, a node port
on a ready node, the API server's proxy. An address that worked is tried first as long as the Service
still has it: a rebuilt Service gets another, and the old one may by then be somebody else's. The proxy
cannot carry a password or a signature, because the API server keeps the `Authorization` header to
itself: a request that has one is refused here with that reason, not sent without it.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from urllib.parse import SplitResult, urlsplit

import httpx

from runbook.errors import CheckMisconfigured, RunbookError
from runbook.target.api import JSON, HttpAnswer, ResourceRef

NODES = ResourceRef("", "v1", "nodes", "Node", namespaced=False)
SERVICES = ResourceRef("", "v1", "services", "Service", namespaced=True)

TRY_CONNECT = 1.0
"""Seconds an address of the cluster's network may take to accept; most often it never will."""


class CredentialsCannotPass(RunbookError):
    """The only way to a service leads through the API server, which strips credentials."""


class NoSuchPort(RunbookError):
    """The Service is there but has no such port."""


class Way(StrEnum):
    DIRECT = "directly"
    LOAD_BALANCER = "by its load balancer"
    NODE_PORT = "by a node port"
    API_PROXY = "through the API server"


@dataclass(frozen=True, slots=True)
class ServicePlace:
    """What a `service://` endpoint names."""

    namespace: str
    name: str
    port: str
    path: str


@dataclass(frozen=True, slots=True)
class Address:
    """A place outside the cluster where a Service may answer."""

    way: Way
    host: str
    port: int

    def __str__(self) -> str:
        return f"{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Route:
    """The way to an endpoint, and the URL it starts from."""

    way: Way
    url: str
    proxy_port: str = ""
    refused: tuple[Address, ...] = ()
    """Addresses that took no connection, which is why the API server's proxy is used."""


class Cluster(Protocol):
    """What finding a way needs of a cluster."""

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> JSON: ...

    async def service_request(
        self,
        namespace: str,
        service: str,
        port: str,
        path: str = "/",
        *,
        method: str = "GET",
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
        timeout: float = 30.0,
    ) -> HttpAnswer: ...


class Services:
    """The ways into one cluster."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._worked: dict[ServicePlace, Address] = {}

    async def route(self, endpoint: str) -> Route:
        """The way to an endpoint now. Errors of the API server, such as 404, pass through."""
        place = parse(endpoint)
        if place is None:
            return Route(Way.DIRECT, endpoint)
        service = await self._cluster.get(SERVICES.path(place.namespace, place.name))
        port = _port_of(service, place)
        scheme = "https" if _is_tls(port) else "http"
        addresses = await self._addresses(service, port)
        worked = self._worked.get(place)
        address = worked if worked in addresses else await _first_that_accepts(addresses)
        if address is not None:
            self._worked[place] = address
            return Route(address.way, f"{scheme}://{address}{place.path}")
        name = str(port.get("name") or port["port"])
        return Route(
            Way.API_PROXY,
            f"http://{place.name}.{place.namespace}{place.path}",
            f"https:{name}" if scheme == "https" else name,
            tuple(addresses),
        )

    @asynccontextmanager
    async def open(
        self,
        endpoint: str,
        *,
        timeout: float = 10.0,
        auth: httpx.Auth | tuple[str, str] | None = None,
        verify: ssl.SSLContext | bool = True,
    ) -> AsyncIterator[tuple[httpx.AsyncClient, Route]]:
        """An HTTP client whose base is the endpoint, and the way it takes. Redirects are not
        followed.
        """
        route = await self.route(endpoint)
        place = parse(endpoint)
        transport = (
            ApiProxyTransport(self._cluster, place, route, timeout)
            if place is not None and route.way is Way.API_PROXY
            else None
        )
        try:
            async with httpx.AsyncClient(
                base_url=route.url,
                transport=transport,
                auth=auth,
                # Making a TLS context takes 20 ms, which a plain address need not pay.
                verify=verify if route.url.startswith("https") else False,
                timeout=httpx.Timeout(timeout, connect=min(timeout, 5.0)),
            ) as client:
                yield client, route
        except httpx.TransportError:
            if place is not None:
                self._worked.pop(place, None)
            raise

    async def _addresses(self, service: JSON, port: JSON) -> list[Address]:
        balanced = [
            Address(Way.LOAD_BALANCER, host, int(port["port"]))
            for host in _load_balancer_hosts(service)
        ]
        if not port.get("nodePort"):
            return balanced
        nodes = await self._cluster.get(NODES.path())
        return balanced + [
            Address(Way.NODE_PORT, host, int(port["nodePort"]))
            for host in _node_hosts(nodes.get("items") or ())
        ]


class ApiProxyTransport(httpx.AsyncBaseTransport):
    """Carries httpx requests through the API server's proxy of one service."""

    def __init__(self, cluster: Cluster, place: ServicePlace, route: Route, timeout: float) -> None:
        self._cluster = cluster
        self._place = place
        self._route = route
        self._timeout = timeout

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        place = self._place
        if "authorization" in request.headers:
            silent = ", ".join(str(address) for address in self._route.refused)
            raise CredentialsCannotPass(
                f"service {place.name} in {place.namespace} is reached only through the API server,"
                " which does not pass credentials on"
                + (f"; {silent} took no connection" if silent else ""),
                hint="give the service a load balancer or node port, or an http(s):// endpoint",
            )
        left_out = {"host", "content-length", "connection", "accept-encoding"}
        answer = await self._cluster.service_request(
            place.namespace,
            place.name,
            self._route.proxy_port,
            request.url.raw_path.decode("ascii"),
            method=request.method,
            headers={k: v for k, v in request.headers.items() if k not in left_out},
            body=await request.aread() or None,
            timeout=self._timeout,
        )
        # The body was decoded on its way, so its former length and encoding say nothing.
        gone = {"content-encoding", "content-length", "transfer-encoding"}
        headers = {name: value for name, value in answer.headers.items() if name not in gone}
        return httpx.Response(answer.status, headers=headers, content=answer.body, request=request)


def parse(endpoint: str) -> ServicePlace | None:
    """What `service://…` names; None for http(s). Anything else is `CheckMisconfigured`."""
    parts = urlsplit(endpoint)
    if parts.scheme in ("http", "https") and parts.netloc and _has_usable_port(parts):
        return None
    name, _, rest = parts.path.lstrip("/").partition("/")
    service, _, port = name.partition(":")
    if parts.scheme != "service" or not parts.netloc or not service:
        raise CheckMisconfigured(
            f"cannot use the endpoint {endpoint!r}",
            hint="write http(s)://host:port/path or service://namespace/name:port/path",
        )
    query = f"?{parts.query}" if parts.query else ""
    return ServicePlace(parts.netloc, service, port, f"/{rest}{query}")


def _has_usable_port(parts: SplitResult) -> bool:
    """Whether its port, if it names one, is a number that a connection can be made to."""
    try:
        return parts.port != 0
    except ValueError:
        return False


def _port_of(service: JSON, place: ServicePlace) -> JSON:
    ports: list[JSON] = (service.get("spec") or {}).get("ports") or []
    if not place.port and len(ports) == 1:
        return ports[0]
    for port in ports:
        if place.port in (str(port.get("port")), port.get("name")):
            return port
    known = ", ".join("/".join(str(p[k]) for k in ("name", "port") if k in p) for p in ports)
    raise NoSuchPort(
        f"service {place.name} in {place.namespace} has no port {place.port!r}; it has {known or 'none'}"
    )


def _is_tls(port: JSON) -> bool:
    protocol = port.get("appProtocol") or port.get("name") or ""
    return protocol.startswith("https") or port.get("port") in (443, 8443)


def _load_balancer_hosts(service: JSON) -> list[str]:
    entries = ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
    return [host for entry in entries if (host := entry.get("ip") or entry.get("hostname"))]


def _node_hosts(nodes: Iterable[JSON]) -> list[str]:
    """Addresses of ready nodes, those that may be reached from outside first; two are enough."""
    found: dict[str, list[str]] = {"ExternalIP": [], "InternalIP": []}
    for node in nodes:
        status = node.get("status") or {}
        ready = {c.get("type"): c.get("status") for c in status.get("conditions") or []}
        for address in status.get("addresses") or []:
            if ready.get("Ready") == "True" and address.get("type") in found:
                found[address["type"]].append(address["address"])
    return [*found["ExternalIP"], *found["InternalIP"]][:2]


async def _first_that_accepts(addresses: list[Address]) -> Address | None:
    """The first address, in the given order, that takes a connection; all are tried at once."""
    async with asyncio.TaskGroup() as tasks:
        tries = [tasks.create_task(_accepts(address)) for address in addresses]
    return next((a for a, tried in zip(addresses, tries, strict=True) if tried.result()), None)


async def _accepts(address: Address) -> bool:
    try:
        async with asyncio.timeout(TRY_CONNECT):
            _, writer = await asyncio.open_connection(address.host, address.port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True
