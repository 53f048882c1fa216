"""MLflow's tracking REST over HTTP, with the traps a client meets on the real one.

The traps, kept on purpose: `/api/2.0` and `/ajax-api/2.0` are the same; a search for an unknown
experiment, with integer ids or with malformed JSON is 200 and `{}`; unknown request keys are ignored;
a wrong password is 401 HTML that does not say which part was wrong; a foreign Host is 403 and
`/health` answers anybody, so a health probe proves nothing about a login.
"""

from __future__ import annotations

import base64
import hmac
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from runbook.practice.services.artifacts import StoreUnreachable
from runbook.practice.services.mlflow_search import UnknownModelAttribute
from runbook.practice.services.mlflow_store import JSON, MlflowFault, invalid
from runbook.practice.services.mlflow_tracking import Tracking

VERSION = "3.17.2"
PREFIXES = ("/api/2.0", "/ajax-api/2.0")
Credentials = Callable[[], Mapping[str, str]]

_NOT_AUTHENTICATED = (
    "You are not authenticated. Please see "
    "https://www.mlflow.org/docs/latest/auth/index.html#authenticating-to-mlflow "
    "on how to authenticate."
)
_PAGES = {
    404: (
        "The requested URL was not found on the server. If you entered the URL manually please check"
        " your spelling and try again."
    ),
    405: "The method is not allowed for the requested URL.",
    500: (
        "The server encountered an internal error and was unable to complete your request. Either the"
        " server is overloaded or there is an error in the application."
    ),
}
"""What Flask says in HTML, outside the REST interface's own errors."""
_ERROR_CLASSES = {"RESOURCE_DOES_NOT_EXIST": "RESOURCE_NOT_FOUND"}
"""Of error codes whose class has another name."""


def application(tracking: Tracking, credentials: Credentials) -> web.Application:
    """`credentials` answers user -> password, asked on every request."""
    app = web.Application(middlewares=[_guard(credentials), _faults])
    app.router.add_get("/health", _health)
    app.router.add_get("/version", _version)
    for prefix in PREFIXES:
        for method, path, call in tracking.routes():
            app.router.add_route(method, f"{prefix}/mlflow/{path}", _endpoint(call))
    return app


def _endpoint(call: Callable[[JSON], JSON]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        arguments: JSON = dict(request.match_info)
        if request.method in {"GET", "DELETE"}:
            arguments |= dict(request.query)
        else:
            arguments |= await _body(request)
        return _json(call(arguments))

    return handle


async def _body(request: web.Request) -> JSON:
    if request.content_type != "application/json":
        raise invalid(
            "Bad Request. Content-Type header must be set to 'application/json', "
            f"got {request.content_type!r}"
        )
    try:
        body: Any = json.loads(await request.read() or b"{}")
    except (ValueError, RecursionError):
        return {}  # the real one drops what it cannot read, and goes on without arguments
    if not isinstance(body, dict):
        raise invalid("Invalid request body: expected a JSON object")
    return body


async def _health(_request: web.Request) -> web.Response:
    return web.Response(text="OK")


async def _version(_request: web.Request) -> web.Response:
    return web.Response(text=VERSION)


@web.middleware
async def _faults(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except MlflowFault as fault:
        body = {
            "error_code": fault.code,
            "message": fault.message,
            "sqlstate": "KAM00",
            "error_class": _ERROR_CLASSES.get(fault.code, fault.code),
        }
        return _json(body, fault.status)
    except (StoreUnreachable, UnknownModelAttribute):
        return _page(500)
    except web.HTTPNotFound:
        return _page(404)
    except web.HTTPMethodNotAllowed as fault:
        return _page(405, Allow=", ".join((*sorted(fault.allowed_methods), "OPTIONS")))


def _json(document: JSON, status: int = 200) -> web.Response:
    """MLflow names no character set."""
    body = json.dumps(document).encode()
    return web.Response(status=status, body=body, content_type="application/json")


def _page(status: int, **headers: str) -> web.Response:
    name = HTTPStatus(status).phrase
    text = (
        f"<!doctype html>\n<html lang=en>\n<title>{status} {name}</title>\n"
        f"<h1>{name}</h1>\n<p>{_PAGES[status]}</p>\n"
    )
    return web.Response(status=status, text=text, content_type="text/html", headers=headers)


def _guard(credentials: Credentials) -> Callable[..., Awaitable[web.StreamResponse]]:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path == "/health":
            return await handler(request)
        if not _trusted_host(request.host):
            return web.Response(
                status=403, text="Invalid Host header - possible DNS rebinding attack detected"
            )
        origin = request.headers.get("Origin")
        if request.method != "GET" and origin is not None and not _trusted_origin(origin):
            return web.Response(status=403, text="Cross-origin request blocked")
        if not _known(request.headers.get("Authorization", ""), credentials()):
            return web.Response(
                status=401,
                text=_NOT_AUTHENTICATED,
                content_type="text/html",
                headers={"WWW-Authenticate": 'Basic realm="mlflow"'},
            )
        return await handler(request)

    return guard


def _trusted_host(host: str) -> bool:
    """Localhost and private addresses, the default of --allowed-hosts; a service name is not one."""
    name = urlsplit(f"//{host}").hostname or ""
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_private
    except ValueError:
        return False


def _trusted_origin(origin: str) -> bool:
    host = urlsplit(origin).netloc
    return bool(host) and urlsplit(f"//{host}").hostname in {"localhost", "127.0.0.1", "::1"}


def _known(header: str, accounts: Mapping[str, str]) -> bool:
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return False
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return False
    known = accounts.get(user)
    return known is not None and hmac.compare_digest(known.encode(), password.encode())
