from __future__ import annotations

import copy
from typing import Any

import pytest

from runbook.practice.apiserver import defaults, first_state
from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.validation import causes

JSON = dict[str, Any]


def _pod_spec(**more: Any) -> JSON:
    container = {"name": "a", "image": "x:1", "volumeMounts": [{"name": "v", "mountPath": "/v"}]}
    return {
        "restartPolicy": "Always",
        "containers": [container],
        "volumes": [{"name": "v", "emptyDir": {}}],
        **more,
    }


def _workload(**more: Any) -> JSON:
    template = {"metadata": {"labels": {"app": "web", "x": "y"}}, "spec": _pod_spec()}
    spec = {"replicas": 1, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"kind": "Deployment", "spec": {**spec, **more}}


def _service(**spec: Any) -> JSON:
    return {"spec": {"type": "ClusterIP", "ports": [{"port": 80}], **spec}}


def _job(**pod: Any) -> JSON:
    return {"spec": {"template": {"spec": _pod_spec(**{"restartPolicy": "Never", **pod})}}}


def _completed(resource: str, obj: JSON) -> JSON:
    """As the rules see it: with its defaults."""
    meta = {"name": "x", "namespace": "default", "uid": "u", "creationTimestamp": "now"}
    done = copy.deepcopy({"kind": "Any", **obj, "metadata": meta})
    defaults.on_write(resource, done)
    if resource == "jobs.batch":
        first_state.on_create(resource, done)
    return done


def _causes(resource: str, obj: JSON) -> list[Cause]:
    return causes(resource, _completed(resource, obj))


@pytest.mark.parametrize(
    ("resource", "obj"),
    [
        ("pods", {"spec": _pod_spec()}),
        ("deployments.apps", _workload()),
        ("services", _service()),
        ("services", _service(ports=[], clusterIP="None")),
        ("services", _service(type="ExternalName", externalName="a.b", ports=[])),
        ("jobs.batch", _job()),
        ("configmaps", {"data": {"a.b-c_D": "x"}}),
        ("events", {}),
    ],
)
def test_what_is_right_passes(resource: str, obj: JSON) -> None:
    assert _causes(resource, obj) == []


@pytest.mark.parametrize(
    ("resource", "obj", "field", "says"),
    [
        ("pods", {"spec": {}}, "spec.containers", "Required value"),
        (
            "pods",
            {"spec": _pod_spec(containers=[{"name": "A_B", "image": "x"}])},
            "spec.containers[0].name",
            "a lowercase RFC 1123 label",
        ),
        (
            "pods",
            {"spec": _pod_spec(initContainers=[{"name": "a", "image": "x"}])},
            "spec.initContainers[0].name",
            'Duplicate value: "a"',
        ),
        (
            "pods",
            {"spec": _pod_spec(containers=[{"name": "a"}])},
            "spec.containers[0].image",
            "Required value",
        ),
        (
            "pods",
            {"spec": _pod_spec(volumes=[])},
            "spec.containers[0].volumeMounts[0].name",
            'Not found: "v"',
        ),
        ("deployments.apps", _workload(replicas=-1), "spec.replicas", "must be greater than"),
        (
            "deployments.apps",
            _workload(selector={"matchLabels": {"app": "other"}}),
            "spec.template.metadata.labels",
            'Invalid value: {"app":"web","x":"y"}: `selector` does not match template `labels`',
        ),
        ("deployments.apps", _workload(selector={}), "spec.selector", "empty selector is invalid"),
        ("services", _service(ports=[]), "spec.ports", "Required value"),
        (
            "services",
            _service(ports=[{"port": 0, "targetPort": "web"}]),
            "spec.ports[0].port",
            "between 1 and 65535",
        ),
        (
            "services",
            _service(ports=[{"port": 1, "name": "a"}, {"port": 2}]),
            "spec.ports[1].name",
            "Required value",
        ),
        ("services", _service(type="ExternalName"), "spec.externalName", "Required value"),
        (
            "jobs.batch",
            _job(restartPolicy="Always"),
            "spec.template.spec.restartPolicy",
            'valid values: "OnFailure", "Never"',
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"resources": {"requests": {"storage": "1Gi"}}}},
            "spec.accessModes",
            "at least 1 access mode is required",
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"accessModes": ["ReadWriteOnce"]}},
            "spec.resources[storage]",
            "Required value",
        ),
        ("configmaps", {"data": {"a/b": "x"}}, "data[a/b]", "a valid config key"),
        (
            "replicationcontrollers",
            _workload(selector={"app": "other"}),
            "spec.template.metadata.labels",
            'Invalid value: {"app":"web","x":"y"}: `selector` does not match template `labels`',
        ),
        ("replicationcontrollers", _workload(selector=None), "spec.selector", "Required value"),
        (
            "poddisruptionbudgets.policy",
            {"spec": {"minAvailable": "\u00b2"}},
            "spec.minAvailable",
            "a valid percent string",
        ),
        (
            "poddisruptionbudgets.policy",
            {"spec": {"maxUnavailable": f"{'9' * 5000}%"}},
            "spec.maxUnavailable",
            "must not be greater than 100%",
        ),
    ],
)
def test_what_is_wrong_is_named(resource: str, obj: JSON, field: str, says: str) -> None:
    (cause,) = _causes(resource, obj)
    assert cause.field == field
    assert says in cause.message


def test_a_stateful_set_s_claims_are_volumes_of_its_pods() -> None:
    obj = copy.deepcopy(_workload(volumeClaimTemplates=[{"metadata": {"name": "v"}}]))
    obj["kind"] = "StatefulSet"
    del obj["spec"]["template"]["spec"]["volumes"]
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    obj["spec"]["volumeClaimTemplates"][0]["spec"] = claim
    assert _causes("statefulsets.apps", obj) == []


def test_what_a_rule_has_said_the_schema_does_not_repeat() -> None:
    of_schema = [Cause.required("spec.containers"), Cause.required("spec.other")]
    found = causes("pods", _completed("pods", {"spec": {}}), of_schema)
    assert [cause.field for cause in found] == ["spec.containers", "spec.other"]
