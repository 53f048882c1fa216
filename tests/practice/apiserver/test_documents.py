from __future__ import annotations

import pytest

from runbook.practice.apiserver.api import ApiServer
from tests.practice.apiserver.client import Client


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/"])
async def test_the_server_is_well(client: Client, path: str) -> None:
    reply = await client.ask("GET", path)
    assert (reply.status, reply.body) == (200, b"ok")


async def test_the_version_is_one_that_kubectl_knows(client: Client) -> None:
    body = (await client.ask("GET", "/version")).body
    assert (body["major"], body["minor"]) == ("1", "32")


async def test_the_root_lists_every_path(widgets: ApiServer, client: Client) -> None:
    paths = (await client.ask("GET", "/")).body["paths"]
    assert {"/apis/example.org/v1", "/api/v1", "/openapi/v3", "/readyz"} <= set(paths)


async def test_the_old_openapi_is_empty_on_purpose(client: Client) -> None:
    reply = await client.ask("GET", "/openapi/v2")
    assert (reply.status, reply.body) == (200, b"")
    assert reply.content_type == "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


async def test_an_openapi_document_may_be_kept_by_its_hash(client: Client) -> None:
    root = (await client.ask("GET", "/openapi/v3")).body
    url = root["paths"]["apis/apps/v1"]["serverRelativeURL"]
    path, _, query = url.partition("?hash=")
    first = await client.ask("GET", path, hash=query)
    assert first.status == 200
    assert first.headers["Expires"].startswith("Fri, 01 Jan 2027")

    tag = first.headers["ETag"]
    again = await client.ask("GET", path, headers={"if-none-match": tag})
    assert (again.status, again.body) == (304, b"")


async def test_a_new_crd_changes_its_document_s_address(client: Client, widgets: ApiServer) -> None:
    root = (await client.ask("GET", "/openapi/v3")).body
    before = root["paths"]["apis/example.org/v1"]["serverRelativeURL"]
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    await widgets.patch(
        crds, None, "widgets.example.org", {"spec": {"names": {"shortNames": ["wdg"]}}}
    )
    after = (await client.ask("GET", "/openapi/v3")).body
    assert after["paths"]["apis/example.org/v1"]["serverRelativeURL"] != before


@pytest.mark.parametrize("path", ["/nothing", "/openapi/v3/apis/nothing/v1", "/metrics"])
async def test_other_pages_are_not_there(client: Client, path: str) -> None:
    for method in ("GET", "POST"):
        assert (await client.ask(method, path)).status == 404
