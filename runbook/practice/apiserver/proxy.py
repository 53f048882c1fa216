"""`services/proxy`: a request to a service inside the cluster, passed through the API server.

Headers go along except those that belong to this connection or that say who the caller is to the API
server; status, headers and body come back as they arrive.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

import aiohttp
from yarl import URL

from runbook.practice.apiserver.errors import ApiError, unavailable
from runbook.practice.apiserver.messages import Request, Stream
from runbook.practice.apiserver.state import State, Target

JSON = dict[str, Any]

# (namespace, service, port number as text) -> base URL on loopback, or None when nobody answers
Backends = Callable[[str, str, str], str | None]

_NOT_PASSED = frozenset(
    [
        "authorization",
        "connection",
        "content-length",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
    ]
)
_CHUNK = 64 * 1024
_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=5)


def no_backends(namespace: str, service: str, port: str) -> None:
    """The backends of a cluster in which nothing listens."""
    del namespace, service, port


class ServiceProxy:
    """Forwards to whatever `backends` names. Close it when the server stops."""

    def __init__(self) -> None:
        self.backends: Backends = no_backends
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def forward(self, state: State, target: Target, rest: str, request: Request) -> Stream:
        """`target.name` is `[scheme:]name[:port]`; `rest` the path behind `/proxy`, still encoded."""
        service, port = _service_and_port(state, target)
        base = self.backends(target.namespace or "", service, port)
        if base is None:
            raise unavailable(f'no endpoints available for service "{target.name}"')
        query = f"?{request.query_string}" if request.query_string else ""
        url = URL(f"{base.rstrip('/')}/{rest.lstrip('/')}{query}", encoded=True)
        try:
            answer = await self._client().request(
                request.method,
                url,
                headers=_passed(request.headers),
                data=request.body or None,
                allow_redirects=False,
                skip_auto_headers=("User-Agent", "Content-Type", "Accept-Encoding"),
            )
        except (aiohttp.ClientError, TimeoutError) as error:
            message = f"error trying to reach service: {error}"
            raise ApiError(503, "ServiceUnavailable", message) from None
        return Stream(
            chunks=_body(answer),
            content_type=answer.headers.get("Content-Type", "application/octet-stream"),
            status=answer.status,
            headers={
                name: value
                for name, value in _passed(answer.headers).items()
                if name.lower() != "content-type"
            },
        )

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False)
        return self._session


def _service_and_port(state: State, target: Target) -> tuple[str, str]:
    parts = target.name.split(":")
    if len(parts) == 3 and parts[0] in {"http", "https", ""}:
        name, port = parts[1], parts[2]
    elif len(parts) == 2:
        name, port = parts
    elif len(parts) == 1:
        name, port = parts[0], ""
    else:
        raise ApiError(400, "BadRequest", f'invalid service request "{target.name}"')
    service = state.must(Target(target.resource, target.namespace, name))
    ports: list[JSON] = (service.get("spec") or {}).get("ports") or []
    if not port and len(ports) == 1:
        return name, str(ports[0]["port"])
    for one in ports:
        if port in {str(one["port"]), one.get("name", "")}:
            return name, str(one["port"])
    raise unavailable(f'no endpoints available for service "{target.name}"')


def _passed(headers: Mapping[str, str]) -> dict[str, str]:
    named = {part.strip().lower() for part in headers.get("connection", "").split(",")}
    return {
        name: value
        for name, value in headers.items()
        if name.lower() not in _NOT_PASSED and name.lower() not in named
    }


async def _body(answer: aiohttp.ClientResponse) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in answer.content.iter_chunked(_CHUNK):
            yield chunk
    finally:
        answer.release()
