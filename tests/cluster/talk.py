"""What a test says to one cluster over HTTP, and what it was answered, as a transcript.

A scenario is a function that takes a `Talk`; it is run against both clusters, and the transcripts are
compared (`compare.py`). Paths may hold `{ns}`, the scenario's own namespace.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import yaml

from tests.cluster.processes import wait_until
from tests.cluster.sides import Side

JSON = dict[str, Any]
APPLY = "application/apply-patch+yaml"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
AGENT = "conformance"
"""The field manager where a request names none: the server takes it from the user agent."""


class Talk:
    """Requests of one scenario to one cluster. Every answer goes into `transcript`."""

    def __init__(self, side: Side, namespace: str) -> None:
        self.side = side
        self.namespace = namespace
        self.transcript: list[tuple[str, JSON]] = []

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        media: str = "",
        headers: Mapping[str, str] | None = None,
        quiet: bool = False,
        token: str | None = None,
        without: str = "",
        **query: object,
    ) -> Any:
        """The answer's body. `token` is a list's continue token; `quiet` keeps it out of the transcript, for what only prepares,
        and `without` one field, which controllers are writing meanwhile.
        """
        path = path.replace("{ns}", self.namespace)
        if token is not None:
            query["continue"] = token
        sent = _sent(body, self.namespace)
        kind = media or ("application/json" if sent is not None else "")
        answer = self.side.http.request(
            method,
            path,
            content=sent,
            params={key: str(value) for key, value in query.items()} or None,
            headers={
                "User-Agent": AGENT,
                "Accept": "application/json",
                **({"Content-Type": kind} if kind else {}),
                **(headers or {}),
            },
        )
        found = _read(answer.text)
        if isinstance(found, dict) and found.get("kind") != "Status":
            found.pop(without, None)
        if not quiet:
            shown: JSON = {"code": answer.status_code, "body": found}
            if "warning" in answer.headers:
                shown["warning"] = answer.headers["warning"]
            self.note(f"{method} {path}{_query(query)}", shown)
        return found

    def note(self, what: str, answer: JSON) -> None:
        self.transcript.append((f"{len(self.transcript) + 1} {what}", answer))

    def get(self, path: str, **more: Any) -> Any:
        return self.ask("GET", path, **more)

    def post(self, path: str, body: object, **more: Any) -> Any:
        return self.ask("POST", path, body, **more)

    def put(self, path: str, body: object, **more: Any) -> Any:
        return self.ask("PUT", path, body, **more)

    def delete(self, path: str, body: object = None, **more: Any) -> Any:
        return self.ask("DELETE", path, body, **more)

    def merge(self, path: str, body: object, **more: Any) -> Any:
        return self.ask("PATCH", path, body, media=MERGE, **more)

    def strategic(self, path: str, body: object, **more: Any) -> Any:
        return self.ask("PATCH", path, body, media=STRATEGIC, **more)

    def json_patch(self, path: str, body: object, **more: Any) -> Any:
        return self.ask("PATCH", path, body, media=JSON_PATCH, **more)

    def apply(self, path: str, body: object, manager: str = "one", **more: Any) -> Any:
        return self.ask("PATCH", path, body, media=APPLY, fieldManager=manager, **more)

    def watch(self, path: str, seconds: int = 1, **query: object) -> list[JSON]:
        """Everything a watch says until the server ends it after these seconds."""
        path = path.replace("{ns}", self.namespace)
        accept = str(query.pop("accept", "application/json"))
        asked = {"watch": "true", "timeoutSeconds": seconds, **query}
        answer = self.side.http.get(
            path,
            params={key: str(value) for key, value in asked.items()},
            headers={"User-Agent": AGENT, "Accept": accept},
        )
        lines = answer.text.splitlines() if answer.status_code == 200 else [answer.text]
        events = [_read(line) for line in lines]
        self.note(f"WATCH {path}{_query(query)}", {"code": answer.status_code, "events": events})
        return events

    def until_there(self, path: str) -> None:
        """For what a controller makes."""
        path = path.replace("{ns}", self.namespace)
        wait_until(lambda: self.side.http.get(path).status_code == 200, 30, f"{path} is there")

    def until_gone(self, path: str) -> None:
        path = path.replace("{ns}", self.namespace)
        wait_until(lambda: self.side.http.get(path).status_code == 404, 60, f"{path} is gone")


def _sent(body: object, namespace: str) -> bytes | None:
    """Texts are YAML for the reader's sake; bytes go out as they are."""
    match body:
        case None:
            return None
        case bytes():
            return body
        case str():
            return json.dumps(yaml.safe_load(body.replace("{ns}", namespace))).encode()
        case _:
            return json.dumps(body).encode()


def _read(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _query(query: Mapping[str, object]) -> str:
    shown = {key: value for key, value in query.items() if key != "resourceVersion"}
    return "".join(f" {key}={value}" for key, value in shown.items())
