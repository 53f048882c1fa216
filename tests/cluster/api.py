"""The little of the Kubernetes API that test helpers need themselves: JSON over TLS."""

from __future__ import annotations

import http.client
import json
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

JSON = dict[str, Any]
PATIENCE = 5.0
"""Seconds for one answer of a server on loopback."""


class Refused(Exception):
    """An answer that is no success, with what the server said."""

    def __init__(self, what: str, status: int, body: str) -> None:
        super().__init__(f"{what}: {status} {body[:500]}")
        self.status = status


class Api:
    """Requests with the administrator's certificate."""

    def __init__(self, server: str, authority: Path, certificate: Path, key: Path) -> None:
        self._server = server
        self._tls = ssl.create_default_context(cafile=str(authority))
        self._tls.load_cert_chain(str(certificate), str(key))

    def get(self, path: str) -> JSON:
        return self.call("GET", path)

    def create(self, path: str, body: JSON) -> JSON:
        return self.call("POST", path, body)

    def apply(self, path: str, body: JSON) -> JSON:
        """Makes it so, whether or not it is there (server-side apply)."""
        query = "?fieldManager=test-cluster&force=true"
        return self.call("PATCH", path + query, body, "application/apply-patch+yaml")

    def call(
        self, method: str, path: str, body: JSON | None = None, kind: str = "application/json"
    ) -> JSON:
        sent = None if body is None else json.dumps(body).encode()
        status, answer = self._request(self._server, method, path, sent, kind)
        if status >= 400:
            raise Refused(f"{method} {path}", status, answer)
        found: JSON = json.loads(answer)
        return found

    def healthy(self, path: str, server: str | None = None) -> bool:
        """Whether a server answers with a success; one that cannot be reached does not."""
        try:
            return self._request(server or self._server, "GET", path)[0] < 400
        except (OSError, http.client.HTTPException):
            return False

    def _request(
        self, server: str, method: str, path: str, body: bytes | None = None, kind: str = ""
    ) -> tuple[int, str]:
        where = urlsplit(server).netloc
        connection = (
            http.client.HTTPSConnection(where, timeout=PATIENCE, context=self._tls)
            if server.startswith("https:")
            else http.client.HTTPConnection(where, timeout=PATIENCE)
        )
        try:
            connection.request(method, path, body, {"Content-Type": kind} if kind else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode("utf-8", "replace")
        finally:
            connection.close()
