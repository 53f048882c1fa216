"""Kinds that only who runs a cluster meets: what they get, what is refused, what they do to pods."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver import cluster_validation
from tests.practice.apiserver.client import Client

JSON = dict[str, Any]
CLASSES = "/apis/node.k8s.io/v1/runtimeclasses"
DRIVERS = "/apis/storage.k8s.io/v1/csidrivers"
PODS = "/api/v1/namespaces/default/pods"


def _pod(**spec: Any) -> JSON:
    containers = [{"name": "c", "image": "busybox"}]
    return {"metadata": {"name": "p"}, "spec": {"containers": containers, **spec}}


async def _sandbox(client: Client) -> None:
    scheduling = {
        "nodeSelector": {"sandbox": "yes"},
        "tolerations": [{"key": "sandbox", "operator": "Exists"}],
    }
    overhead = {"podFixed": {"memory": "120Mi"}}
    made = {"metadata": {"name": "sandbox"}, "handler": "runsc"}
    reply = await client.ask(
        "POST", CLASSES, {**made, "overhead": overhead, "scheduling": scheduling}
    )
    assert reply.status == 201


async def test_a_pod_gets_what_its_runtime_needs(client: Client) -> None:
    await _sandbox(client)
    reply = await client.ask("POST", PODS, _pod(runtimeClassName="sandbox"))
    spec = reply.body["spec"]
    assert spec["overhead"] == {"memory": "120Mi"}
    assert spec["nodeSelector"] == {"sandbox": "yes"}
    assert spec["tolerations"][0] == {"key": "sandbox", "operator": "Exists"}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"runtimeClassName": "none"}, 'pod rejected: RuntimeClass "none" not found'),
        (
            {"runtimeClassName": "sandbox", "overhead": {"memory": "1Mi"}},
            "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
        ),
        (
            {"overhead": {"memory": "1Mi"}},
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
        ),
        (
            {"runtimeClassName": "sandbox", "nodeSelector": {"sandbox": "no"}},
            "conflict: runtimeClass.scheduling.nodeSelector[sandbox] = yes; "
            "pod.spec.nodeSelector[sandbox] = no",
        ),
    ],
)
async def test_a_pod_that_does_not_fit_its_runtime_is_refused(
    client: Client, spec: JSON, says: str
) -> None:
    await _sandbox(client)
    reply = await client.ask("POST", PODS, _pod(**spec))
    assert (reply.status, reply.reason) == (403, "Forbidden")
    assert reply.message == f'pods "p" is forbidden: {says}'


async def test_a_driver_has_defaults_that_stay(client: Client) -> None:
    reply = await client.ask("POST", DRIVERS, {"metadata": {"name": "d.example.org"}, "spec": {}})
    assert reply.body["spec"]["volumeLifecycleModes"] == ["Persistent"]
    assert reply.body["spec"]["attachRequired"] is True
    other = {**reply.body, "spec": {**reply.body["spec"], "attachRequired": False}}
    reply = await client.ask("PUT", f"{DRIVERS}/d.example.org", other)
    assert reply.status == 422
    assert "spec.attachedRequired: Invalid value: false: field is immutable" in reply.message


def _schema(rule: JSON, **spec: Any) -> JSON:
    level = {"name": "ours"}
    return {
        "metadata": {"name": "ours"},
        "spec": {
            "matchingPrecedence": 10,
            "priorityLevelConfiguration": level,
            "rules": [rule],
            **spec,
        },
    }


_SUBJECT = {"kind": "Group", "group": {"name": "g"}}
_RESOURCES = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"]}


@pytest.mark.parametrize(
    ("schema", "field"),
    [
        (_schema({"subjects": [], "resourceRules": [_RESOURCES]}), "spec.rules[0].subjects"),
        (_schema({"subjects": [_SUBJECT]}), "spec.rules[0]"),
        (
            _schema({"subjects": [{"kind": "User"}], "resourceRules": [_RESOURCES]}),
            "spec.rules[0].subjects[0].user",
        ),
        (
            _schema(
                {"subjects": [_SUBJECT], "resourceRules": [{**_RESOURCES, "verbs": ["*", "get"]}]}
            ),
            "spec.rules[0].resourceRules[0].verbs",
        ),
        (
            _schema({"subjects": [_SUBJECT], "resourceRules": [{**_RESOURCES, "namespaces": []}]}),
            "spec.rules[0].resourceRules[0].namespaces",
        ),
        (
            _schema({"subjects": [_SUBJECT], "resourceRules": [_RESOURCES]}, matchingPrecedence=1),
            "spec.matchingPrecedence",
        ),
    ],
)
def test_a_flow_schema_that_means_nothing_is_refused(schema: JSON, field: str) -> None:
    assert [cause.field for cause in cluster_validation.flow_schema(schema)] == [field]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"type": "Exempt"}, "spec.type"),
        ({"type": "Limited"}, "spec.limited"),
        ({"type": "Other"}, "spec.type"),
        (
            {
                "type": "Limited",
                "limited": {
                    "nominalConcurrencyShares": 1,
                    "lendablePercent": 0,
                    "limitResponse": {"type": "Queue"},
                },
            },
            "spec.limited.limitResponse.queuing",
        ),
    ],
)
def test_a_level_that_cannot_be_is_refused(spec: JSON, field: str) -> None:
    level = {"metadata": {"name": "ours"}, "spec": spec}
    assert [cause.field for cause in cluster_validation.priority_level(level)] == [field]


async def test_somebody_elses_access_can_be_asked(client: Client) -> None:
    about = {"verb": "get", "resource": "pods"}
    path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
    for groups, allowed in ((["system:masters"], True), (["nobody"], False)):
        spec = {"user": "eve", "groups": groups, "resourceAttributes": about}
        reply = await client.ask("POST", path, {"spec": spec})
        assert reply.body["status"]["allowed"] is allowed
    reply = await client.ask("POST", path, {"spec": {"resourceAttributes": about}})
    assert reply.status == 422
