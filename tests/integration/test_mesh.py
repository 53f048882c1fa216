"""The inference check against a real MLServer behind a mesh.

The mesh is a small reverse proxy that does to a request what Seldon's envoy does: it routes by
`seldon-model`, puts the server's own name of the model into the path, and names it in the answer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest
from aiohttp import ClientConnectionError, ClientSession, web
from aiohttp.test_utils import TestServer

from runbook.run.readings import Verdict
from tests.cluster.processes import free_ports
from tests.integration.test_inference import INPUT, look

ROUTE = ":baseline_3:"


def tensor(**changed: Any) -> list[dict[str, Any]]:
    return [{key: value for key, value in {**INPUT, **changed}.items() if value is not None}]


@pytest.fixture
def unloaded(mlserver: str) -> Iterator[None]:
    models = f"{mlserver}/v2/repository/models/baseline"
    httpx.post(f"{models}/unload", trust_env=False).raise_for_status()
    try:
        yield
    finally:
        httpx.post(f"{models}/load", trust_env=False, timeout=60).raise_for_status()


def proxy(upstream: str) -> web.Application:
    """Has routes for the model `baseline` and for the experiment `ab`, which it is the only candidate of."""

    async def answer(request: web.Request) -> web.Response:
        if request.headers.get("seldon-model") not in {"baseline", "ab.experiment"}:
            return web.Response(status=404)
        url = f"{upstream}/v2/models/baseline/{request.match_info['act']}"
        body = await request.read()
        headers = {"content-type": request.content_type}
        try:
            async with (
                ClientSession() as session,
                session.request(request.method, url, data=body, headers=headers) as got,
            ):
                return web.Response(
                    status=got.status,
                    body=await got.read(),
                    content_type=got.content_type,
                    headers={"x-seldon-route": ROUTE},
                )
        except ClientConnectionError:
            return web.Response(status=503, text="no healthy upstream")

    app = web.Application()
    app.router.add_route("*", "/v2/models/{model}/{act}", answer)
    return app


@pytest.fixture
async def mesh(mlserver: str) -> AsyncIterator[str]:
    async with TestServer(proxy(mlserver)) as server:
        yield str(server.make_url("/"))


HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
MODEL, EXPERIMENT = {"model": "baseline"}, {"experiment": "ab"}

THROUGH_THE_MESH: dict[str, tuple[dict[str, Any], Verdict, str]] = {
    "ready": (MODEL, HOLDS, "answered by baseline"),
    "experiment-ready": (EXPERIMENT, HOLDS, "answered by baseline"),
    "infer": ({**MODEL, "inputs": tensor()}, HOLDS, "answered by baseline"),
    "infer-zeros": ({**MODEL, "inputs": tensor(data=None)}, HOLDS, "answered by baseline"),
    "infer-experiment": ({**EXPERIMENT, "inputs": tensor()}, HOLDS, "answered by baseline"),
    "wrong-shape": (
        {**MODEL, "inputs": tensor(shape=[1, 2])},
        FAILS,
        "HTTP 500 by baseline, so routing works: ValueError: X has 2 features",
    ),
    "unknown-datatype": (
        {**MODEL, "inputs": tensor(datatype="FP99")},
        FAILS,
        "HTTP 422 by baseline, so routing works: ",
    ),
    "tensor-without-name": (
        {**MODEL, "inputs": tensor(name=None)},
        FAILS,
        "Field required",
    ),
    "no-tensor": ({**MODEL, "inputs": []}, FAILS, "HTTP 400 by baseline, so routing works: "),
    "unknown-model": ({"model": "nobody"}, FAILS, "HTTP 404: the mesh has no route for it"),
    "unknown-experiment": ({"experiment": "baseline"}, FAILS, "HTTP 404: the mesh has no route"),
}


@pytest.mark.parametrize("name", THROUGH_THE_MESH)
async def test_through_the_mesh(mesh: str, name: str) -> None:
    query, verdict, told = THROUGH_THE_MESH[name]
    reading = await look(mesh, **query)
    assert (reading.verdict, told in reading.observed) == (verdict, True), reading.observed


@pytest.mark.usefixtures("unloaded")
async def test_a_route_to_a_model_that_is_not_loaded(mesh: str) -> None:
    for query in (MODEL, {**MODEL, "inputs": tensor()}):
        reading = await look(mesh, **query)
        assert reading.verdict is FAILS
        assert reading.observed.startswith("HTTP 404 by baseline, so routing works: ")
        assert "Model baseline not found" in reading.observed


async def test_a_route_without_a_server_behind_it() -> None:
    (nobody,) = free_ports(1)
    async with TestServer(proxy(f"http://127.0.0.1:{nobody}")) as server:
        reading = await look(str(server.make_url("/")), **MODEL)
    assert reading.verdict is FAILS
    assert reading.observed == "HTTP 503: there is a route, but nothing healthy behind it"
