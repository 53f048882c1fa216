"""Equal parts of stored objects are one part, and no text changes by that."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.sharing import shared
from runbook.practice.apiserver.store import Store, encode


def pod(name: str, image: str = "app:1") -> dict[str, Any]:
    containers = [{"name": "main", "image": image, "env": [{"name": "A", "value": "1"}]}]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "default", "uid": f"uid-{name}"},
        "spec": {"containers": containers, "nodeName": "node"},
    }


def test_pods_of_one_template_hold_the_same_containers() -> None:
    store = Store()
    first = store.put("pods", pod("a"), "ADDED")
    second = store.put("pods", pod("b"), "ADDED")
    assert second["spec"] is first["spec"]
    assert second["metadata"]["name"] == "b"
    assert first["metadata"]["name"] == "a"


def test_a_new_version_holds_what_the_former_one_had() -> None:
    store = Store()
    first = store.put("pods", pod("a"), "ADDED")
    store.put("pods", pod("b", "other:1"), "ADDED")
    changed = pod("a")
    changed["spec"]["nodeName"] = "another"
    second = store.put("pods", changed, "MODIFIED")
    assert second["spec"]["containers"] is first["spec"]["containers"]
    assert (first["spec"]["nodeName"], second["spec"]["nodeName"]) == ("node", "another")


@pytest.mark.parametrize(
    ("new", "like"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": [0, {"b": 1.0}]}, {"a": [0, {"b": 1}]}),
        ({"a": {}}, {"a": []}),
        ({"a": None, "b": 1}, {"b": 1}),
        ({"b": 1}, {"a": None, "b": 1}),
        ({"a": None}, {"b": 1}),
        ([1, 2], [1, 2, 3]),
        ([1, 2, 3], [1, 2]),
        ("x", "y"),
    ],
)
def test_what_is_kept_reads_as_what_was_given(new: Any, like: Any) -> None:
    before, unlike = encode(new), encode(like)
    kept = shared(new, like)
    assert kept is not like
    assert (encode(kept), encode(like)) == (before, unlike)


def test_equal_parts_deep_inside_are_shared() -> None:
    like = {"list": [{"x": {"deep": ["one"]}}, {"y": "1"}], "z": "2"}
    new = {"list": [{"x": {"deep": ["one"]}}, {"y": "2"}], "z": "2"}
    kept = shared(new, like)
    assert kept is new
    assert kept["list"][0] is like["list"][0]
    assert kept["list"][1] == {"y": "2"}
