from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from runbook.practice.apiserver.store import EventType, Store
from runbook.practice.cluster import Change

JSON = dict[str, Any]


def _obj(name: str, namespace: str = "n", *, owner: str = "") -> JSON:
    meta: JSON = {"name": name, "namespace": namespace, "uid": f"{namespace}/{name}"}
    if owner:
        meta["ownerReferences"] = [{"uid": owner}]
    return {"metadata": meta}


def test_every_write_gets_the_next_version_and_deletes_do_too() -> None:
    store = Store()
    versions = [
        int(store.put("pods", _obj("a"), kind)["metadata"]["resourceVersion"])
        for kind in ("ADDED", "MODIFIED", "DELETED")
    ]
    assert versions == [store.version - 2, store.version - 1, store.version]


def test_what_is_stored_is_not_what_is_changed_later() -> None:
    store = Store()
    first = store.put("pods", _obj("a"), "ADDED")
    text = first.encoded()
    store.put("pods", {**first, "spec": {"x": 1}}, "MODIFIED")
    assert first.encoded() is text
    assert "spec" not in first


def test_a_selection_is_in_order_of_namespace_and_name() -> None:
    store = Store()
    for namespace, name in [("b", "z"), ("a", "y"), ("b", "x")]:
        store.put("pods", _obj(name, namespace), "ADDED")
    places = [obj["metadata"]["uid"] for obj in store.select("pods")]
    assert places == ["a/y", "b/x", "b/z"]
    assert [obj["metadata"]["name"] for obj in store.select("pods", "b")] == ["x", "z"]
    assert store.select("pods", "nowhere") == []
    assert store.select("nothing") == []


def test_owners_know_their_dependents_until_those_let_go() -> None:
    store = Store()
    store.put("pods", _obj("child", owner="boss"), "ADDED")
    assert [(resource, obj["metadata"]["name"]) for resource, obj in store.owned_by("boss")] == [
        ("pods", "child")
    ]
    store.put("pods", _obj("child"), "MODIFIED")
    assert list(store.owned_by("boss")) == []


def test_a_uid_exists_as_long_as_its_object() -> None:
    store = Store()
    store.put("pods", _obj("a"), "ADDED")
    assert store.exists("n/a")
    store.put("pods", _obj("a"), "DELETED")
    assert not store.exists("n/a")


def test_listeners_hear_of_every_write_with_the_state_before() -> None:
    store = Store()
    heard: list[Change] = []
    store.listen(heard.append)
    first = store.put("pods", _obj("a"), "ADDED")
    second = store.put("pods", _obj("a"), "MODIFIED")
    assert [(change.type, change.old) for change in heard] == [("ADDED", None), ("MODIFIED", first)]
    assert heard[1].new is second


def test_changes_can_be_replayed_as_far_as_the_window_reaches() -> None:
    store = Store(window=3)
    for _ in range(5):
        store.put("pods", _obj("a"), "MODIFIED")
    assert [event.version for event in store.since("pods", store.version - 2)] == [5, 6]
    assert store.oldest("pods") == 3
    assert len(store.since("pods", store.oldest("pods"))) == 3


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xy"), st.booleans())))
def test_indexes_hold_exactly_what_is_stored(steps: list[tuple[str, str, bool]]) -> None:
    store = Store(window=4)
    for name, owner, delete in steps:
        present = store.get("pods", "n", name) is not None
        if delete and present:
            store.put("pods", _obj(name), "DELETED")
        elif not delete:
            kind: EventType = "MODIFIED" if present else "ADDED"
            store.put("pods", _obj(name, owner=owner), kind)
    stored = {obj["metadata"]["name"] for obj in store.select("pods")}
    owned = {obj["metadata"]["name"] for owner in "xy" for _, obj in store.owned_by(owner)}
    assert owned == stored
    assert {name for name in "abc" if store.exists(f"n/{name}")} == stored
