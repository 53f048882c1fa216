"""What comes back through nginx: the answer of what stands behind it, or a page of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer, unused_port

from runbook.practice.services import nginx

Client = TestClient[web.Request, web.Application]


async def _behind(request: web.Request) -> web.Response:
    told = {
        "method": request.method,
        "path": request.path_qs,
        "model": request.headers.get("seldon-model"),
        "forwarded": request.headers.get("X-Forwarded-Host"),
        "id": bool(request.headers.get("X-Request-ID")),
        "body": await request.text(),
    }
    headers = {"Server": "envoy", "x-seldon-route": ":a_1:"}
    return web.json_response(told, status=201, headers=headers)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", _behind)
    closed = f"http://127.0.0.1:{unused_port()}"
    async with TestServer(app) as server:

        def find(host: str, path: str) -> str | None:
            base = str(server.make_url("")).rstrip("/")
            known = {"/nobody": "", "/closed": closed}
            return f"{base}{path}" if path.startswith("/v2") else known.get(path)

        async with TestClient(TestServer(nginx.application(find))) as opened:
            yield opened


async def test_a_request_goes_on_and_the_answer_comes_back_as_nginxs(client: Client) -> None:
    headers = {"seldon-model": "a", "Host": "models.example.org"}
    async with client.post("/v2/m%20x/infer?a=1", data="input", headers=headers) as answer:
        assert (answer.status, answer.headers["Server"]) == (201, "nginx")
        assert answer.headers["x-seldon-route"] == ":a_1:"
        assert await answer.json() == {
            "method": "POST",
            "path": "/v2/m%20x/infer?a=1",
            "model": "a",
            "forwarded": "models.example.org",
            "id": True,
            "body": "input",
        }


@pytest.mark.parametrize(
    ("path", "status", "title"),
    [
        ("/", 404, "404 Not Found"),
        ("/nobody", 503, "503 Service Temporarily Unavailable"),
        ("/closed", 502, "502 Bad Gateway"),
    ],
)
async def test_what_goes_nowhere_gets_a_page_of_html(
    client: Client, path: str, status: int, title: str
) -> None:
    async with client.get(path) as answer:
        assert (answer.status, answer.headers["Server"]) == (status, "nginx")
        assert answer.headers["Content-Type"] == "text/html"
        page = await answer.text()
        assert f"<h1>{title}</h1>" in page
        assert "<center>nginx</center>" in page
