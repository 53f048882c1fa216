"""The inference mesh: envoy's routing by header, and the model server behind it, in one application.

Rules: a route matches the path `/v2...` and the header `seldon-model`; without that header (and
without `x-seldon-route`) the name is taken from `/v2/models/NAME/...`; no route is 404 with an empty
body, a route without a live replica is 503; only an answer from a model server carries
`x-seldon-route`, which is what tells a broken payload from a broken platform. An experiment's
candidates are drawn by weight, and a client that sends `x-seldon-route` back stays with its candidate.
"""

from __future__ import annotations

import json
import random
import re
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from runbook.practice.services.inference import (
    JSON,
    BadInput,
    LoadedModel,
    NotARequest,
    infer,
    metadata,
)

_NAMED_PATH = re.compile(r"^/v2/(models|pipelines)/([^/]+)(?:/|$)")
_MODEL_PATH = re.compile(
    r"^/v2/models/(?P<model>[^/]+)(?:/versions/[^/]+)?(?:/(?P<call>ready|infer))?$"
)
_STICKY = re.compile(r":(?P<name>[^:]+)_(?P<version>\d+):")


@dataclass(frozen=True, slots=True)
class Candidate:
    """One destination of a route; weights are relative to their sum."""

    model: LoadedModel
    weight: int
    healthy: bool


Routes = Callable[[str], Sequence[Candidate]]
"""From the value of `seldon-model` to the candidates; empty = no such route."""


def application(routes: Routes, chance: random.Random) -> web.Application:
    app = web.Application(middlewares=[_envoy_headers], client_max_size=16 * 1024**2)
    app.router.add_route("*", "/{path:.*}", _Mesh(routes, chance).answer)
    return app


@web.middleware
async def _envoy_headers(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers["Server"] = "envoy"
    return response


class _Mesh:
    def __init__(self, routes: Routes, chance: random.Random) -> None:
        self._routes = routes
        self._chance = chance

    async def answer(self, request: web.Request) -> web.Response:
        name = _wanted(request)
        candidates = self._routes(name) if name and request.path.startswith("/v2") else ()
        if not candidates:
            return web.Response(status=404)
        chosen = self._choose(candidates, request.headers.get("x-seldon-route", ""))
        if not chosen.healthy:
            return web.Response(status=503, text="no healthy upstream")
        response = await _model_server(request, chosen.model)
        response.headers["x-seldon-route"] = f":{chosen.model.internal_name}:"
        response.headers["x-request-id"] = request.headers.get("x-request-id", str(uuid.uuid4()))
        response.headers["x-envoy-upstream-service-time"] = str(self._chance.randint(4, 24))
        return response

    def _choose(self, candidates: Sequence[Candidate], sticky: str) -> Candidate:
        for found in _STICKY.finditer(sticky):
            for candidate in candidates:
                if candidate.model == LoadedModel(found["name"], int(found["version"])):
                    return candidate
        weights = [candidate.weight for candidate in candidates]
        return self._chance.choices(candidates, weights if any(weights) else None)[0]


def _wanted(request: web.Request) -> str:
    header = request.headers.get("seldon-model", "")
    if header or "x-seldon-route" in request.headers:
        return header
    found = _NAMED_PATH.match(request.path)
    if found is None:
        return ""
    return found[2] if found[1] == "models" else f"{found[2]}.pipeline"


async def _model_server(request: web.Request, model: LoadedModel) -> web.Response:
    """MLServer; the name in the path was rewritten to the chosen model's before it gets here."""
    simple: dict[str, Callable[[], Awaitable[web.Response]]] = {
        "/v2/health/live": _empty,
        "/v2/health/ready": _empty,
        "/v2": _server_metadata,
    }
    if request.path.rstrip("/") in simple:
        return await simple[request.path.rstrip("/")]() if _is_get(request) else _not_allowed()
    found = _MODEL_PATH.match(request.path)
    if found is None:
        return web.json_response({"detail": "Not Found"}, status=404)
    if found["call"] == "infer":
        return await _infer(request, model) if request.method == "POST" else _not_allowed()
    if not _is_get(request):
        return _not_allowed()
    return await _empty() if found["call"] == "ready" else web.json_response(metadata(model))


async def _infer(request: web.Request, model: LoadedModel) -> web.Response:
    try:
        payload: object = json.loads(await request.read())
    except (ValueError, RecursionError) as fault:
        return _refused(
            {"type": "json_invalid", "loc": ["body"], "msg": f"JSON decode error: {fault}"}
        )
    try:
        answer: JSON = infer(model, payload)
    except NotARequest as fault:
        return _refused(fault.detail)
    except BadInput as fault:
        return web.json_response({"error": str(fault)}, status=400)
    return web.json_response(answer)


async def _empty() -> web.Response:
    return web.Response()


async def _server_metadata() -> web.Response:
    return web.json_response({"name": "mlserver", "version": "1.7.1", "extensions": []})


def _is_get(request: web.Request) -> bool:
    return request.method in {"GET", "HEAD"}


def _not_allowed() -> web.Response:
    return web.json_response({"detail": "Method Not Allowed"}, status=405)


def _refused(detail: JSON) -> web.Response:
    return web.json_response({"detail": [detail]}, status=422)
