"""Kinds served in two forms: written in one, read in the other, stored once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.practice.apiserver.autoscaler_conversion import from_first_form, to_first_form
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
OLD = "/api/v1/namespaces/default/events"
NEW = "/apis/events.k8s.io/v1/namespaces/default/events"
V1 = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers"
V2 = "/apis/autoscaling/v2/namespaces/default/horizontalpodautoscalers"
MERGE = "application/merge-patch+json"

EVENT: JSON = {
    "metadata": {"name": "b"},
    "eventTime": "2026-01-02T03:04:05.000006Z",
    "reportingController": "example.org/one",
    "reportingInstance": "one",
    "action": "Doing",
    "reason": "Because",
    "note": "said",
    "type": "Normal",
    "regarding": {"kind": "Pod", "name": "p", "namespace": "default"},
}
TARGET = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}


async def _core_event(client: Client) -> None:
    about = {"kind": "Pod", "name": "p", "namespace": "default"}
    event = {"metadata": {"name": "a"}, "involvedObject": about, "message": "said", "count": 3}
    assert (await client.ask("POST", OLD, event)).status == 201


async def test_a_core_event_in_its_newer_form(client: Client) -> None:
    await _core_event(client)
    found = (await client.ask("GET", f"{NEW}/a")).body
    assert (found["apiVersion"], found["kind"]) == ("events.k8s.io/v1", "Event")
    assert (found["note"], found["deprecatedCount"]) == ("said", 3)
    assert found["regarding"]["name"] == "p"
    assert "involvedObject" not in found
    assert "reportingController" not in found


async def test_a_newer_event_in_its_core_form(client: Client) -> None:
    assert (await client.ask("POST", NEW, EVENT)).body["apiVersion"] == "events.k8s.io/v1"
    found = (await client.ask("GET", f"{OLD}/b")).body
    assert (found["apiVersion"], found["message"]) == ("v1", "said")
    assert found["reportingComponent"] == "example.org/one"
    assert found["involvedObject"]["name"] == "p"


async def test_both_lists_hold_the_same_events(client: Client) -> None:
    await _core_event(client)
    await client.ask("POST", NEW, EVENT)
    lists = [(await client.ask("GET", path)).body for path in (OLD, NEW)]
    names = [[one["metadata"]["name"] for one in found["items"]] for found in lists]
    assert names == [["a", "b"], ["a", "b"]]
    assert lists[0]["metadata"] == lists[1]["metadata"]
    assert "message" in lists[0]["items"][0]
    assert "note" in lists[1]["items"][0]


async def test_fields_are_selected_by_the_names_of_the_version(client: Client) -> None:
    await client.ask("POST", NEW, EVENT)
    chosen = await client.ask("GET", NEW, query={"fieldSelector": "regarding.kind=Pod"})
    assert len(chosen.body["items"]) == 1
    refused = await client.ask("GET", NEW, query={"fieldSelector": "involvedObject.kind=Pod"})
    assert refused.message == "field label not supported: involvedObject.kind"


async def test_watchers_of_both_forms_see_their_own(client: Client) -> None:
    old, new = [await client.watch(path, resourceVersion="1") for path in (OLD, NEW)]
    await client.ask("POST", NEW, EVENT)
    seen = [await one.next() for one in (old, new)]
    assert [one["object"]["apiVersion"] for one in seen] == ["v1", "events.k8s.io/v1"]
    assert [one["type"] for one in seen] == ["ADDED", "ADDED"]


async def test_a_write_in_one_group_forgets_the_managers_of_the_other(client: Client) -> None:
    await client.ask("POST", NEW, EVENT, query={"fieldManager": "one"})
    query = {"fieldManager": "two"}
    change = {"metadata": {"labels": {"a": "b"}}}
    made = await client.ask("PATCH", f"{OLD}/b", change, media=MERGE, query=query)
    managers = [one["manager"] for one in made.body["metadata"]["managedFields"]]
    assert managers == ["two"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"eventTime": None}, "eventTime: Required value"),
        ({"type": "Odd"}, 'type: Invalid value: "": has invalid value: Odd'),
        ({"deprecatedCount": 1}, 'count: Invalid value: "": needs to be unset'),
        ({"action": ""}, "action: Required value"),
        ({"reportingController": ""}, "reportingController: Required value"),
        ({"series": {"count": 1}}, 'series.count: Invalid value: "": should be at least 2'),
    ],
)
async def test_the_newer_form_is_strict(client: Client, change: JSON, says: str) -> None:
    reply = await client.ask("POST", NEW, {**EVENT, **change})
    assert reply.status == 422
    assert says in reply.message


async def test_what_a_newer_event_says_stays(client: Client) -> None:
    await client.ask("POST", NEW, EVENT)
    reply = await client.ask("PATCH", f"{NEW}/b", {"note": "changed"}, media=MERGE)
    assert reply.message == (
        'Event "b" is invalid: message: Invalid value: "changed": field is immutable'
    )
    reply = await client.ask("PATCH", f"{OLD}/b", {"message": "changed"}, media=MERGE)
    assert reply.status == 200


async def test_a_share_of_cpu_in_both_forms(client: Client) -> None:
    spec = {"scaleTargetRef": TARGET, "maxReplicas": 3, "targetCPUUtilizationPercentage": 55}
    made = await client.ask("POST", V1, {"metadata": {"name": "a"}, "spec": spec})
    assert made.body["spec"] == {**spec, "minReplicas": 1}
    found = (await client.ask("GET", f"{V2}/a")).body
    target = {"type": "Utilization", "averageUtilization": 55}
    assert found["spec"]["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": target}}
    ]


async def test_the_version_in_the_data_is_the_one_of_the_path(client: Client) -> None:
    body = {"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {}}
    assert (await client.ask("POST", V2, body)).message == (
        "the API version in the data (autoscaling/v1) does not match the expected API version "
        "(autoscaling/v2)"
    )


def test_what_the_first_form_has_no_field_for_comes_back() -> None:
    memory = {"type": "AverageValue", "averageValue": "1Gi"}
    hits = {"name": "hits", "selector": {"matchLabels": {"a": "b"}}}
    down = {"selectPolicy": "Max", "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}]}
    service = {"kind": "Service", "name": "s"}
    spec = {
        "scaleTargetRef": TARGET,
        "maxReplicas": 3,
        "metrics": [
            {"type": "Resource", "resource": {"name": "memory", "target": memory}},
            {"type": "Pods", "pods": {"metric": hits, "target": memory}},
            {
                "type": "Object",
                "object": {
                    "describedObject": service,
                    "metric": {"name": "hits"},
                    "target": {"type": "Value", "value": "10k"},
                },
            },
            {"type": "External", "external": {"metric": hits, "target": memory}},
        ],
        "behavior": {"scaleDown": down},
    }
    condition = {"type": "AbleToScale", "status": "True"}
    status = {"currentMetrics": None, "desiredReplicas": 2, "conditions": [condition]}
    stored = {"metadata": {"name": "a", "annotations": {"c": "d"}}, "spec": spec, "status": status}
    shown = to_first_form(stored)
    assert set(shown["spec"]) == {"scaleTargetRef", "maxReplicas"}
    prefix = "autoscaling.alpha.kubernetes.io/"
    assert set(shown["metadata"]["annotations"]) == {
        *("c", f"{prefix}metrics", f"{prefix}behavior", f"{prefix}conditions")
    }
    assert from_first_form(shown) == stored


def test_annotations_that_cannot_be_read_go() -> None:
    annotations = {
        f"autoscaling.alpha.kubernetes.io/{name}": text
        for name, text in {"metrics": "{", "behavior": "[]", "conditions": json.dumps(7)}.items()
    }
    given = {"metadata": {"name": "a", "annotations": annotations}, "spec": {"maxReplicas": 1}}
    assert from_first_form(given) == {"metadata": {"name": "a"}, "spec": {"maxReplicas": 1}}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"minReplicas": -1}, "spec.minReplicas: Invalid value: -1"),
        ({"minReplicas": 4}, "must be greater than or equal to `minReplicas`"),
        ({"minReplicas": 0}, "must specify at least one Object or External metric"),
        ({"scaleTargetRef": {}}, "spec.scaleTargetRef.kind: Required value"),
        ({"metrics": [{"type": "Odd"}]}, 'spec.metrics[0].type: Unsupported value: "Odd"'),
        ({"metrics": [{"type": "Pods"}]}, "spec.metrics[0].pods: Required value"),
        (
            {"behavior": {"scaleUp": {"stabilizationWindowSeconds": 3601}}},
            "must be less than or equal to 3600",
        ),
    ],
)
async def test_an_autoscaler_that_is_refused(client: Client, spec: JSON, says: str) -> None:
    whole = {"scaleTargetRef": TARGET, "maxReplicas": 3, **spec}
    reply = await client.ask("POST", V2, {"metadata": {"name": "a"}, "spec": whole})
    assert reply.status == 422
    assert says in reply.message
