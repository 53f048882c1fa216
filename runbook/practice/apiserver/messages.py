"""A request and its two kinds of answer, without any HTTP library: what `ApiServer.handle` speaks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook.practice.apiserver.store import encode

JSON = dict[str, Any]
JSON_TYPE = "application/json"
TEXT_TYPE = "text/plain; charset=utf-8"


@dataclass(slots=True)
class Request:
    """`path` is still percent-encoded, `headers` have lower-case names.

    `warnings` collects what the answer's header will say.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    query_string: str = ""
    warnings: list[str] = field(default_factory=list)

    def asks(self, parameter: str) -> bool:
        """Whether a boolean query parameter is set: to anything but a no, as in Go."""
        return self.query.get(parameter, "false").lower() not in {"false", "0"}

    @property
    def dry_run(self) -> bool:
        return self.query.get("dryRun") == "All"


@dataclass(slots=True)
class Response:
    status: int
    body: bytes
    content_type: str = JSON_TYPE
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Stream:
    """An answer without an end known beforehand: a watch, a followed log, a proxied body."""

    chunks: AsyncGenerator[bytes, None]
    content_type: str = JSON_TYPE
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answer = Response | Stream


def json_response(
    body: object,
    status: int = 200,
    *,
    content_type: str = JSON_TYPE,
    headers: Mapping[str, str] | None = None,
) -> Response:
    return Response(status, encode(body), content_type, headers or {})


def text_response(text: str, status: int = 200) -> Response:
    return Response(status, text.encode(), TEXT_TYPE)


def page_not_found() -> Response:
    """What the real server's router says about a path nobody serves."""
    return text_response("404 page not found\n", 404)
