from __future__ import annotations

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client

AGGREGATED = (
    "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
    "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json"
)


async def test_the_aggregated_form_holds_everything_in_two_answers(
    widgets: ApiServer, client: Client
) -> None:
    core = await client.ask("GET", "/api", accept=AGGREGATED)
    assert core.content_type == (
        "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    )
    assert core.body["apiVersion"] == "apidiscovery.k8s.io/v2"
    (only,) = core.body["items"]
    assert "name" not in only["metadata"]

    groups = (await client.ask("GET", "/apis", accept=AGGREGATED)).body["items"]
    by_name = {group["metadata"]["name"]: group for group in groups}
    (widget,) = by_name["example.org"]["versions"][0]["resources"]
    assert widget["shortNames"] == ["wd"]
    assert {one["subresource"]: one["responseKind"]["kind"] for one in widget["subresources"]} == {
        "scale": "Scale",
        "status": "Widget",
    }


async def test_an_older_client_gets_the_form_it_knows(client: Client) -> None:
    accept = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"
    reply = await client.ask("GET", "/apis", accept=accept)
    assert reply.body["apiVersion"] == "apidiscovery.k8s.io/v2beta1"


async def test_the_old_form_is_still_there(client: Client) -> None:
    versions = (await client.ask("GET", "/api")).body
    assert (versions["kind"], versions["versions"]) == ("APIVersions", ["v1"])
    groups = (await client.ask("GET", "/apis")).body["groups"]
    apps = next(group for group in groups if group["name"] == "apps")
    assert (await client.ask("GET", "/apis/apps")).body == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        **apps,
    }


async def test_short_names_stand_only_at_the_resource_itself(client: Client) -> None:
    entries = (await client.ask("GET", "/api/v1")).body["resources"]
    with_short_names = [entry["name"] for entry in entries if "shortNames" in entry]
    assert "pods" in with_short_names
    assert not any("/" in name for name in with_short_names)
    by_name = {entry["name"]: entry for entry in entries}
    assert by_name["pods/eviction"]["kind"] == "Eviction"
    assert "deletecollection" not in by_name["namespaces"]["verbs"]


@pytest.mark.parametrize("path", ["/apis/nothing", "/apis/nothing/v1", "/apis/example.org/v9"])
async def test_an_unknown_group_is_a_page_that_is_not_there(
    widgets: ApiServer, client: Client, path: str
) -> None:
    reply = await client.ask("GET", path)
    assert (reply.status, reply.body) == (404, b"404 page not found\n")


@pytest.mark.parametrize("path", ["/apis/apps/v9", "/api/v9", "/apis/apps/v9/deployments"])
async def test_an_unknown_version_of_a_built_in_group_is_a_status(
    client: Client, path: str
) -> None:
    reply = await client.ask("GET", path)
    assert (reply.status, reply.body["reason"]) == (404, "NotFound")


@pytest.mark.parametrize("path", ["/api", "/apis", "/apis/apps", "/api/v1"])
async def test_documents_come_in_json_or_not_at_all(client: Client, path: str) -> None:
    assert (await client.ask("GET", path, accept="text/html")).status == 406
    assert (await client.ask("GET", path, accept="text/html, */*")).status == 200


async def test_the_hash_of_the_stored_version_is_upstreams(
    widgets: ApiServer, client: Client
) -> None:
    core = (await client.ask("GET", "/api/v1")).body["resources"]
    hashes = {one["name"]: one.get("storageVersionHash") for one in core}
    assert hashes["configmaps"] == "qFsyl6wFWjQ="
    assert hashes["pods/log"] is None
    (widget, *inner) = (await client.ask("GET", "/apis/example.org/v1")).body["resources"]
    assert widget["storageVersionHash"]
    assert [one["name"] for one in inner] == ["widgets/status", "widgets/scale"]
