"""`http` and `tcp`: does something answer, and what.

Redirects are not followed: an expectation is about the address that was given. A green status is not
taken from MinIO while it says by a header that it is offline.
"""

from __future__ import annotations

import asyncio
import ssl

import httpx

from runbook.checks.base import CheckContext
from runbook.checks.expectation import describe_http, http_mismatch, shortened
from runbook.clock import RealClock
from runbook.errors import CheckMisconfigured
from runbook.model.checks import HttpQuery, TcpQuery
from runbook.model.values import readable
from runbook.run.readings import Reading, fails, holds, unknown

MINIO_STATUS = "x-minio-server-status"
LARGEST_BODY = 4 * 1024 * 1024
"""Bytes of a body that are looked at."""


def expects_http(query: HttpQuery) -> str:
    return f"{query.method} {query.url}: {describe_http(query.expect)}"


async def look_http(query: HttpQuery, context: CheckContext, expected: str) -> Reading:
    services = context.cluster.services
    if (query.username is None) != (query.password is None):
        raise CheckMisconfigured("username and password are given together or not at all")
    clock = RealClock()
    auth = (query.username, query.password or "") if query.username is not None else None
    async with services.open(
        query.url, timeout=context.timeout, auth=auth, verify=_trust(query.ca_file)
    ) as (client, route):
        asked = clock.monotonic()
        async with client.stream(
            query.method, route.url, headers=query.headers, content=query.body
        ) as answer:
            body = await _body(answer)
        took = clock.monotonic() - asked
    headers = {name.lower(): value for name, value in answer.headers.items()}
    mismatch = http_mismatch(query.expect, answer.status_code, headers, body)
    if mismatch:
        return fails(expected, mismatch + _hint(query.url, answer.status_code))
    if headers.get(MINIO_STATUS) and MINIO_STATUS not in map(str.lower, query.expect.headers):
        told = f"HTTP {answer.status_code}, but MinIO says {shortened(headers[MINIO_STATUS])}"
        return fails(expected, told)
    limit = query.expect.max_latency
    told = f"HTTP {answer.status_code}"
    if limit is None:
        return holds(expected, told)
    return (holds if took <= limit else fails)(expected, f"{told} after {_seconds(took)}")


def expects_tcp(query: TcpQuery) -> str:
    return f"{query.host}:{query.port} takes connections"


async def look_tcp(query: TcpQuery, context: CheckContext, expected: str) -> Reading:
    del context  # a plain connection leads past the cluster
    try:
        _, writer = await asyncio.open_connection(query.host, query.port)
    except ConnectionRefusedError:
        # Somebody answered, and said no.
        return fails(expected, "connection refused")
    except OSError as error:
        return unknown(expected, error.strerror or str(error))
    writer.close()
    return holds(expected, "it does")


def _seconds(took: float) -> str:
    """To the millisecond where that says more than tenths of a second."""
    return f"{took * 1000:.0f}ms" if took < 1 else readable(took)


async def _body(answer: httpx.Response) -> str:
    body = b""
    async for chunk in answer.aiter_bytes():
        body += chunk
        if len(body) >= LARGEST_BODY:
            break
    return body.decode(answer.charset_encoding or "utf-8", "replace")


def _trust(ca_file: str | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise CheckMisconfigured(f"cannot use the CA file {ca_file}: {error}") from error


def _hint(url: str, status: int) -> str:
    """What a mismatch that is easily misread really means."""
    if status == 404 and url.rstrip("/").endswith(("/v2/models", "/v2/health/ready")):
        return "; an inference mesh has no such route even when healthy: use an inference check"
    return ""
