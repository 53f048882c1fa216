"""HTTP around an `ApiServer`: TLS and a token on loopback, HTTP/1.1, streams that end when told to.

Refuses a foreign Host or Origin, so that no web page can talk to it through a browser. A client that
goes away ends its watch at once.
"""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence

from aiohttp import web
from aiohttp.typedefs import Middleware

from runbook.clock import RealClock
from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.authentication import PUBLIC_PATHS, Authenticator
from runbook.practice.apiserver.authorization import ADMIN, ANONYMOUS, MASTERS, User
from runbook.practice.apiserver.certificates import Certificates, make_certificates
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.kubeconfig import kubeconfig
from runbook.practice.apiserver.messages import (
    JSON,
    Answer,
    Request,
    Response,
    Stream,
    json_response,
)

LOOPBACK = "127.0.0.1"
LARGEST_BODY = 3 * 1024 * 1024  # bytes, as upstream
LARGE_ANSWER = 256 * 1024  # bytes; what is longer goes out in parts of this size
_STOP_WITHIN = 1.0  # seconds that open answers get when the server stops
_ALWAYS = {"Cache-Control": "no-cache, private"}

Door = Callable[[Request], Awaitable[Response]]


class Server:
    """One listening API server. `start` it, hand out its `kubeconfig`, `stop` it."""

    def __init__(
        self,
        api: ApiServer,
        *,
        port: int = 0,
        token: str | None = None,
        certificates: Certificates | None = None,
        middlewares: Sequence[Middleware] = (),
    ) -> None:
        self.token = token or secrets.token_urlsafe(32)
        self.port = port
        self.certificates = certificates or make_certificates(RealClock().now())
        self._api = api
        self._middlewares = tuple(middlewares)
        self._authenticator = Authenticator(self.token, api.user_of_token)
        api.know_token(self.token, ADMIN)
        self._doors: dict[str, Door] = {}
        self._runner: web.AppRunner | None = None
        self._site: web.TCPSite | None = None

    def lead_to(self, api: ApiServer) -> None:
        """Another cluster from now on, at the old address; watches of the former one end."""
        self._api.end_watches()
        self._api = api
        self._authenticator = Authenticator(self.token, api.user_of_token)
        api.know_token(self.token, ADMIN)

    def add_door(self, prefix: str, door: Door) -> None:
        """Something beside the API, for its administrators: no discovery knows of it."""
        self._doors[prefix] = door

    @property
    def url(self) -> str:
        return f"https://{LOOPBACK}:{self.port}"

    def kubeconfig(self, *, context: str = "practice", namespace: str = "") -> JSON:
        return kubeconfig(
            self.url,
            self.certificates.authority,
            self.token,
            context=context,
            namespace=namespace,
        )

    async def start(self) -> None:
        app = web.Application(client_max_size=LARGEST_BODY, middlewares=self._middlewares)
        app.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            app,
            access_log=None,
            handle_signals=False,
            handler_cancellation=True,  # an idle watch would otherwise outlive its client
            shutdown_timeout=_STOP_WITHIN,
        )
        await runner.setup()
        site = web.TCPSite(
            runner, LOOPBACK, self.port, ssl_context=self.certificates.server_context()
        )
        await site.start()
        self._runner, self._site = runner, site
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Accept nothing new, end the watches, close what is left."""
        if self._site is not None:
            await self._site.stop()
            self._site = None
        self._api.end_watches()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, http: web.Request) -> web.StreamResponse:
        try:
            self._check_host(http)
            user = self._user(http)
            request = Request(
                method=http.method,
                path=http.rel_url.raw_path,
                query=dict(http.query),
                headers=_headers(http),
                body=await _body(http),
                query_string=http.rel_url.raw_query_string,
            )
            answer = await self._answer(request, user)
        except ApiError as error:
            answer = json_response(error.status(), error.code)
        if isinstance(answer, Stream):
            return await _stream(http, answer)
        headers = {**_ALWAYS, **answer.headers, "Content-Type": answer.content_type}
        if len(answer.body) > LARGE_ANSWER:
            return await _in_parts(http, answer, headers)
        return web.Response(status=answer.status, body=answer.body, headers=headers)

    async def _answer(self, request: Request, user: User) -> Answer:
        for prefix, door in self._doors.items():
            if request.path.startswith(prefix):
                if MASTERS not in user.groups:
                    raise ApiError(403, "Forbidden", f"{user.name} may not use {prefix}")
                return await door(request)
        return await self._api.handle(request, user)

    def _check_host(self, http: web.Request) -> None:
        own = {f"{name}:{self.port}" for name in (LOOPBACK, "localhost", "[::1]")}
        origin = http.headers.get("Origin")
        foreign_origin = origin is not None and origin.removeprefix("https://") not in own
        if http.host not in own or foreign_origin:
            message = f"this server answers only to {LOOPBACK}:{self.port}, not to {http.host}"
            raise ApiError(403, "Forbidden", message)

    def _user(self, http: web.Request) -> User:
        headers = _headers(http)
        if http.path in PUBLIC_PATHS and "authorization" not in headers:
            return ANONYMOUS
        return self._authenticator.user(headers, http.headers.getall("Impersonate-Group", []))


def _headers(http: web.Request) -> dict[str, str]:
    """By lower-case name; bytes that are not UTF-8 become replacement characters."""
    return {
        name.lower(): value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        for name, value in http.headers.items()
    }


async def _body(http: web.Request) -> bytes:
    try:
        return await http.read()
    except web.HTTPRequestEntityTooLarge:
        message = f"Request entity too large: limit is {LARGEST_BODY}"
        raise ApiError(413, "RequestEntityTooLarge", message) from None


async def _in_parts(
    http: web.Request, answer: Response, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Written as fast as the client reads: TLS would keep a copy of all that waits to be sent."""
    response = web.StreamResponse(status=answer.status, headers=headers)
    response.content_length = len(answer.body)
    whole = memoryview(answer.body)
    with contextlib.suppress(ConnectionError):  # the client has gone
        await response.prepare(http)
        for start in range(0, len(whole), LARGE_ANSWER):
            await response.write(whole[start : start + LARGE_ANSWER])
        await response.write_eof()
    return response


async def _stream(http: web.Request, answer: Stream) -> web.StreamResponse:
    headers = {**_ALWAYS, **answer.headers, "Content-Type": answer.content_type}
    response = web.StreamResponse(status=answer.status, headers=headers)
    try:
        await response.prepare(http)
        async for chunk in answer.chunks:
            if chunk:
                await response.write(chunk)
        with contextlib.suppress(ConnectionError):
            await response.write_eof()
    except ConnectionError:
        pass  # the client has gone; its watch ends below
    finally:
        await answer.chunks.aclose()
    return response
