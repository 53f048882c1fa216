"""Practice's `Cluster` on a real API server: reads from list-and-watch caches, writes over HTTP.

Practice's controllers read their own writes at once, and a watch is a moment late; so the answer to
a write enters the cache when it comes, and what the watch then says of the same version is no news.
Every kind that can be watched is, as it was served at the start: install the CRDs first.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Change, Propagation
from runbook.practice.timeline import Timeline
from runbook.target.credentials import load_credentials

AGAIN = 0.5
"""Seconds until a list or watch that failed is tried again."""
SKIPPED = frozenset({"events.events.k8s.io", "componentstatuses"})
"""A second name of core events, and what cannot be watched for lack of a store."""
MERGE_PATCH = "application/merge-patch+json"


@dataclass
class Kind:
    """One resource, and what is known of its objects."""

    name: str
    kind: str
    api_version: str
    root: str
    plural: str
    namespaced: bool
    objects: dict[tuple[str, str], JSON] = field(default_factory=dict)
    """By namespace ("" for none) and name."""
    listed: asyncio.Event = field(default_factory=asyncio.Event)

    def path(self, namespace: str | None, name: str = "", subresource: str = "") -> str:
        inside = ["namespaces", namespace] if self.namespaced and namespace else []
        parts = [*inside, self.plural, name, subresource]
        return "/".join([self.root, *(quote(part) for part in parts if part)])


class RemoteCluster:
    """Implements `runbook.practice.cluster.Cluster`. `opened` it, and it follows what happens."""

    def __init__(
        self, server: str, http: aiohttp.ClientSession, timeline: Timeline, kinds: list[Kind]
    ) -> None:
        self.timeline = timeline
        self._server = server
        self._http = http
        self._kinds = {kind.name: kind for kind in kinds}
        self._listeners: list[Callable[[Change], None]] = []
        self._resource_of: dict[str, Kind] = {}  # uid -> its kind, as long as it is there
        self._gone: set[str] = set()  # uids that a late answer must not bring back

    # What controllers read

    def get(self, resource: str, namespace: str | None, name: str) -> JSON | None:
        kind = self._kinds.get(resource)
        return kind.objects.get((namespace or "", name)) if kind is not None else None

    def select(
        self, resource: str, namespace: str | None = None, labels: Mapping[str, str] | None = None
    ) -> list[JSON]:
        kind = self._kinds.get(resource)
        if kind is None:
            return []
        wanted = (labels or {}).items()
        return [
            obj
            for (space, _), obj in sorted(kind.objects.items(), key=lambda entry: entry[0])
            if namespace in (None, space)
            and wanted <= (obj["metadata"].get("labels") or {}).items()
        ]

    def resources(self) -> list[tuple[str, bool]]:
        return [(kind.name, kind.namespaced) for kind in self._kinds.values()]

    def owned_by(self, uid: str) -> list[tuple[str, JSON]]:
        return [
            (kind.name, obj)
            for kind in self._kinds.values()
            for obj in kind.objects.values()
            if any(owner["uid"] == uid for owner in obj["metadata"].get("ownerReferences") or ())
        ]

    def exists(self, uid: str) -> bool:
        return uid in self._resource_of

    def subscribe(self, on_change: Callable[[Change], None]) -> None:
        self._listeners.append(on_change)

    # What controllers write

    async def create(self, resource: str, obj: JSON) -> JSON:
        kind = self._kind(resource)
        return await self._write(kind, "POST", kind.path(_namespace(obj)), obj)

    async def update(self, resource: str, obj: JSON) -> JSON:
        kind = self._kind(resource)
        return await self._write(kind, "PUT", kind.path(*_place(obj)), obj)

    async def update_status(self, resource: str, obj: JSON) -> JSON:
        kind = self._kind(resource)
        return await self._write(kind, "PUT", kind.path(*_place(obj), "status"), obj)

    async def patch(self, resource: str, namespace: str | None, name: str, patch: JSON) -> JSON:
        kind = self._kind(resource)
        return await self._write(kind, "PATCH", kind.path(namespace, name), patch)

    async def finalize(self, name: str, finalizers: list[str]) -> JSON:
        kind = self._kind("namespaces")
        live = await self._request("GET", kind.path(None, name))
        changed = {**live, "spec": {**(live.get("spec") or {}), "finalizers": list(finalizers)}}
        return await self._write(kind, "PUT", kind.path(None, name, "finalize"), changed)

    async def delete(
        self,
        resource: str,
        namespace: str | None,
        name: str,
        *,
        uid: str | None = None,
        grace: int | None = None,
        propagation: Propagation = "Background",
    ) -> None:
        kind = self._kind(resource)
        options: JSON = {"propagationPolicy": propagation}
        options |= {"preconditions": {"uid": uid}} if uid else {}
        options |= {"gracePeriodSeconds": grace} if grace is not None else {}
        answer = await self._request("DELETE", kind.path(namespace, name), options)
        if answer.get("kind") != "Status":  # it is only marked, and still there for a while
            self._see(kind, answer)

    # How it stays up to date

    async def follow(self) -> None:
        """Keep every cache up to date, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for kind in self._kinds.values():
                tasks.create_task(self._keep(kind))

    async def synced(self) -> None:
        """Everything was listed once."""
        for kind in self._kinds.values():
            await kind.listed.wait()

    async def _keep(self, kind: Kind) -> None:
        while True:
            try:
                version = await self._list(kind)
                while True:
                    version = await self._watch(kind, version)
            except ApiError:
                await asyncio.sleep(AGAIN)

    async def _list(self, kind: Kind) -> str:
        answer = await self._request("GET", kind.path(None))
        seen = {obj["metadata"]["uid"] for obj in answer["items"]}
        for known in [obj for obj in kind.objects.values() if obj["metadata"]["uid"] not in seen]:
            self._lose(kind, known)
        for obj in answer["items"]:
            self._see(kind, obj)
        kind.listed.set()
        return str(answer["metadata"]["resourceVersion"])

    async def _watch(self, kind: Kind, version: str) -> str:
        path = f"{kind.path(None)}?watch=true&allowWatchBookmarks=true&resourceVersion={version}"
        async with self._open("GET", path) as response:
            await _raise_refusal(response)
            async for line in response.content:
                event = json.loads(line)
                obj = event["object"]
                if event["type"] == "ERROR":
                    raise _refusal(obj.get("code", 500), obj)
                version = obj["metadata"]["resourceVersion"]
                if event["type"] == "DELETED":
                    self._lose(kind, obj)
                elif event["type"] != "BOOKMARK":
                    self._see(kind, obj)
        return version

    def _see(self, kind: Kind, obj: JSON) -> None:
        metadata = obj["metadata"]
        key = (metadata.get("namespace") or "", metadata["name"])
        old = kind.objects.get(key)
        if metadata["uid"] in self._gone:
            return
        if old is not None and old["metadata"]["uid"] != metadata["uid"]:
            self._lose(kind, old)
            old = None
        if old is not None and _version(old) >= _version(obj):
            return
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
        kind.objects[key] = new
        self._resource_of[metadata["uid"]] = kind
        self._tell(Change("ADDED" if old is None else "MODIFIED", kind.name, new, old))

    def _lose(self, kind: Kind, obj: JSON) -> None:
        metadata = obj["metadata"]
        key = (metadata.get("namespace") or "", metadata["name"])
        self._gone.add(metadata["uid"])
        self._resource_of.pop(metadata["uid"], None)
        old = kind.objects.get(key)
        if old is not None and old["metadata"]["uid"] == metadata["uid"]:
            del kind.objects[key]
            last = {"apiVersion": kind.api_version, "kind": kind.kind, **obj}
            self._tell(Change("DELETED", kind.name, last, old))

    def _tell(self, change: Change) -> None:
        for listener in self._listeners:
            listener(change)

    # HTTP

    def _kind(self, resource: str) -> Kind:
        found = self._kinds.get(resource)
        if found is None:
            raise ApiError(404, "NotFound", f'the server has no resource "{resource}"')
        return found

    async def _write(self, kind: Kind, method: str, path: str, body: JSON) -> JSON:
        written = await self._request(method, path, body)
        self._see(kind, written)
        return {"apiVersion": kind.api_version, "kind": kind.kind, **written}

    async def _request(self, method: str, path: str, body: JSON | None = None) -> JSON:
        async with self._open(method, path, body) as response:
            await _raise_refusal(response)
            answer: JSON = await response.json(content_type=None)
            return answer

    @asynccontextmanager
    async def _open(
        self, method: str, path: str, body: JSON | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        sent = None if body is None else json.dumps(body).encode()
        content = MERGE_PATCH if method == "PATCH" else "application/json"
        headers = {"Content-Type": content} if sent is not None else {}
        try:
            async with self._http.request(
                method, self._server + path, data=sent, headers=headers
            ) as response:
                yield response
        except (aiohttp.ClientError, OSError, TimeoutError) as fault:
            raise ApiError(503, "ServiceUnavailable", f"{method} {path}: {fault!r}") from fault


@asynccontextmanager
async def opened(kubeconfig: Path, timeline: Timeline) -> AsyncIterator[RemoteCluster]:
    """The cluster of a kubeconfig, followed until the `with` ends; every cache is filled."""
    credentials = await load_credentials(kubeconfig, None)
    own = {"Authorization": credentials.authorization} if credentials.authorization else {}
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, ssl=credentials.tls or True),
        headers={"Accept": "application/json", "User-Agent": "simulated-platform", **own},
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=5),
        read_bufsize=2**22,
    ) as http:
        cluster = RemoteCluster(
            credentials.server, http, timeline, await _kinds(http, credentials.server)
        )
        following = asyncio.create_task(cluster.follow())
        try:
            await cluster.synced()
            yield cluster
        finally:
            following.cancel()
            await http.close()  # aborts what a cancelled watch would close in good order
            await asyncio.gather(following, return_exceptions=True)


async def _kinds(http: aiohttp.ClientSession, server: str) -> list[Kind]:
    """Every resource that can be listed and watched, in its group's preferred version."""

    async def fetch(path: str) -> Any:
        async with http.get(server + path) as response:
            response.raise_for_status()
            return await response.json()

    groups = (await fetch("/apis"))["groups"]
    roots = ["/api/v1", *(f"/apis/{one['preferredVersion']['groupVersion']}" for one in groups)]
    found: list[Kind] = []
    for root in roots:
        listed = await fetch(root)
        group = listed["groupVersion"].rpartition("/")[0]
        for entry in listed["resources"]:
            plural = entry["name"]
            name = f"{plural}.{group}" if group else plural
            if "/" in plural or not {"list", "watch"} <= set(entry["verbs"]) or name in SKIPPED:
                continue
            kind, namespaced = entry["kind"], entry["namespaced"]
            found.append(Kind(name, kind, listed["groupVersion"], root, plural, namespaced))
    return found


def _namespace(obj: JSON) -> str | None:
    found: str | None = obj["metadata"].get("namespace")
    return found


def _place(obj: JSON) -> tuple[str | None, str]:
    return _namespace(obj), obj["metadata"]["name"]


def _version(obj: JSON) -> int:
    return int(obj["metadata"]["resourceVersion"])


async def _raise_refusal(response: aiohttp.ClientResponse) -> None:
    if response.status >= 400:
        text = await response.text()
        try:
            status = json.loads(text)
        except ValueError:
            status = {"message": text}
        raise _refusal(response.status, status)


def _refusal(code: int, status: JSON) -> ApiError:
    reason, message = status.get("reason") or "", status.get("message") or ""
    return ApiError(code, reason, message, status.get("details"))
