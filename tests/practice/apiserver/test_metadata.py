from __future__ import annotations

import random
from typing import Any

import pytest

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.metadata import causes, check_shape, generated_name, key_problem
from runbook.practice.apiserver.registry import Registry, Resource


def _resource(name: str) -> Resource:
    found = Registry().named(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("resource", "name", "says"),
    [
        ("configmaps", "a.b-c", ""),
        ("configmaps", "Upper", "a lowercase RFC 1123 subdomain"),
        ("configmaps", "a" * 254, "must be no more than 253 characters"),
        ("namespaces", "a.b", "a lowercase RFC 1123 label"),
        ("services", "web-", "a lowercase RFC 1123 label"),
        ("services", "1web", ""),
        ("services", "web_1", "a lowercase RFC 1123 label"),
        ("roles.rbac.authorization.k8s.io", "system:node", ""),
        ("roles.rbac.authorization.k8s.io", "a/b", "may not contain '/'"),
        ("configmaps", "", "name or generateName is required"),
    ],
)
def test_a_name_follows_the_rule_of_its_kind(resource: str, name: str, says: str) -> None:
    found = causes(_resource(resource), {"name": name})
    assert [says in cause.message for cause in found] == ([True] if says else [])


@pytest.mark.parametrize(
    ("metadata", "field"),
    [
        ({"labels": {"a b": "c"}}, "metadata.labels"),
        ({"labels": {"a": "-"}}, "metadata.labels"),
        ({"labels": {"a": "x" * 64}}, "metadata.labels"),
        ({"annotations": {"/a": "c"}}, "metadata.annotations"),
        ({"annotations": {"a": "x" * 300_000}}, "metadata.annotations"),
        ({"finalizers": ["orphan", "foregroundDeletion"]}, "metadata.finalizers"),
        (
            {"ownerReferences": [{"kind": "A", "apiVersion": "v1", "name": "a"}]},
            "metadata.ownerReferences[0].uid",
        ),
        (
            {
                "ownerReferences": [
                    {"kind": "A", "apiVersion": "v1", "name": "a", "uid": u, "controller": True}
                    for u in "12"
                ]
            },
            "metadata.ownerReferences",
        ),
    ],
)
def test_what_is_wrong_with_metadata_is_named(metadata: dict[str, Any], field: str) -> None:
    found = causes(_resource("configmaps"), {"name": "c", **metadata})
    assert [cause.field for cause in found] == [field]


@pytest.mark.parametrize(
    "metadata",
    [
        {"name": 5},
        {"labels": []},
        {"labels": {"a": 1}},
        {"annotations": {"a": {}}},
        {"finalizers": "x"},
        {"finalizers": [1]},
        {"ownerReferences": ["x"]},
        {"ownerReferences": [{"uid": 1}]},
        {"managedFields": {}},
    ],
)
def test_metadata_of_the_wrong_shape_cannot_be_decoded(metadata: dict[str, Any]) -> None:
    with pytest.raises(ApiError, match="cannot unmarshal") as refused:
        check_shape(_resource("configmaps"), {"metadata": metadata})
    assert refused.value.code == 400


def test_a_generated_name_never_grows_too_long() -> None:
    name = generated_name("x" * 200, random.Random(1))
    assert len(name) == 63


def test_a_qualified_name_has_at_most_one_prefix() -> None:
    assert key_problem("app.kubernetes.io/name") == ""
    assert key_problem("a/b/c").startswith("a valid label key must consist of")
