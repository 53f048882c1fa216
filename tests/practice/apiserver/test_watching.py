from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.timeline import Timeline
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
CONFIGS = "/api/v1/namespaces/default/configmaps"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
WATCH_LIST = {
    "sendInitialEvents": "true",
    "resourceVersionMatch": "NotOlderThan",
    "allowWatchBookmarks": "true",
}


async def _put(api: ApiServer, name: str, **labels: str) -> JSON:
    meta = {"name": name, "namespace": "default", "labels": labels}
    if api.get("configmaps", "default", name) is None:
        return await api.create("configmaps", {"metadata": meta})
    return await api.update("configmaps", {"metadata": meta})


async def test_without_a_version_a_watch_begins_with_what_is_there(
    api: ApiServer, client: Client
) -> None:
    await _put(api, "a")
    watching = await client.watch(CONFIGS)
    assert await watching.kinds(1) == [("ADDED", "a")]
    await _put(api, "b")
    await _put(api, "a", x="1")
    await api.delete("configmaps", "default", "a")
    assert await watching.kinds(3) == [("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "a")]
    await watching.stream.chunks.aclose()


async def test_from_a_version_everything_since_is_replayed(api: ApiServer, client: Client) -> None:
    first = await _put(api, "a")
    await _put(api, "a", x="1")
    await _put(api, "b")
    watching = await client.watch(CONFIGS, resourceVersion=first["metadata"]["resourceVersion"])
    assert await watching.kinds(2) == [("MODIFIED", "a"), ("ADDED", "b")]
    await watching.stream.chunks.aclose()


async def test_a_version_too_old_to_replay_is_an_error_event(client: Client) -> None:
    api = client.api = ApiServer(Timeline(), window=2)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    for step in range(5):
        await _put(api, "a", step=str(step))
    watching = await client.watch(CONFIGS, resourceVersion="2")
    event = await watching.next()

    assert event["type"] == "ERROR"
    assert (event["object"]["code"], event["object"]["reason"]) == (410, "Expired")
    assert event["object"]["message"].startswith("too old resource version: 2 (")
    assert await watching.ends()


async def test_leaving_a_selection_is_a_deletion_and_entering_it_an_addition(
    api: ApiServer, client: Client
) -> None:
    await _put(api, "a", x="1")
    watching = await client.watch(CONFIGS, labelSelector="x=1")
    assert await watching.kinds(1) == [("ADDED", "a")]
    await _put(api, "other", x="2")
    await _put(api, "a", x="2")
    await _put(api, "a", x="1")
    assert await watching.kinds(2) == [("DELETED", "a"), ("ADDED", "a")]
    await watching.stream.chunks.aclose()


async def test_a_field_selector_pins_one_object(api: ApiServer, client: Client) -> None:
    watching = await client.watch(
        CONFIGS, fieldSelector="metadata.name=b", resourceVersion=str(api.store.version)
    )
    await _put(api, "a")
    await _put(api, "b")
    assert await watching.kinds(1) == [("ADDED", "b")]
    await watching.stream.chunks.aclose()


async def test_a_watch_list_ends_its_beginning_with_a_bookmark(
    api: ApiServer, client: Client
) -> None:
    await _put(api, "a")
    watching = await client.watch(CONFIGS, **WATCH_LIST)
    assert await watching.kinds(1) == [("ADDED", "a")]
    mark = await watching.next()
    assert mark["type"] == "BOOKMARK"
    assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
    assert mark["object"]["metadata"]["resourceVersion"] == str(api.store.version)
    await watching.stream.chunks.aclose()


async def test_a_watch_list_must_say_which_version_it_needs(client: Client) -> None:
    reply = await client.ask("GET", CONFIGS, watch="true", sendInitialEvents="true")
    assert reply.status == 422
    assert "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan" in (
        reply.message
    )


async def test_a_version_match_belongs_to_a_watch_list(client: Client) -> None:
    reply = await client.ask("GET", CONFIGS, watch="true", resourceVersionMatch="NotOlderThan")
    assert reply.status == 422


async def test_bookmarks_come_by_themselves(client: Client) -> None:
    api = client.api = ApiServer(Timeline(), bookmark_every=0.01)
    watching = await client.watch(CONFIGS, allowWatchBookmarks="true", resourceVersion="1")
    event = await watching.next()
    assert event["type"] == "BOOKMARK"
    assert event["object"]["metadata"]["resourceVersion"] == str(api.store.version)
    await watching.stream.chunks.aclose()


async def test_a_watch_has_a_last_bookmark_two_seconds_before_its_end(
    api: ApiServer, client: Client
) -> None:
    watching = await client.watch(
        CONFIGS,
        timeoutSeconds="3",
        allowWatchBookmarks="true",
        resourceVersion=str(api.store.version),
    )
    assert (await watching.next())["type"] == "BOOKMARK"
    assert await watching.ends()


async def test_what_leaves_a_selection_is_seen_as_it_was(api: ApiServer, client: Client) -> None:
    await api.create(
        "configmaps", {"metadata": {"name": "a", "namespace": "default", "labels": {"app": "x"}}}
    )
    version = str(api.store.version)
    await api.patch("configmaps", "default", "a", {"metadata": {"labels": {"app": "y"}}})
    watching = await client.watch(
        CONFIGS, timeoutSeconds="1", resourceVersion=version, labelSelector="app=x"
    )
    gone = await watching.next()
    assert (gone["type"], gone["object"]["metadata"]["labels"]) == ("DELETED", {"app": "x"})
    assert gone["object"]["metadata"]["resourceVersion"] == str(api.store.version)


async def test_a_slow_watcher_is_closed(client: Client) -> None:
    api = client.api = ApiServer(Timeline(), queue_limit=3)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    await _put(api, "first")
    watching = await client.watch(CONFIGS)
    await watching.next()
    for number in range(5):
        await _put(api, f"n{number}")
    assert await watching.ends()
    assert api.store.watchers() == 0


async def test_a_table_tells_its_columns_once(api: ApiServer, client: Client) -> None:
    await _put(api, "a")
    watching = await client.watch(CONFIGS, accept=TABLE)
    first = await watching.next()
    await _put(api, "b")
    second = await watching.next()

    assert first["object"]["columnDefinitions"][0]["name"] == "Name"
    assert second["object"]["columnDefinitions"] is None
    assert second["object"]["rows"][0]["cells"][0] == "b"
    await watching.stream.chunks.aclose()


async def test_two_watchers_share_one_text(api: ApiServer, client: Client) -> None:
    version = str(api.store.version)
    first = await client.watch(CONFIGS, resourceVersion=version)
    second = await client.watch(CONFIGS, resourceVersion=version)
    await _put(api, "a")
    one, other = await anext(first.stream.chunks), await anext(second.stream.chunks)
    assert one == other
    event = api.store.since("configmaps", int(version))[0]
    assert list(event.texts.values()) == [one]
    await first.stream.chunks.aclose()
    await second.stream.chunks.aclose()


async def test_a_watch_ends_with_its_resource(widgets: ApiServer, client: Client) -> None:
    path = "/apis/example.org/v1/widgets"
    watching = await client.watch(path, **WATCH_LIST)
    assert (await watching.next())["type"] == "BOOKMARK"
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    await widgets.delete(crds, None, "widgets.example.org")
    await widgets.patch(crds, None, "widgets.example.org", {"metadata": {"finalizers": None}})
    assert await watching.ends()
    assert (await client.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"resourceVersion": "abc"}, 500),
        ({"timeoutSeconds": "soon"}, 422),
        ({"labelSelector": "a b c"}, 400),
    ],
)
async def test_a_watch_that_makes_no_sense_is_refused(
    client: Client, query: dict[str, str], status: int
) -> None:
    reply = await client.ask("GET", CONFIGS, query={"watch": "true", **query})
    assert reply.status == status


async def test_a_form_that_shows_no_single_object_ends_the_watch(
    api: ApiServer, client: Client
) -> None:
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    watching = await client.watch("/api/v1/namespaces", accept=accept)
    assert await watching.ends()
    assert api.store.watchers() == 0
