"""What passes between us and a Kubernetes API, as plain values.

Objects are the raw JSON that the server sent: typed models cost ten times as much to decode, and an
operator's cluster may hold kinds that no library knows. Pure; does not know how requests are made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from runbook.errors import RunbookError

JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ResourceRef:
    """One kind of object as the server lists it."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def name(self) -> str:
        """`pods`, `models.mlops.seldon.io`."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """Where the server keeps these objects; without a namespace, those of all namespaces."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        parts += [quote(part, safe="") for part in (name, subresource) if part]
        return "/".join(parts)


@dataclass(frozen=True, slots=True)
class Listing:
    """All objects of a list request and the version from which a watch goes on."""

    items: tuple[JSON, ...]
    resource_version: str


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer, whatever its status. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "backslashreplace")


NO_SUCH_PATH = "404 page not found"
"""What an API server says of a path that it does not have, such as that of a CRD that has gone."""


class ApiStatusError(RunbookError):
    """The API server answered a request with an error."""

    def __init__(
        self, code: int, reason: str, message: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.retry_after = retry_after
        """Seconds that the server wants to be left alone, if it said so."""

    @property
    def says_absent(self) -> bool:
        """Whether an API server says so: another server's 404 tells nothing of an object."""
        return self.code == 404 and (bool(self.reason) or self.message.startswith(NO_SUCH_PATH))


class UnknownResource(RunbookError):
    """The cluster serves no such kind; a custom kind whose CRD is not installed looks like this."""


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of a Retry-After header; API servers send no dates in it."""
    text = headers.get("Retry-After", headers.get("retry-after", "")).strip()
    return float(text) if text.isascii() and text.isdecimal() else None


def status_error(status: int, body: bytes, pause: float | None = None) -> ApiStatusError:
    """The error of an answer: the Status object that API servers send, else its text."""
    text = body.decode("utf-8", "backslashreplace").strip()
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if isinstance(document, dict) and document.get("kind") == "Status":
        reason = str(document.get("reason") or "")
        message = str(document.get("message") or f"HTTP {status} {reason}".strip())
        code = int(document.get("code") or status)
        return ApiStatusError(code, reason, message, retry_after=pause)
    first = text.splitlines()[0][:200] if text else ""
    return ApiStatusError(status, "", first or f"HTTP {status}", retry_after=pause)


def split_name(name: str) -> tuple[str, str | None]:
    """`models.mlops.seldon.io` -> its plural and group; a bare name has no group."""
    plural, dot, group = name.partition(".")
    return plural, group if dot else None
