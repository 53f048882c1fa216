from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from runbook.errors import CheckMisconfigured
from runbook.target.api import ApiStatusError
from runbook.target.client import ClusterClient
from runbook.target.services import (
    CredentialsCannotPass,
    NoSuchPort,
    ServicePlace,
    Way,
    parse,
)

ENDPOINT = "service://mlflow/mlflow:5000/base/path"
SERVICE_PATH = "/api/v1/namespaces/mlflow/services/mlflow"


@pytest.fixture
async def backend() -> AsyncIterator[BaseTestServer]:
    async def echo(request: web.Request) -> web.Response:
        return web.Response(text=f"backend {request.raw_path}")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", echo)
    async with TestServer(app) as server:
        yield server


def service(*, balanced: str = "", node_port: int = 0, port: int = 5000, **more: Any) -> Any:
    entry = {"name": "http", "port": port, **more}
    return {
        "spec": {"ports": [entry | ({"nodePort": node_port} if node_port else {})]},
        "status": {"loadBalancer": {"ingress": [{"ip": balanced}] if balanced else []}},
    }


def nodes(address: str, ready: str = "True") -> Any:
    status = {
        "conditions": [{"type": "Ready", "status": ready}],
        "addresses": [
            {"type": "Hostname", "address": "n1"},
            {"type": "InternalIP", "address": address},
        ],
    }
    return {"items": [{"status": status}]}


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("http://host:1/x", None),
        ("https://host", None),
        ("service://ns/name:80/a/b?c=d", ServicePlace("ns", "name", "80", "/a/b?c=d")),
        ("service://ns/name:http", ServicePlace("ns", "name", "http", "/")),
        ("service://ns/name", ServicePlace("ns", "name", "", "/")),
    ],
)
def test_endpoints_are_read(endpoint: str, expected: ServicePlace | None) -> None:
    assert parse(endpoint) == expected


@pytest.mark.parametrize(
    "endpoint",
    ["mlflow:5000", "file:///x", "service://ns", "http://", "", "http://h:99999/", "http://h:x/"],
)
def test_an_endpoint_that_leads_nowhere_is_refused(endpoint: str) -> None:
    with pytest.raises(CheckMisconfigured) as refused:
        parse(endpoint)
    assert "service://namespace/name:port/path" in str(refused.value)


async def test_a_load_balancer_is_asked_first(
    api: Any, client: ClusterClient, backend: BaseTestServer
) -> None:
    api.answers[SERVICE_PATH] = service(balanced="127.0.0.1", port=backend.port or 0)
    route = await client.services.route(ENDPOINT.replace("5000", "http"))
    assert route.way is Way.LOAD_BALANCER
    assert route.url == f"http://127.0.0.1:{backend.port}/base/path"


async def test_a_node_port_is_asked_when_the_load_balancer_is_silent(
    api: Any, client: ClusterClient, backend: BaseTestServer
) -> None:
    silent = closed_port()
    api.answers[SERVICE_PATH] = service(
        balanced="127.0.0.1", port=silent, node_port=backend.port or 0
    )
    api.answers["/api/v1/nodes"] = nodes("127.0.0.1")
    async with client.services.open(f"service://mlflow/mlflow:{silent}/base/") as (http, route):
        answer = await http.get("sub?x=1")
    assert route.way is Way.NODE_PORT
    assert answer.text == "backend /base/sub?x=1"


async def test_a_node_that_is_not_ready_is_not_asked(
    api: Any, client: ClusterClient, backend: BaseTestServer
) -> None:
    api.answers[SERVICE_PATH] = service(node_port=backend.port or 0)
    api.answers["/api/v1/nodes"] = nodes("127.0.0.1", ready="Unknown")
    assert (await client.services.route(ENDPOINT)).way is Way.API_PROXY


async def test_a_service_inside_is_asked_through_the_api_server(
    api: Any, client: ClusterClient
) -> None:
    async def proxied(request: web.Request) -> web.Response:
        return web.Response(
            status=503, body=f"{request.method} {request.raw_path}".encode(), headers={"X-A": "b"}
        )

    api.answers[SERVICE_PATH] = service()
    api.answers["/api/v1/namespaces/mlflow/services/http/proxy"] = proxied
    api.answers["/api/v1/namespaces/mlflow/services/mlflow:http/proxy/base/path/sub"] = proxied
    async with client.services.open(ENDPOINT) as (http, route):
        answer = await http.post("sub?x=%2F1", content=b"body", headers={"seldon-model": "m"})
    assert route.way is Way.API_PROXY
    assert answer.status_code == 503
    assert answer.headers["x-a"] == "b"
    assert answer.text.endswith("/proxy/base/path/sub?x=%2F1")
    assert api.bodies[-1] == b"body"
    assert api.headers[-1]["seldon-model"] == "m"


async def test_tls_inside_is_told_to_the_api_servers_proxy(api: Any, client: ClusterClient) -> None:
    api.answers[SERVICE_PATH] = service(appProtocol="https")
    path = "/api/v1/namespaces/mlflow/services/https:mlflow:http/proxy/base/path/"
    api.answers[path] = {"ok": True}
    async with client.services.open(ENDPOINT) as (http, _):
        assert (await http.get("")).json() == {"ok": True}


async def test_credentials_are_not_sent_where_they_cannot_arrive(
    api: Any, client: ClusterClient
) -> None:
    silent = closed_port()
    api.answers[SERVICE_PATH] = service(node_port=silent)
    api.answers["/api/v1/nodes"] = nodes("127.0.0.1")
    with pytest.raises(CredentialsCannotPass) as refused:
        async with client.services.open(ENDPOINT, auth=("user", "secret")) as (http, _):
            await http.get("x")
    assert f"127.0.0.1:{silent} took no connection" in str(refused.value)
    assert not any("proxy" in path for _, path in api.requests)


async def test_an_address_that_worked_is_not_used_for_a_service_that_moved(
    api: Any, client: ClusterClient, backend: BaseTestServer
) -> None:
    api.answers[SERVICE_PATH] = service(node_port=backend.port or 0)
    api.answers["/api/v1/nodes"] = nodes("127.0.0.1")
    assert (await client.services.route(ENDPOINT)).url.startswith(
        f"http://127.0.0.1:{backend.port}"
    )
    # Another service may have the old port by now, and it would answer.
    api.answers[SERVICE_PATH] = service(node_port=closed_port())
    assert (await client.services.route(ENDPOINT)).way is Way.API_PROXY


async def test_an_address_that_stopped_working_is_looked_for_again(
    api: Any, client: ClusterClient, backend: BaseTestServer
) -> None:
    api.answers[SERVICE_PATH] = service(node_port=backend.port or 0)
    api.answers["/api/v1/nodes"] = nodes("127.0.0.1")
    await client.services.route(ENDPOINT)
    await backend.close()
    with pytest.raises(httpx.ConnectError):
        async with client.services.open(ENDPOINT) as (http, _):
            await http.get("x")
    assert (await client.services.route(ENDPOINT)).way is Way.API_PROXY


async def test_a_missing_service_and_a_missing_port_are_told_apart(
    api: Any, client: ClusterClient
) -> None:
    with pytest.raises(ApiStatusError) as missing:
        await client.services.route(ENDPOINT)
    assert missing.value.code == 404
    api.answers[SERVICE_PATH] = service(port=80)
    with pytest.raises(NoSuchPort) as other:
        await client.services.route(ENDPOINT)
    assert "has no port '5000'; it has http/80" in str(other.value)


async def test_the_only_port_needs_no_name(api: Any, client: ClusterClient) -> None:
    api.answers[SERVICE_PATH] = service()
    route = await client.services.route("service://mlflow/mlflow/x")
    assert (route.way, route.proxy_port) == (Way.API_PROXY, "http")


async def test_an_address_is_used_as_it_is(client: ClusterClient, backend: BaseTestServer) -> None:
    url = str(backend.make_url("/prefix/"))
    async with client.services.open(url) as (http, route):
        assert (await http.get("a")).text == "backend /prefix/a"
    assert (route.way, route.url) == (Way.DIRECT, url)
