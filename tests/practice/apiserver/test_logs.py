from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
Line = tuple[datetime, str]
LOG = "/api/v1/namespaces/default/pods/p/log"
START = datetime(2026, 1, 1, tzinfo=UTC)


class Printed:
    """A log source that a test writes to."""

    def __init__(self) -> None:
        self.lines: list[Line] = [(START + timedelta(seconds=n), f"line {n}") for n in range(3)]
        self.earlier: list[Line] = []

    def __call__(self, namespace: str, pod: str, container: str, *, previous: bool) -> list[Line]:
        assert (namespace, pod, container) == ("default", "p", "a")
        return list(self.earlier if previous else self.lines)


async def _pod(api: ApiServer, *containers: str, state: JSON | None = None, **spec: Any) -> JSON:
    named = [{"name": name, "image": "x:1"} for name in containers]
    meta = {"name": "p", "namespace": "default"}
    made = await api.create(
        "pods", {"metadata": meta, "spec": {"containers": named, "nodeName": "node", **spec}}
    )
    status = {
        "phase": "Running",
        "containerStatuses": [
            {
                "name": name,
                "ready": True,
                "restartCount": 0,
                "image": "x",
                "imageID": "",
                "state": state or {"running": {"startedAt": "2026-01-01T00:00:00Z"}},
            }
            for name in containers
        ],
    }
    return await api.update_status("pods", {**made, "status": status})


@pytest.fixture
def printed(api: ApiServer) -> Printed:
    source = Printed()
    api.set_log_source(source)
    return source


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ({}, b"line 0\nline 1\nline 2\n"),
        ({"tailLines": "1"}, b"line 2\n"),
        ({"tailLines": "0"}, b""),
        ({"container": "a", "tailLines": "9"}, b"line 0\nline 1\nline 2\n"),
        ({"sinceTime": "2026-01-01T00:00:02Z"}, b"line 2\n"),
        ({"limitBytes": "4"}, b"line"),
        (
            {"timestamps": "true", "tailLines": "1"},
            b"2026-01-01T00:00:02.000000000Z line 2\n",
        ),
    ],
)
async def test_as_much_of_a_log_as_was_asked_for(
    api: ApiServer, client: Client, printed: Printed, query: dict[str, str], text: bytes
) -> None:
    await _pod(api, "a")
    reply = await client.ask("GET", LOG, query=query)
    assert (reply.status, reply.content_type, reply.body) == (200, "text/plain", text)


async def test_since_counts_back_from_now(api: ApiServer, client: Client, printed: Printed) -> None:
    await _pod(api, "a")
    await api.timeline.advance(3)
    assert (await client.ask("GET", LOG, sinceSeconds="2")).body == b"line 1\nline 2\n"


@pytest.mark.parametrize(
    ("containers", "query", "says"),
    [
        (("a", "b"), {}, "a container name must be specified for pod p, choose one of: [a b]"),
        (("a",), {"container": "z"}, "container z is not valid for pod p"),
        (("a",), {"tailLines": "all"}, "tailLines: Invalid value"),
        (("a",), {"sinceTime": "yesterday"}, "must be an RFC 3339 time"),
        (("a",), {"sinceTime": "2026-01-01T00:00:00"}, "must name its time zone"),
        (("a",), {"previous": "true"}, 'previous terminated container "a" in pod "p" not found'),
    ],
)
async def test_a_log_that_cannot_be_had_is_refused(
    api: ApiServer,
    client: Client,
    printed: Printed,
    containers: tuple[str, ...],
    query: dict[str, str],
    says: str,
) -> None:
    await _pod(api, *containers)
    reply = await client.ask("GET", LOG, query=query)
    assert reply.status == 400
    assert says in reply.message


async def test_a_waiting_container_says_what_it_waits_for(
    api: ApiServer, client: Client, printed: Printed
) -> None:
    await _pod(api, "a", state={"waiting": {"reason": "ImagePullBackOff"}})
    reply = await client.ask("GET", LOG)
    assert reply.message == 'container "a" in pod "p" is waiting to start: ImagePullBackOff'


async def test_a_pod_without_a_node_has_no_log(api: ApiServer, client: Client) -> None:
    await _pod(api, "a", nodeName="")
    assert (await client.ask("GET", LOG)).message == "pod p does not have a host assigned"


async def test_the_instance_before_has_its_own_log(
    api: ApiServer, client: Client, printed: Printed
) -> None:
    await _pod(api, "a")
    printed.earlier = [(START, "it crashed")]
    assert (await client.ask("GET", LOG, previous="true")).body == b"it crashed\n"


async def test_a_followed_log_goes_on_until_the_pod_is_gone(
    api: ApiServer, client: Client, printed: Printed
) -> None:
    await _pod(api, "a")
    stream = await client.stream(LOG, follow="true", tailLines="1")
    async with asyncio.timeout(5):
        assert await anext(stream.chunks) == b"line 2\n"
        printed.lines.append((START, "line 3"))
        assert await anext(stream.chunks) == b"line 3\n"
        printed.lines = [(START, "a new instance")]
        assert await anext(stream.chunks) == b"a new instance\n"
        await api.delete("pods", "default", "p", grace=0)
        assert [chunk async for chunk in stream.chunks] == []


async def test_a_followed_log_ends_with_its_container(
    api: ApiServer, client: Client, printed: Printed
) -> None:
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    await _pod(api, "a", state=ended, restartPolicy="Never")
    stream = await client.stream(LOG, follow="true")
    async with asyncio.timeout(5):
        assert [chunk async for chunk in stream.chunks] == [b"line 0\nline 1\nline 2\n"]


async def test_a_followed_log_keeps_its_limit(
    api: ApiServer, client: Client, printed: Printed
) -> None:
    await _pod(api, "a")
    stream = await client.stream(LOG, follow="true", tailLines="1", limitBytes="9")
    async with asyncio.timeout(5):
        assert await anext(stream.chunks) == b"line 2\n"
        printed.lines.append((START, "line 3"))
        assert [chunk async for chunk in stream.chunks] == [b"li"]
