"""CEL rules of definitions, compiled and evaluated."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from runbook.practice.apiserver.crd_rule_paths import field_path
from tests.practice.apiserver.client import JSON, Client
from tests.practice.apiserver.conftest import widget_crd

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


def with_rules(*rules: JSON, place: str = "spec") -> JSON:
    crd = widget_crd()
    crd["metadata"]["name"] = "gears.example.com"
    crd["spec"]["names"] = {"plural": "gears", "singular": "gear", "kind": "Gear"}
    group = crd["spec"]["group"]
    crd["metadata"]["name"] = f"gears.{group}"
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    properties = schema["properties"]
    spec = {**properties["spec"], "properties": dict(properties["spec"]["properties"])}
    if place == "spec":
        spec["x-kubernetes-validations"] = list(rules)
    else:
        field = {**spec["properties"][place], "x-kubernetes-validations": list(rules)}
        spec["properties"][place] = field
    versions = [
        {
            **version,
            "schema": {
                "openAPIV3Schema": {**schema, "properties": {**properties, "spec": spec}},
            },
        }
        for version in crd["spec"]["versions"]
    ]
    return {**crd, "spec": {**crd["spec"], "versions": versions}}


def gear(crd: JSON, **spec: Any) -> tuple[str, JSON]:
    group, version = crd["spec"]["group"], crd["spec"]["versions"][0]["name"]
    body = {
        "apiVersion": f"{group}/{version}",
        "kind": "Gear",
        "metadata": {"name": "a"},
        "spec": spec,
    }
    return f"/apis/{group}/{version}/namespaces/default/gears", body


async def test_a_rule_that_does_not_compile_is_refused(client: Client) -> None:
    reply = await client.ask("POST", CRDS, with_rules({"rule": "self.sise > 1"}))
    assert reply.status == 422
    assert "compilation failed: ERROR: <input>:1:5: undefined field 'sise'" in reply.message


async def test_what_cannot_be_evaluated_is_refused_with_the_reason(client: Client) -> None:
    reply = await client.ask("POST", CRDS, with_rules({"rule": "self.tags.all(i, t, t != '')"}))
    assert reply.status == 422
    assert "does not evaluate comprehensions with two variables" in reply.message


async def test_a_broken_rule_refuses_an_object(client: Client) -> None:
    crd = with_rules({"rule": "self.size < 5", "message": "too big", "fieldPath": ".size"})
    assert (await client.ask("POST", CRDS, crd)).status == 201
    path, body = gear(crd, size=7)
    reply = await client.ask("POST", path, body)
    assert reply.status == 422
    assert reply.message.endswith('"a" is invalid: spec.size: Invalid value: too big')


async def test_a_rule_about_changes_sees_the_old_value(client: Client) -> None:
    crd = with_rules({"rule": "self == oldSelf", "message": "immutable"}, place="size")
    assert (await client.ask("POST", CRDS, crd)).status == 201
    path, body = gear(crd, size=1)
    assert (await client.ask("POST", path, body)).status == 201
    changed = {**body, "spec": {"size": 2}}
    reply = await client.ask("PUT", f"{path}/a", changed)
    assert reply.message.endswith("spec.size: Invalid value: 2: immutable")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (".a.b", "a.b"),
        ("['a'].c['x.y']", "a.c[x.y]"),
        (".z", None),
        ("a", None),
        (".a.b.c", None),
    ],
)
def test_paths_of_rules(text: str, found: str | None) -> None:
    inner = {"b": {"type": "string"}, "c": {"additionalProperties": {"type": "string"}}}
    assert field_path(text, {"properties": {"a": {"properties": inner}}}) == found


def test_cel_is_loaded_only_where_a_rule_is() -> None:
    code = (
        "import sys, runbook.practice.cluster\n"
        "print(*(one for one in ('cel_expr_python', 'google.protobuf') if one in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@pytest.mark.parametrize("size", [-(2**70), 10**40])
async def test_a_number_beyond_cel_is_refused_and_breaks_nothing(client: Client, size: int) -> None:
    crd = with_rules({"rule": "self.size != 5"})
    assert (await client.ask("POST", CRDS, crd)).status == 201
    path, body = gear(crd, size=size)
    assert (await client.ask("POST", path, body)).status == 422


def test_odd_times_stay_texts() -> None:
    from runbook.practice.cel.schema_types import seen

    for form in ("date-time", "date", "byte"):
        assert seen({"type": "string", "format": form}, "20x") == "20x"
