from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.timeline import Timeline
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
CONFIGS = "/api/v1/namespaces/default/configmaps"


async def _fill(api: ApiServer, *names: str) -> None:
    for name in names:
        meta = {"name": name, "namespace": "default", "labels": {"n": name}}
        await api.create("configmaps", {"metadata": meta})


def _names(body: JSON) -> list[str]:
    return [item["metadata"]["name"] for item in body["items"]]


async def test_a_list_says_what_it_is_and_how_new(api: ApiServer, client: Client) -> None:
    await _fill(api, "b", "a")
    body = (await client.ask("GET", CONFIGS)).body
    assert (body["kind"], body["apiVersion"]) == ("ConfigMapList", "v1")
    assert body["metadata"] == {"resourceVersion": str(api.store.version)}
    assert _names(body) == ["a", "b"]


async def test_a_missing_object_is_named(client: Client) -> None:
    reply = await client.ask("GET", f"{CONFIGS}/none")
    assert (reply.status, reply.message) == (404, 'configmaps "none" not found')
    assert reply.body["details"] == {"name": "none", "kind": "configmaps"}


async def test_pages_follow_each_other_to_the_end(api: ApiServer, client: Client) -> None:
    await _fill(api, "a", "b", "c")
    first = (await client.ask("GET", CONFIGS, limit="2")).body
    assert _names(first) == ["a", "b"]
    assert first["metadata"]["remainingItemCount"] == 1

    await _fill(api, "aa", "d")
    await api.delete("configmaps", "default", "c")
    token = first["metadata"]["continue"]
    second = (await client.ask("GET", CONFIGS, limit="2", query={"continue": token})).body
    assert _names(second) == ["c"], "all pages show the moment of the first"
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_page_token_expires_and_offers_another(client: Client) -> None:
    api = client.api = ApiServer(Timeline(), window=2)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    await _fill(api, "a", "b")
    token = (await client.ask("GET", CONFIGS, limit="1")).body["metadata"]["continue"]
    await _fill(api, "c", "d", "e")

    late = await client.ask("GET", CONFIGS, query={"continue": token})
    assert (late.status, late.reason) == (410, "Expired")
    fresh = late.body["metadata"]["continue"]
    again = await client.ask("GET", CONFIGS, query={"continue": fresh})
    assert _names(again.body) == list("bcde")


@pytest.mark.parametrize("token", ["x", "bnVsbA", "eyJydiI6MX0", "%%%"])
async def test_a_token_that_no_list_returned_is_refused(client: Client, token: str) -> None:
    reply = await client.ask("GET", CONFIGS, query={"continue": token})
    assert reply.status == 400
    assert reply.message.startswith("invalid continue token: continue key is not valid")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({"labelSelector": "n in (a,c)"}, ["a", "c"]),
        ({"fieldSelector": "metadata.name=b"}, ["b"]),
        ({"fieldSelector": "metadata.name=none"}, []),
        ({"fieldSelector": "metadata.name!=b"}, ["a", "c"]),
    ],
)
async def test_selectors_choose(
    api: ApiServer, client: Client, query: dict[str, str], names: list[str]
) -> None:
    await _fill(api, "a", "b", "c")
    assert _names((await client.ask("GET", CONFIGS, query=query)).body) == names
    assert _names((await client.ask("GET", "/api/v1/configmaps", query=query)).body) == names


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ({"limit": "many"}, 400),
        ({"resourceVersion": "-1"}, 400),
        ({"resourceVersion": "999999"}, 504),
        ({"resourceVersion": "1", "resourceVersionMatch": "Exact"}, 200),
        ({"resourceVersion": "0", "resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersionMatch": "Exact"}, 422),
        ({"resourceVersion": "0"}, 200),
        ({"resourceVersion": "1", "resourceVersionMatch": "NotOlderThan"}, 200),
    ],
)
async def test_only_versions_that_can_be_had_are_given(
    client: Client, query: dict[str, str], status: int
) -> None:
    assert (await client.ask("GET", CONFIGS, query=query)).status == status


async def test_a_version_of_the_past_is_shown_while_it_is_known(client: Client) -> None:
    api = client.api = ApiServer(Timeline(), window=2)
    await api.create("namespaces", {"metadata": {"name": "default"}})
    await _fill(api, "a")
    past = str(api.store.version)
    await _fill(api, "b")
    query = {"resourceVersion": past, "resourceVersionMatch": "Exact"}
    then = (await client.ask("GET", CONFIGS, query=query)).body
    assert (_names(then), then["metadata"]["resourceVersion"]) == (["a"], past)
    await _fill(api, "c", "d")
    assert (await client.ask("GET", CONFIGS, query=query)).status == 410


async def test_items_of_a_built_in_kind_do_not_repeat_what_they_are(
    api: ApiServer, client: Client
) -> None:
    await _fill(api, "a")
    found = (await client.ask("GET", CONFIGS)).body
    assert found["kind"] == "ConfigMapList"
    assert not {"kind", "apiVersion"} & found["items"][0].keys()


async def test_version_nought_knows_no_pages(api: ApiServer, client: Client) -> None:
    await _fill(api, "a", "b", "c")
    whole = (await client.ask("GET", CONFIGS, limit="1", resourceVersion="0")).body
    assert len(whole["items"]) == 3
    assert "continue" not in whole["metadata"]
    assert _names((await client.ask("GET", CONFIGS, limit="1")).body) == ["a"]


async def test_a_version_shows_what_it_knows_with_the_defaults_of_the_stored_one(
    client: Client,
) -> None:
    def version(name: str, **fields: JSON) -> JSON:
        spec = {"type": "object", "properties": fields}
        schema = {"type": "object", "properties": {"spec": spec}}
        stored = name == "v1"
        body = {"openAPIV3Schema": schema}
        return {"name": name, "served": True, "storage": stored, "schema": body}

    text, aged = {"type": "string"}, {"type": "string", "default": "aged"}
    crd = {
        "metadata": {"name": "things.example.net"},
        "spec": {
            "group": "example.net",
            "scope": "Cluster",
            "names": {"plural": "things", "kind": "Thing"},
            "versions": [version("v1", colour=text), version("v1beta1", colour=text, old=aged)],
        },
    }
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    made = await client.ask("POST", path, crd)
    thing = {
        "apiVersion": "example.net/v1",
        "kind": "Thing",
        "metadata": {"name": "t"},
        "spec": {"colour": "red"},
    }
    await client.ask("POST", "/apis/example.net/v1/things", thing)
    note = {"type": "string", "default": "hello"}
    later = [version("v1", colour=text, note=note), crd["spec"]["versions"][1]]  # type: ignore[index]
    changed = {**made.body, "spec": {**made.body["spec"], "versions": later}}
    assert (await client.ask("PUT", f"{path}/things.example.net", changed)).status == 200

    shown = {
        name: (await client.ask("GET", f"/apis/example.net/{name}/things/t")).body["spec"]
        for name in ("v1", "v1beta1")
    }
    assert shown == {"v1": {"colour": "red", "note": "hello"}, "v1beta1": {"colour": "red"}}

    old = {"apiVersion": "example.net/v1beta1", "kind": "Thing", "metadata": {"name": "o"}}
    await client.ask(
        "POST", "/apis/example.net/v1beta1/things", {**old, "spec": {"colour": "blue"}}
    )
    kept = await client.ask("GET", "/apis/example.net/v1/things/o")
    assert kept.body["spec"] == {"colour": "blue", "note": "hello"}
