"""The one door to a Kubernetes API: plain HTTP with raw JSON.

Every request has a time limit; a server that does not answer is `TargetUnreachable`, one that answers
with an error is `ApiStatusError`. Rejected credentials are read anew once, since tokens expire during
a drill; a server that asks for a short pause is asked again after it. A client outlives all failures.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote, urlencode

import aiohttp
from yarl import URL

from runbook import __version__
from runbook.clock import RealClock
from runbook.errors import TargetUnreachable
from runbook.target.api import JSON, HttpAnswer, Listing, ResourceRef, retry_after, status_error
from runbook.target.credentials import Credentials, load_credentials
from runbook.target.discovery import Discovery
from runbook.target.services import Services
from runbook.target.wire import (
    METADATA_ONLY,
    clock_ahead,
    encode,
    event_of,
    lines,
    log_path,
    patch_type,
    reason,
    selectors,
    with_authorization,
)

CONNECT_TIMEOUT = 5.0
REQUEST_TIMEOUT = 30.0
PAGE = 250
"""Objects per answer: a page of 250 pods is decoded in about 10 ms, unnoticed by a screen."""
WATCH_WINDOW = 45
"""Seconds after which the server ends a watch, so that a dead line is noticed soon after."""

PAUSES = 5.0
"""Seconds of pauses that one request makes at most when the server asks for them."""


async def connect(
    kubeconfig: Path, context: str | None = None, *, renew: Callable[[], object] = lambda: None
) -> ClusterClient:
    """A client for a kubeconfig's context (its current one by default). Sends nothing yet.

    `renew` brings newer credentials into the kubeconfig, if it can, after some were rejected.
    """
    return ClusterClient(kubeconfig, context, await load_credentials(kubeconfig, context), renew)


class ClusterClient:
    """Requests to one API server."""

    def __init__(
        self,
        kubeconfig: Path,
        context: str | None,
        credentials: Credentials,
        renew: Callable[[], object],
    ) -> None:
        self._kubeconfig = kubeconfig
        self._renew = renew
        self.clock_ahead = 0.0
        """Seconds that the server's clock is ahead of ours, by its last answer; 0 when about equal."""
        self._clock = RealClock()
        self._context = context
        self.credentials = credentials
        self._session: aiohttp.ClientSession | None = None
        self._retired: tuple[aiohttp.ClientSession, ...] = ()
        self._renewing = asyncio.Lock()
        self.on_renewed: Callable[[Credentials], object] = lambda _: None
        """Called with newer credentials before they are used."""
        self._discovery = Discovery(self._discover, self._is_ready)
        self.services = Services(self)

    @property
    def server(self) -> str:
        return self.credentials.server

    @property
    def ca_sha256(self) -> str:
        """Fingerprint of the CA file that the server must prove itself with; empty without one."""
        return self.credentials.ca_sha256

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        for session in (*self._retired, *([self._session] if self._session else [])):
            await session.close()
        self._session, self._retired = None, ()

    async def resolve(self, name: str, group: str | None = None) -> ResourceRef:
        """The resource of a kind, plural, short name or `plural.group`; else `UnknownResource`."""
        return await self._discovery.resolve(name, group)

    async def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        accept: str = "application/json",
        timeout: float = REQUEST_TIMEOUT,
    ) -> JSON:
        headers = {"Accept": accept}
        return await self._json("GET", path, params=params, headers=headers, timeout=timeout)

    async def ask(self, method: str, path: str) -> HttpAnswer:
        """Whatever is answered, for what is no object of the API."""
        return await self._answer(method, path)

    async def list(
        self,
        resource: ResourceRef,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> Listing:
        """All matching objects. `metadata_only` leaves out contents, such as a Secret's values."""
        items: tuple[JSON, ...] = ()
        version = ""
        async for page in self.pages(
            resource,
            namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            metadata_only=metadata_only,
        ):
            items, version = items + page.items, page.resource_version
        return Listing(items, version)

    async def pages(
        self,
        resource: ResourceRef,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        metadata_only: bool = False,
    ) -> AsyncIterator[Listing]:
        """The same in pages, so that a large list never holds up the event loop."""
        accept = METADATA_ONLY if metadata_only else "application/json"
        params = selectors(label_selector, field_selector) | {"limit": str(PAGE)}
        while True:
            document = await self.get(resource.path(namespace), params, accept=accept)
            metadata = document.get("metadata") or {}
            yield Listing(
                tuple(document.get("items") or ()), str(metadata.get("resourceVersion", ""))
            )
            if not metadata.get("continue"):
                return
            params = {**params, "continue": metadata["continue"]}

    async def watch(
        self,
        resource: ResourceRef,
        namespace: str | None = None,
        *,
        resource_version: str,
        label_selector: str = "",
        field_selector: str = "",
    ) -> AsyncGenerator[JSON, None]:
        """Events after `resource_version` until the server ends the window. An expired version, or
        any other error sent as an event, is raised as `ApiStatusError`.
        """
        params = selectors(label_selector, field_selector) | {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": resource_version,
            "timeoutSeconds": str(WATCH_WINDOW),
        }
        limit = aiohttp.ClientTimeout(
            total=None, sock_connect=CONNECT_TIMEOUT, sock_read=WATCH_WINDOW + 10
        )
        path = resource.path(namespace)
        async with self._open("GET", path, params=params, limit=limit) as response:
            if response.status != 200:
                pause = retry_after(response.headers)
                raise status_error(response.status, await response.read(), pause)
            async for line in lines(response):
                event = event_of(line, self.server)
                if event.get("type") == "ERROR":
                    code = (event.get("object") or {}).get("code", 500)
                    raise status_error(int(code), json.dumps(event["object"]).encode())
                yield event

    async def create(self, resource: ResourceRef, namespace: str | None, manifest: JSON) -> JSON:
        return await self._json("POST", resource.path(namespace), data=encode(manifest))

    async def patch(
        self,
        resource: ResourceRef,
        namespace: str | None,
        name: str,
        patch: JSON | Sequence[JSON],
        *,
        subresource: str = "",
    ) -> JSON:
        """A merge patch (an object), or a JSON patch (a list, whose `test`s make it conditional)."""
        path = resource.path(namespace, name, subresource)
        return await self._json("PATCH", path, headers=patch_type(patch), data=encode(patch))

    async def logs(
        self,
        namespace: str,
        pod: str,
        *,
        container: str | None = None,
        tail: int | None = None,
        previous: bool = False,
    ) -> str:
        """What a container has written so far."""
        params = {"previous": "true"} if previous else {}
        params |= {"container": container} if container else {}
        params |= {"tailLines": str(tail)} if tail is not None else {}
        answer = await self._answer("GET", log_path(namespace, pod), params=params)
        if answer.status != 200:
            raise status_error(answer.status, answer.body)
        return answer.text

    async def follow_logs(
        self, namespace: str, pod: str, *, container: str | None = None
    ) -> AsyncGenerator[bytes, None]:
        """Lines as the container writes them, until it ends."""
        params = {"follow": "true"} | ({"container": container} if container else {})
        # A container may be silent for as long as it likes.
        limit = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT)
        path = log_path(namespace, pod)
        async with self._open("GET", path, params=params, limit=limit) as response:
            if response.status != 200:
                raise status_error(response.status, await response.read())
            async for line in lines(response):
                yield line

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
        timeout: float = REQUEST_TIMEOUT,
    ) -> HttpAnswer:
        """Ask a service through the API server's proxy. `port` may be `https:name` as well."""
        scheme, colon, number = port.rpartition(":")
        place = ":".join(part for part in (scheme if colon else "", service, number) if part)
        root = f"/api/v1/namespaces/{quote(namespace, safe='')}/services/{place}/proxy"
        path = path if path.startswith("/") else f"/{path}"
        return await self._answer(method, root + path, headers=headers, data=body, timeout=timeout)

    async def _discover(self, path: str, accept: str) -> JSON:
        return await self.get(path, accept=accept)

    async def _is_ready(self) -> bool:
        return (await self._answer("GET", "/readyz")).status < 500

    async def _json(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> JSON:
        given = {"Accept": "application/json"}
        given |= {"Content-Type": "application/json"} if data is not None else {}
        answer = await self._answer(
            method,
            path,
            params=params,
            headers={**given, **(headers or {})},
            data=data,
            timeout=timeout,
        )
        if not 200 <= answer.status < 300:
            raise status_error(answer.status, answer.body, retry_after(answer.headers))
        try:
            document = json.loads(answer.body)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise TargetUnreachable(
                f"{self.server} answered {method} {path} with something that is no JSON object",
                hint="is this address a Kubernetes API server?",
            )
        return document

    async def _answer(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        timeout: float = REQUEST_TIMEOUT,
    ) -> HttpAnswer:
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT)
        patience = PAUSES
        while True:
            async with self._open(
                method, path, params=params, headers=headers, data=data, limit=limit
            ) as response:
                body = await response.read()
                names = {name.lower(): value for name, value in response.headers.items()}
                answer = HttpAnswer(response.status, names, body)
                self.clock_ahead = clock_ahead(names, self._clock.now(), self.clock_ahead)
            # With this header an API server says that it has not begun to do what was asked.
            pause = retry_after(names) if answer.status in (429, 503) else None
            if pause is None or max(pause, 1.0) > patience:
                return answer
            patience -= max(pause, 1.0)
            await self._clock.sleep(pause)

    @asynccontextmanager
    async def _open(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        data: bytes | None = None,
        limit: aiohttp.ClientTimeout,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        url = URL(self.server + path + (f"?{urlencode(params)}" if params else ""), encoded=True)
        try:
            for renewable in (True, False):
                used = self.credentials
                async with self._ready_session().request(
                    method,
                    url,
                    headers=with_authorization(headers, used),
                    data=data,
                    timeout=limit,
                    proxy=used.proxy,
                    server_hostname=used.tls_server_name,
                    # Credentials follow a redirect to wherever it points; an API server sends none.
                    allow_redirects=False,
                ) as response:
                    if response.status == 401 and renewable and await self._renewed(used):
                        continue
                    yield response
                    return
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise TargetUnreachable(f"{self.server} does not answer: {reason(error)}") from error

    def _ready_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Watches keep their connections, so the number of these is not limited.
                connector=aiohttp.TCPConnector(limit=0, ssl=self.credentials.tls or True),
                headers={"User-Agent": f"runbook/{__version__}"},
                trust_env=True,
                read_bufsize=2**20,
            )
        return self._session

    async def _renewed(self, used: Credentials) -> bool:
        """Whether there are newer credentials than those that were rejected."""
        async with self._renewing:
            if self.credentials is used:
                await asyncio.to_thread(self._renew)
                fresh = await load_credentials(self._kubeconfig, self._context)
                if (fresh.authorization, fresh.tls_files) == (used.authorization, used.tls_files):
                    return False
                self.on_renewed(fresh)
                self.credentials = fresh
                if self._session and fresh.tls_files != used.tls_files:
                    # Other requests are still being answered over the old connections.
                    self._retired += (self._session,)
                    self._session = None
            return True
