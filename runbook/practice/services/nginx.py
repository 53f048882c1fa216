"""nginx as the door of a cluster: a request goes on to where a rule sends it, or ends here.

Rules: what no rule knows is 404 and what nobody answers is 503, each with nginx's own page of HTML,
which tells them from an answer of the mesh; the header `Server` says nginx whoever answered; status,
body and every other header of the answer come back as they are.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable

import aiohttp
from aiohttp import web
from yarl import URL

Find = Callable[[str, str], str | None]
"""(host, path) -> the URL to ask, "" when nobody answers there, None without a rule."""

_PAGE = (
    "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<center><h1>{0}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
_OWN = frozenset(
    ["connection", "content-length", "keep-alive", "server", "transfer-encoding", "upgrade"]
)
_TIMEOUT = aiohttp.ClientTimeout(total=60, sock_connect=5)
_SESSION = web.AppKey("session", aiohttp.ClientSession)


def application(find: Find) -> web.Application:
    app = web.Application(client_max_size=16 * 1024**2)

    async def answer(request: web.Request) -> web.Response:
        url = find(request.host, request.path)
        if url is None:
            return _page(404, "404 Not Found")
        if not url:
            return _page(503, "503 Service Temporarily Unavailable")
        try:
            return await _passed_on(app[_SESSION], request, url)
        except (aiohttp.ClientError, TimeoutError):
            return _page(502, "502 Bad Gateway")

    app.router.add_route("*", "/{path:.*}", answer)
    app.cleanup_ctx.append(_session)
    return app


async def _session(app: web.Application) -> AsyncIterator[None]:
    async with aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False) as session:
        app[_SESSION] = session
        yield


async def _passed_on(
    session: aiohttp.ClientSession, request: web.Request, url: str
) -> web.Response:
    query = f"?{request.query_string}" if request.query_string else ""
    headers = {name: value for name, value in request.headers.items() if name.lower() not in _OWN}
    headers.setdefault("X-Request-ID", uuid.uuid4().hex)
    headers |= {"X-Forwarded-Host": request.host, "X-Forwarded-Proto": request.scheme}
    async with session.request(
        request.method,
        URL(f"{url}{query}"),
        headers=headers,
        data=await request.read() or None,
        allow_redirects=False,
    ) as answer:
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in _OWN}
        kept["Server"] = "nginx"
        return web.Response(status=answer.status, headers=kept, body=await answer.read())


def _page(status: int, title: str) -> web.Response:
    return web.Response(
        status=status,
        body=_PAGE.format(title).encode(),
        content_type="text/html",
        headers={"Server": "nginx"},
    )
