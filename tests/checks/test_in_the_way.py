"""What stands in the way of a look is told apart from what is looked at: unreachable is not red."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter

from runbook.checks.base import CheckContext, CommandResult
from runbook.checks.readers import read
from runbook.model.checks import Check
from runbook.run.readings import Reading, Verdict
from runbook.target.client import connect

CHECK: TypeAdapter[Any] = TypeAdapter(Check)
HOLDS, FAILS, UNKNOWN = Verdict.HOLDS, Verdict.FAILS, Verdict.UNKNOWN
ANSWERS = {
    "garbage": b"\x00\xff\xfe no protocol of ours\r\n\r\n",
    "empty": b"",
    "no body": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    "no json": b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello",
    "no object": b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 4\r\n"
    b"Connection: close\r\n\r\nnull",
    **{
        str(
            code
        ): f"HTTP/1.1 {code} No\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno".encode()
        for code in (401, 403, 404, 500)
    },
}
NOT_FOUND = (
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 19\r\nConnection: close\r\n\r\n404 page not found\n"
)
WAYS = ("refused", "timeout", "tls", *ANSWERS)


@asynccontextmanager
async def somebody(way: str) -> AsyncIterator[int]:
    """A loopback port behind which somebody behaves in one way."""
    leaving = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if way == "timeout":
                await leaving.wait()
            elif answer := (NOT_FOUND if way == "no such path" else ANSWERS.get(way)):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(answer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # a client of TLS, or one that has gone
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port: int = server.sockets[0].getsockname()[1]
    if way == "refused":
        server.close()
        await server.wait_closed()
    try:
        yield port
    finally:
        leaving.set()
        server.close()


async def no_command(*_: object) -> CommandResult:
    raise AssertionError("no command is asked here")


async def look(way: str, kind: str, query: dict[str, Any], folder: Path) -> Reading:
    async with somebody(way) as port:
        address = f"{'https' if way == 'tls' else 'http'}://127.0.0.1:{port}"
        file = folder / "kubeconfig"
        cluster = {"server": address, "insecure-skip-tls-verify": False}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "c",
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "clusters": [{"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": {}}],
        }
        file.write_text(json.dumps(document))
        client = await connect(file)
        text = json.dumps(query).replace("{address}", address)
        bound = json.loads(text.replace('"{port}"', str(port)))
        try:
            check = CHECK.validate_python({kind: bound})
            return await read(check, CheckContext(client, no_command, 0.5))
        finally:
            await client.close()


QUERIES: dict[str, dict[str, Any]] = {
    "kubernetes": {"kind": "Pod", "namespace": "a"},
    "logs": {"namespace": "a", "selector": "x=y", "matches": "x"},
    "secret": {"namespace": "a", "name": "s"},
    "sealed_secrets": {"synced_in": ["a"]},
    "workflow": {"namespace": "a", "template": "t"},
    "volumes": {"namespaces": ["a"]},
    "gitops": {"namespaces": ["a"]},
    "quotas": {"namespaces": ["a"]},
    "rights": {"also": [{"verbs": ["get"], "resource": "pods", "namespace": "a"}]},
    "http": {"url": "{address}/x"},
    "s3": {"endpoint": "{address}", "bucket": "b", "key": "k"},
    "mlflow": {"endpoint": "{address}", "experiment": "e", "variants": ["v"]},
    "inference": {"endpoint": "{address}", "model": "m"},
    "tcp": {"host": "127.0.0.1", "port": "{port}"},
}


RED = {"401", "403", "404", "500"}
"""Answers of what is asked about itself, for the kinds that ask for an answer."""
API_SERVER = ("kubernetes", "logs", "secret", "sealed_secrets", "workflow")
TOLD = {"refused": "connect", "timeout": "no answer within 500ms"}


@pytest.mark.parametrize("kind", [kind for kind in QUERIES if kind != "tcp"])
async def test_what_does_not_answer_as_it_should_is_not_red_and_says_why(
    kind: str, tmp_path: Path
) -> None:
    for way in WAYS:
        reading = await look(way, kind, QUERIES[kind], tmp_path)
        wanted = UNKNOWN
        if kind in ("http", "inference") and way in RED:
            wanted = FAILS
        if kind == "http" and ANSWERS.get(way, b"").startswith(b"HTTP/1.1 200"):
            wanted = HOLDS  # it asks for no more
        assert (way, reading.verdict) == (way, wanted), reading.observed
        assert reading.expected
        assert TOLD.get(way, way if way.isdigit() else "") in reading.observed.lower()
        assert reading.observed not in ("", "ConnectError", "All connection attempts failed")


@pytest.mark.parametrize("kind", API_SERVER)
async def test_an_api_server_that_says_not_found_is_believed(kind: str, tmp_path: Path) -> None:
    reading = await look("no such path", kind, QUERIES[kind], tmp_path)
    assert reading.verdict is FAILS


async def test_another_servers_404_does_not_make_an_object_absent(tmp_path: Path) -> None:
    query = {"kind": "Pod", "namespace": "a", "name": "p", "absent": True}
    for way in WAYS:
        reading = await look(way, "kubernetes", query, tmp_path)
        assert (way, reading.verdict) == (way, UNKNOWN)


async def test_a_connection_is_all_that_tcp_asks_for(tmp_path: Path) -> None:
    for way in WAYS:
        reading = await look(way, "tcp", QUERIES["tcp"], tmp_path)
        assert reading.verdict is (FAILS if way == "refused" else HOLDS)


@pytest.mark.parametrize(
    ("result", "verdict", "told"),
    [
        (CommandResult(None, "", ""), UNKNOWN, "did not end in time"),
        (CommandResult(None, "", "cannot be started: x"), UNKNOWN, "cannot be started: x"),
        (CommandResult(1, "", "Unable to connect"), FAILS, "exit 1, expected 0: Unable to connect"),
        (CommandResult(0, "", ""), HOLDS, "exit 0"),
    ],
)
async def test_a_command_is_red_only_when_it_has_ended(
    cluster: Any, result: CommandResult, verdict: Verdict, told: str
) -> None:
    cluster.result = result
    reading = await cluster.look(run="x")
    assert reading.verdict is verdict
    assert told in reading.observed
