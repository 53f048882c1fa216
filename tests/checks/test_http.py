from __future__ import annotations

import asyncio
import base64
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from runbook.run.readings import Verdict

HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN


@pytest.fixture
async def site() -> AsyncIterator[BaseTestServer]:
    async def answer(request: web.Request) -> web.StreamResponse:
        match request.path:
            case "/health":
                return web.json_response({"status": "ok", "path": request.raw_path})
            case "/minio/health/live":
                return web.Response(headers={"X-Minio-Server-Status": "offline"})
            case "/private":
                token = base64.b64encode(b"user:secret").decode()
                given = request.headers.get("Authorization")
                return web.Response(status=200 if given == f"Basic {token}" else 401)
            case "/echo":
                return web.Response(text=f"{request.method} {await request.text()}")
            case "/number":
                return web.Response(text="7\n")
            case "/late":
                await asyncio.sleep(0.2)
                return web.Response(text="at last")
            case "/endless":
                endless = web.StreamResponse()
                await endless.prepare(request)
                while True:
                    await endless.write(b"x" * 65_536)
            case "/moved":
                raise web.HTTPFound("/health")
            case "/runs":
                return web.json_response({})
        return web.Response(status=404)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        yield server


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("path", "query", "told"),
    [
        ("/health", {}, (HOLDS, "HTTP 200")),
        (
            "/health?a=%2Fb",
            {"expect": {"jsonpath": {"path": ".path", "equals": "/health?a=%2Fb"}}},
            (HOLDS, "HTTP 200"),
        ),
        ("/none", {}, (FAILS, "HTTP 404")),
        ("/none", {"expect": {"status": 404}}, (HOLDS, "HTTP 404")),
        ("/minio/health/live", {}, (FAILS, "HTTP 200, but MinIO says offline")),
        (
            "/minio/health/live",
            {"expect": {"headers": {"X-Minio-Server-Status": "offline"}}},
            (HOLDS, "HTTP 200"),
        ),
        ("/private", {}, (FAILS, "HTTP 401")),
        ("/private", {"username": "user", "password": "secret"}, (HOLDS, "HTTP 200")),
        (
            "/echo",
            {"method": "POST", "body": "hello", "expect": {"regex": "^POST hello$"}},
            (HOLDS, "HTTP 200"),
        ),
        ("/moved", {"expect": {"status": 302}}, (HOLDS, "HTTP 302")),
        ("/moved", {}, (FAILS, "HTTP 302 to /health; a redirect is not followed")),
        ("/number", {"expect": {"range": {"min": 7}}}, (HOLDS, "HTTP 200")),
        ("/number", {"expect": {"range": {"max": 6}}}, (FAILS, "the body is 7")),
        ("/late", {"expect": {"max_latency": "5s"}}, (HOLDS, "HTTP 200 after 2")),
        ("/late", {"expect": {"max_latency": "100ms"}}, (FAILS, "HTTP 200 after 2")),
        ("/runs", {"expect": {"jsonpath": {"path": ".runs"}}}, (FAILS, "instead of an error")),
        ("/endless", {"expect": {"regex": "^x"}}, (HOLDS, "HTTP 200")),
        ("/v2/models", {}, (FAILS, "no such route even when healthy")),
        ("/v2/health/ready", {}, (FAILS, "no such route even when healthy")),
        ("/health", {"username": "user"}, (UNKNOWN, "given together")),
        ("/health", {"expect": {"regex": "("}}, (UNKNOWN, "regular expression")),
    ],
)
async def test_answers_are_judged(
    cluster: Any,
    site: BaseTestServer,
    path: str,
    query: dict[str, Any],
    told: tuple[Verdict, str],
) -> None:
    verdict, observed = told
    base = str(site.make_url("/")).rstrip("/")
    reading = await cluster.look(http={"url": base + path, **query})
    assert reading.verdict is verdict
    assert observed in reading.observed


async def test_nobody_there_is_unknown(cluster: Any) -> None:
    reading = await cluster.look(http={"url": f"http://127.0.0.1:{closed_port()}/health"})
    assert reading.verdict is UNKNOWN
    assert reading.observed


async def test_an_address_that_is_none_is_unknown(cluster: Any) -> None:
    for url in (
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:http/",
        "http://[::1/",
        "http://h/\x01",
    ):
        reading = await cluster.look(http={"url": url})
        assert reading.verdict is UNKNOWN


async def test_a_silent_server_is_unknown_in_time(cluster: Any) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        cluster.timeout = 0.1
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        reading = await cluster.look(http={"url": url})
    assert reading.verdict is UNKNOWN


async def test_a_service_is_reached_through_the_api_server(
    cluster: Any, site: BaseTestServer
) -> None:
    url = "service://a/web:80/health"
    missing = await cluster.look(http={"url": url})
    assert (missing.verdict, "not found" in missing.observed) == (FAILS, True)
    await cluster.put(
        "services",
        {"metadata": {"name": "web", "namespace": "a"}, "spec": {"ports": [{"port": 80}]}},
    )
    nobody = await cluster.look(http={"url": url})
    assert nobody.verdict is FAILS
    assert "no endpoints available" in nobody.observed
    elsewhere = await cluster.look(http={"url": "service://a/web:81/health"})
    assert elsewhere.verdict is FAILS
    assert "has no port '81'" in elsewhere.observed
    base = str(site.make_url("/")).rstrip("/")
    cluster.api.set_backends(lambda namespace, service, port: base)
    assert await cluster.verdict(http={"url": url}) is HOLDS
    refused = await cluster.look(http={"url": url, "username": "u", "password": "p"})
    assert refused.verdict is UNKNOWN
    assert "does not pass credentials on" in refused.observed


async def test_a_port_takes_connections_or_refuses_them(cluster: Any, site: Any) -> None:
    assert await cluster.verdict(tcp={"host": "127.0.0.1", "port": site.port}) is HOLDS
    refused = await cluster.look(tcp={"host": "127.0.0.1", "port": closed_port()})
    assert (refused.verdict, refused.observed) == (FAILS, "connection refused")
    unheard_of = await cluster.look(tcp={"host": "name.invalid", "port": 80})
    assert unheard_of.verdict is UNKNOWN
