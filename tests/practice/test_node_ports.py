"""The ports of Services on a real API server with controllers, and real sockets on loopback."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from aiohttp import ClientConnectorError, ClientSession, web
from structlog.testing import capture_logs

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.controllers.manager import Controllers
from runbook.practice.node_ports import RETRY, NodePorts
from runbook.practice.services.listener import Application, hold, is_free
from runbook.practice.timeline import Timeline

READY = [{"addresses": [{"ip": "10.42.0.9"}], "ports": [{"port": 5000}]}]


class Node:
    """A cluster whose Services all lead to one program, and the test as its endpoints controller."""

    def __init__(self) -> None:
        self.timeline = Timeline(datetime(2026, 1, 1, tzinfo=UTC))
        seed = random.SystemRandom().getrandbits(32)  # other tests look for ports at the same time
        self.api = ApiServer(self.timeline, seed=seed, node_port_is_free=is_free)
        self.ports = NodePorts(self.api, self.program)
        Controllers(self.api).add(self.ports)

    @staticmethod
    def program(service: dict[str, Any], port: dict[str, Any]) -> Application | None:
        def application() -> web.Application:
            async def answer(_request: web.Request) -> web.Response:
                return web.Response(text=service["metadata"]["name"])

            app = web.Application()
            app.router.add_get("/", answer)
            return app

        return application if port["port"] == 80 else None

    async def service(self, **spec: Any) -> dict[str, Any]:
        ports = [{"name": "http", "port": 80}, {"name": "other", "port": 81}]
        metadata = {"name": "web", "namespace": "default"}
        return await self.api.create(
            "services", {"metadata": metadata, "spec": {"ports": ports, "type": "NodePort", **spec}}
        )

    async def endpoints(self, *, ready: bool) -> None:
        subsets = READY if ready else []
        metadata = {"name": "web", "namespace": "default"}
        if self.api.get("endpoints", "default", "web") is None:
            await self.api.create("endpoints", {"metadata": metadata, "subsets": subsets})
        else:
            await self.api.update("endpoints", {"metadata": metadata, "subsets": subsets})
        await self.timeline.advance(1)


@pytest.fixture
async def node() -> AsyncIterator[Node]:
    node = Node()
    await node.api.create("namespaces", {"metadata": {"name": "default"}})
    yield node
    await node.ports.release()


async def text_of(port: int) -> str:
    async with ClientSession() as session, session.get(f"http://127.0.0.1:{port}/") as answer:
        return await answer.text()


def node_port(service: dict[str, Any]) -> int:
    port: int = service["spec"]["ports"][0]["nodePort"]
    return port


def free_node_port() -> int:
    ports = random.SystemRandom().sample(range(30000, 32768), 100)
    return next(port for port in ports if is_free(port))


async def test_a_service_answers_on_its_node_port_while_an_endpoint_is_ready(node: Node) -> None:
    port = node_port(await node.service())
    await node.timeline.advance(1)
    with pytest.raises(ClientConnectorError):
        await text_of(port)
    await node.endpoints(ready=True)
    assert await text_of(port) == "web"
    await node.endpoints(ready=False)
    with pytest.raises(ClientConnectorError):
        await text_of(port)


async def test_the_proxy_is_told_the_same(node: Node) -> None:
    port = node_port(await node.service())
    await node.timeline.advance(1)
    assert node.ports.backend("default", "web", "80") is None
    await node.endpoints(ready=True)
    assert node.ports.backend("default", "web", "80") == f"http://127.0.0.1:{port}"
    assert node.ports.backend("default", "web", "81") is None
    assert node.ports.backend("default", "web", "http") is None
    assert node.ports.backend("default", "nobody", "80") is None


async def test_a_service_without_a_node_port_is_reached_by_the_proxy_alone(node: Node) -> None:
    await node.service(type="ClusterIP")
    await node.endpoints(ready=True)
    url = node.ports.backend("default", "web", "80")
    assert url is not None
    assert await text_of(int(url.rpartition(":")[2])) == "web"


async def test_a_service_that_is_gone_gives_its_port_back(node: Node) -> None:
    port = node_port(await node.service())
    await node.endpoints(ready=True)
    assert not is_free(port)
    await node.api.delete("services", "default", "web")
    await node.timeline.advance(1)
    assert is_free(port)


async def test_a_changed_node_port_is_followed(node: Node) -> None:
    service = await node.service()
    await node.endpoints(ready=True)
    fresh = free_node_port()
    [http, other] = service["spec"]["ports"]
    ports = [{**http, "nodePort": fresh}, other]
    await node.api.patch("services", "default", "web", {"spec": {"ports": ports}})
    await node.timeline.advance(1)
    assert await text_of(fresh) == "web"
    with pytest.raises(ClientConnectorError):
        await text_of(node_port(service))


async def test_a_port_somebody_else_has_is_asked_for_again(node: Node) -> None:
    port = free_node_port()
    with hold(port):
        await node.service(ports=[{"name": "http", "port": 80, "nodePort": port}])
        await node.endpoints(ready=True)
        assert node.ports.backend("default", "web", "80") is None
    await node.timeline.advance(RETRY)
    assert await text_of(port) == "web"


async def test_a_port_somebody_else_has_is_reported_once_each_time(node: Node) -> None:
    port = free_node_port()
    with capture_logs() as told:
        for _ in range(2):
            with hold(port):
                await node.service(ports=[{"name": "http", "port": 80, "nodePort": port}])
                await node.timeline.advance(20 * RETRY)
            await node.timeline.advance(RETRY)
            await node.api.delete("services", "default", "web")
            await node.timeline.advance(1)
    assert [(line["event"], line["port"]) for line in told] == [("port not available", port)] * 2


async def test_the_api_server_gives_no_node_port_that_this_computer_uses(node: Node) -> None:
    asked: list[int] = []

    def second_only(port: int) -> bool:
        asked.append(port)
        return len(asked) == 2

    api = ApiServer(node.timeline, seed=1, node_port_is_free=second_only)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    spec = {"type": "NodePort", "ports": [{"port": 80}]}
    metadata = {"name": "web", "namespace": "default"}
    made = await api.create("services", {"metadata": metadata, "spec": spec})
    assert [node_port(made)] == asked[1:]
