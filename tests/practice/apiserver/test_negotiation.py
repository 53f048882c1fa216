from __future__ import annotations

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.messages import Request
from runbook.practice.apiserver.negotiation import Form, negotiated
from tests.practice.apiserver.client import Client

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PARTIAL = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
NAMESPACE = "/api/v1/namespaces/default"


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("", Form()),
        ("*/*", Form()),
        ("application/json", Form()),
        ("application/vnd.kubernetes.protobuf,application/json", Form()),
        (f"{TABLE},application/json", Form("Table")),
        (f"application/json,{TABLE}", Form()),
        (PARTIAL, Form("PartialObjectMetadata")),
        (
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Form("PartialObjectMetadata", lists=True),
        ),
    ],
)
def test_the_first_form_that_is_served_is_given(accept: str, form: Form) -> None:
    assert negotiated(Request("GET", "/", headers={"accept": accept})) == form


def test_forms_that_are_not_served_are_refused() -> None:
    with pytest.raises(ApiError) as refused:
        negotiated(Request("GET", "/", headers={"accept": "application/vnd.kubernetes.protobuf"}))
    assert refused.value.code == 406


@pytest.mark.parametrize(
    ("include", "kind"), [("Metadata", "PartialObjectMetadata"), ("Object", "Namespace")]
)
async def test_a_row_carries_as_much_as_was_asked(client: Client, include: str, kind: str) -> None:
    body = (await client.ask("GET", NAMESPACE, accept=TABLE, includeObject=include)).body
    assert body["kind"] == "Table"
    assert body["rows"][0]["object"]["kind"] == kind


async def test_metadata_alone_is_metadata_alone(client: Client) -> None:
    one = (await client.ask("GET", NAMESPACE, accept=PARTIAL)).body
    assert sorted(one) == ["apiVersion", "kind", "metadata"]
    lists = PARTIAL.replace("Metadata;", "MetadataList;")
    many = (await client.ask("GET", "/api/v1/namespaces", accept=lists)).body
    assert many["kind"] == "PartialObjectMetadataList"
    assert many["items"][0] == one


async def test_every_served_version_shows_the_same_object(
    widgets: ApiServer, client: Client
) -> None:
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    versions = (widgets.get(crds, None, "widgets.example.org") or {})["spec"]["versions"]
    older = {**versions[0], "name": "v1beta1", "storage": False}
    await widgets.patch(
        crds, None, "widgets.example.org", {"spec": {"versions": [*versions, older]}}
    )
    path = "/apis/example.org/v1beta1/namespaces/default/widgets"
    body = {
        "apiVersion": "example.org/v1beta1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 1},
    }
    made = await client.ask("POST", path, body)
    assert made.body["apiVersion"] == "example.org/v1beta1"
    stored = widgets.get("widgets.example.org", "default", "w") or {}
    assert stored["apiVersion"] == "example.org/v1"
    listed = (await client.ask("GET", path)).body
    assert listed["items"][0]["apiVersion"] == "example.org/v1beta1"


async def test_a_list_has_no_metadata_of_one_object_and_the_reverse(client: Client) -> None:
    of_one = await client.ask("GET", "/api/v1/namespaces", accept=PARTIAL)
    assert (of_one.status, of_one.reason) == (406, "NotAcceptable")
    assert "the requested object is a list (*core.NamespaceList)" in of_one.message
    of_list = await client.ask(
        "GET", NAMESPACE, accept=PARTIAL.replace("Metadata;", "MetadataList;")
    )
    assert "the requested object is not a list (*core.Namespace)" in of_list.message
