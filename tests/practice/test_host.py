"""A practice cluster that is reset: the same cluster at the same address, as it began."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession

from runbook.practice.host import Host

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "mine"}}
MAPS = "/api/v1/namespaces/default/configmaps"


class Asking:
    """A client with the host's own token."""

    def __init__(self, host: Host, session: ClientSession) -> None:
        self._host = host
        self._session = session

    async def __call__(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        server = self._host.machine.server
        headers = {"Authorization": f"Bearer {server.token}", **more.pop("headers", {})}
        url = f"{server.url}{path}"
        call = self._session.request(method, url, ssl=False, headers=headers, **more)
        async with call as answer:
            return answer.status, await answer.json(content_type=None)


@pytest.fixture
async def asking() -> AsyncIterator[Asking]:
    host = Host([])
    await host.build()
    await host.machine.listen()
    async with asyncio.TaskGroup() as tasks, ClientSession() as session:
        serving = tasks.create_task(host.serve(50))
        yield Asking(host, session)
        serving.cancel()
    await host.machine.stop()


async def test_a_reset_forgets_what_was_done_and_keeps_who_the_cluster_is(asking: Asking) -> None:
    _, before = await asking("GET", "/api/v1/namespaces/kube-system")
    assert (await asking("POST", MAPS, json=CONFIG))[0] == 201
    assert (await asking("POST", "/practice/v1/reset"))[0] == 200
    assert (await asking("GET", f"{MAPS}/mine"))[0] == 404
    _, after = await asking("GET", "/api/v1/namespaces/kube-system")
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert (await asking("POST", "/practice/v1/reset"))[0] == 200


async def test_who_watched_before_a_reset_has_to_list_again(asking: Asking) -> None:
    _, listed = await asking("GET", MAPS)
    version = listed["metadata"]["resourceVersion"]
    await asking("POST", "/practice/v1/reset")
    query = {"watch": "1", "resourceVersion": version, "timeoutSeconds": "1"}
    status, event = await asking("GET", MAPS, params=query)
    said = event.get("object", event)
    assert (status in {200, 410}, said["code"], said["reason"]) == (True, 410, "Expired")


async def test_only_an_administrator_of_the_cluster_gets_in(asking: Asking) -> None:
    as_somebody = {"Impersonate-User": "system:serviceaccount:default:default"}
    status, said = await asking("GET", "/practice/v1/faults", headers=as_somebody)
    assert (status, said["reason"]) == (403, "Forbidden")
    assert (await asking("GET", "/practice/v1/faults"))[0] == 200
    status, _ = await asking("GET", "/practice/v1/fault", headers={"Authorization": "Bearer no"})
    assert status == 401


async def test_no_discovery_knows_of_the_faults(asking: Asking) -> None:
    _, paths = await asking("GET", "/")
    assert not any("practice" in path for path in paths["paths"])


async def test_a_body_may_have_three_mebibytes(asking: Asking) -> None:
    limit = 3 * 1024 * 1024
    head, tail = b'{"metadata": {"name": "a"}, "nope": "', b'"}'
    whole = head + b"x" * (limit - len(head) - len(tail)) + tail
    assert (await asking("POST", MAPS, data=io.BytesIO(whole)))[0] == 201
    status, refused = await asking("POST", MAPS, data=io.BytesIO(whole + b" "))
    assert (status, refused["reason"]) == (413, "RequestEntityTooLarge")
