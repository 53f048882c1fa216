"""Everything a client may read that is not an object: version, health, discovery, OpenAPI."""

from __future__ import annotations

import hashlib
import platform
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

from runbook.practice.apiserver import aggregation, discovery, openapi
from runbook.practice.apiserver.messages import (
    Request,
    Response,
    json_response,
    page_not_found,
    text_response,
)
from runbook.practice.apiserver.negotiation import check_plain
from runbook.practice.apiserver.registry import Registry
from runbook.practice.apiserver.routing import GroupPath
from runbook.practice.apiserver.store import Store
from runbook.practice.timeline import Timeline

JSON = dict[str, Any]

HEALTH = frozenset({"/healthz", "/livez", "/readyz"})
_MACHINES = {"x86_64": "amd64", "aarch64": "arm64", "arm64": "arm64"}
VERSION: JSON = {
    "major": "1",
    "minor": "32",
    "gitVersion": "v1.32.4",
    "gitCommit": "59526cd4867447956156ae3a602fcbac10a2c335",
    "gitTreeState": "clean",
    "buildDate": "2025-04-22T15:58:53Z",
    "goVersion": "go1.23.6",
    "compiler": "gc",
    "platform": f"linux/{_MACHINES.get(platform.machine(), 'amd64')}",
}
# An empty message is a valid OpenAPI v2 document: clients then use what is compiled into them.
_OPENAPI_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
_A_YEAR = timedelta(days=365)  # kubectl keeps what says so, and asks again otherwise


class Documents:
    """The documents of one registry."""

    def __init__(self, registry: Registry, store: Store, timeline: Timeline) -> None:
        self._registry = registry
        self._store = store
        self._timeline = timeline

    def group(self, path: GroupPath, request: Request) -> Response:
        if path.version:
            page = discovery.resources(self._registry, path.group, path.version)
        elif path.group in self._registry.versions():
            page = discovery.group(self._registry, path.group)
        else:
            document = aggregation.group_document(path, self._elsewhere())
            return page_not_found() if document is None else json_response(document)
        if page.status == 200:
            found = self._registry.versions()[path.group].get(path.version, [])
            check_plain(request, routed=any(resource.crd is None for resource in found))
        return page

    def _elsewhere(self) -> aggregation.Groups:
        return aggregation.groups(self._store, self._registry)

    def page(self, request: Request) -> Response:
        path = request.path.rstrip("/") or "/"
        if path in HEALTH:
            return text_response("ok")
        match path:
            case "/":
                return json_response({"paths": self._paths()})
            case "/version":
                return json_response(VERSION)
            case "/api" | "/apis":
                core = path == "/api"
                elsewhere = {} if core else self._elsewhere()
                return discovery.roots(self._registry, request, elsewhere, core=core)
            case "/openapi/v2":
                return Response(200, b"", _OPENAPI_V2)
            case "/openapi/v3":
                resources, generation = self._registry.all(), self._registry.generation
                return json_response(openapi.root(resources, generation))
        if path.startswith("/openapi/v3/"):
            return self._openapi(request, path.removeprefix("/openapi/v3/"))
        return page_not_found()

    def _openapi(self, request: Request, path: str) -> Response:
        """A document that the client may keep: its URL carries the hash of its contents."""
        registry = self._registry
        body = openapi.document(registry.all(), registry.generation, path)
        if body is None:
            return Response(404, b"", "text/plain; charset=utf-8")
        tag = f'"{hashlib.sha256(body).hexdigest().upper()}"'
        headers = {"ETag": tag, "Vary": "Accept"}
        if request.query.get("hash"):
            headers["Cache-Control"] = "public, immutable"
            headers["Expires"] = format_datetime(self._timeline.now() + _A_YEAR, usegmt=True)
        if request.headers.get("if-none-match") == tag:
            return Response(304, b"", headers=headers)
        return Response(200, body, headers=headers)

    def _paths(self) -> list[str]:
        found = {"/api", "/api/v1", "/apis", "/openapi/v2", "/openapi/v3", "/version", *HEALTH}
        for group, versions in self._registry.versions().items():
            if group:
                found.add(f"/apis/{group}")
                found.update(f"/apis/{group}/{version}" for version in versions)
        return sorted(found)
