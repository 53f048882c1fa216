from __future__ import annotations

import pytest

from runbook.practice.controllers.objects import (
    condition_of,
    controller_key,
    dig,
    matches,
    owner_reference,
    with_condition,
    without_finalizer,
)

OWNER = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": {"name": "web", "uid": "u1"}}


def test_digging_ends_at_the_default_where_the_path_ends() -> None:
    obj = {"spec": {"ports": [{"port": 80}], "empty": None}}
    assert dig(obj, "spec", "ports", 0, "port") == 80
    assert dig(obj, "spec", "ports", 3, "port") is None
    assert dig(obj, "spec", "empty", default="x") == "x"
    assert dig(None, "spec", default=7) == 7


@pytest.mark.parametrize(
    ("selector", "fits"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "web"}}, True),
        ({"matchLabels": {"app": "db"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "db"]}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]}, False),
        ({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "tier", "operator": "Exists"}]}, False),
    ],
)
def test_selectors_match_as_the_api_says(selector: dict[str, object] | None, fits: bool) -> None:
    assert matches(selector, {"app": "web"}) is fits


def test_a_transition_time_stays_while_the_status_stays() -> None:
    first = with_condition([], "Ready", status=False, now="t1", reason="Starting")
    second = with_condition(first, "Ready", status=False, now="t2", reason="Pulling")
    third = with_condition(second, "Ready", status=True, now="t3")
    assert second == [
        {"type": "Ready", "status": "False", "lastTransitionTime": "t1", "reason": "Pulling"}
    ]
    assert third == [{"type": "Ready", "status": "True", "lastTransitionTime": "t3"}]
    assert first[0]["reason"] == "Starting"


def test_an_object_leads_to_its_controller_only_if_that_is_of_the_kind() -> None:
    pod = {
        "metadata": {
            "name": "p",
            "namespace": "n",
            "ownerReferences": [owner_reference(OWNER)],
        }
    }
    assert controller_key(pod, "ReplicaSet", "replicasets.apps") == [
        ("replicasets.apps", "n", "web")
    ]
    assert controller_key(pod, "Job", "jobs.batch") == []


def test_dropping_a_finalizer_leaves_the_original_alone() -> None:
    held = {"metadata": {"finalizers": ["a", "b"]}}
    assert without_finalizer(held, "a")["metadata"]["finalizers"] == ["b"]
    assert held["metadata"]["finalizers"] == ["a", "b"]


def test_a_condition_without_a_type_is_none_that_anybody_asked_for() -> None:
    assert condition_of({"status": {"conditions": [{"status": "True"}]}}, "Ready") is None
