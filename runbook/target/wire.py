"""The small pieces of what goes over the line to an API server and comes back. Pure."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote

import aiohttp
from multidict import CIMultiDict

from runbook.errors import TargetUnreachable
from runbook.target.api import JSON
from runbook.target.credentials import Credentials

CLOCKS_DIFFER = 5.0
"""Seconds from which on two clocks are told apart."""

METADATA_ONLY = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json"
"""What to accept where the names and versions of objects are enough."""


async def lines(response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
    """Lines as they come, without their ends; a last one may have none."""
    rest = b""
    async for chunk in response.content.iter_any():
        *whole, rest = (rest + chunk).split(b"\n")
        for line in whole:
            if line:
                yield line
    if rest:
        yield rest


def event_of(line: bytes, server: str) -> JSON:
    """One event of a watch; a line that was cut short is the end of the connection."""
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise TargetUnreachable(f"{server} broke off in the middle of a watch")
    return event


def clock_ahead(headers: Mapping[str, str], now: datetime, before: float) -> float:
    """How far a server's clock is ahead of ours; `before` when this answer does not tell.

    A Date header has whole seconds and may come late, so a little is nothing.
    """
    try:
        ahead = (parsedate_to_datetime(headers.get("date", "")) - now).total_seconds()
    except (TypeError, ValueError):
        return before
    return ahead if abs(ahead) > CLOCKS_DIFFER else 0.0


def with_authorization(headers: Mapping[str, str] | None, used: Credentials) -> CIMultiDict[str]:
    sent = CIMultiDict(headers or {})
    if used.authorization:
        sent["Authorization"] = used.authorization
    sent.extend(used.impersonation)
    return sent


def selectors(label_selector: str, field_selector: str) -> dict[str, str]:
    given = {"labelSelector": label_selector, "fieldSelector": field_selector}
    return {name: value for name, value in given.items() if value}


def log_path(namespace: str, pod: str) -> str:
    return f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"


def patch_type(patch: JSON | Sequence[JSON]) -> dict[str, str]:
    kind = "merge" if isinstance(patch, dict) else "json"
    return {"Content-Type": f"application/{kind}-patch+json"}


def encode(document: JSON | Sequence[JSON]) -> bytes:
    return json.dumps(document).encode()


def reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
