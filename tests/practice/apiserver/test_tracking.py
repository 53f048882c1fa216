from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.defaults import TEMPLATE_GENERATION
from runbook.practice.apiserver.tracking import unchanged
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]


def _obj(**metadata: Any) -> JSON:
    return {"metadata": {"name": "x", **metadata}, "spec": {"a": 1}}


def test_versions_and_times_of_management_are_no_change() -> None:
    before = _obj(resourceVersion="1", managedFields=[{"manager": "m", "time": "then"}])
    after = _obj(resourceVersion="2", managedFields=[{"manager": "m", "time": "now"}])
    assert unchanged(before, after)


def test_another_manager_or_another_field_is_a_change() -> None:
    before = _obj(managedFields=[{"manager": "m"}])
    assert not unchanged(before, _obj(managedFields=[{"manager": "n"}]))
    assert not unchanged(before, {**before, "spec": {"a": 2}})


@pytest.mark.parametrize(
    "fields",
    [
        "x",
        {"": {}},
        {"f:data": [1]},
        {"f:data": {"a": {}}},
        {"f:data": {"k:{": {}}},
        {"f:data": {"k:5": {}}},
        {"f:data": {"v:[": {}}},
        {"f:data": {"i:x": {}}},
    ],
)
async def test_a_record_that_means_nothing_is_as_if_it_were_not_sent(
    client: Client, fields: Any
) -> None:
    """The real server takes the one it has; ours failed at the next apply."""
    maps = "/api/v1/namespaces/default/configmaps"
    made = await client.ask("POST", maps, {"metadata": {"name": "c"}, "data": {"a": "b"}})
    entry = {"manager": "o", "operation": "Apply", "apiVersion": "v1", "fieldsV1": fields}
    metadata = {**made.body["metadata"], "managedFields": [{**entry, "fieldsType": "FieldsV1"}]}
    put = await client.ask("PUT", f"{maps}/c", {**made.body, "metadata": metadata})
    assert put.status == 200
    assert [one["manager"] for one in put.body["metadata"]["managedFields"]] == ["kubectl"]
    config = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    applied = await client.ask(
        "PATCH", f"{maps}/c", config, media="application/apply-patch+yaml", fieldManager="me"
    )
    assert applied.status == 200


async def test_the_template_generation_is_counted_by_the_server_alone(client: Client) -> None:
    sets = "/apis/apps/v1/namespaces/default/daemonsets"
    template = {
        "metadata": {"labels": {"a": "b"}},
        "spec": {"containers": [{"name": "a", "image": "a"}]},
    }
    metadata = {"name": "d", "annotations": {TEMPLATE_GENERATION: "x"}}
    spec = {"selector": {"matchLabels": {"a": "b"}}, "template": template}
    made = await client.ask("POST", sets, {"metadata": metadata, "spec": spec})
    assert made.body["metadata"]["annotations"] == {TEMPLATE_GENERATION: "1"}
    put = await client.ask("PUT", f"{sets}/d", made.body)
    assert put.status == 200
