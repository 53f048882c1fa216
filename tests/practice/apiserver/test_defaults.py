from __future__ import annotations

import base64
import copy
from typing import Any

import pytest

from runbook.practice.apiserver import defaults, first_state
from runbook.practice.apiserver.pod_defaults import default_pod_spec, quality_of_service

JSON = dict[str, Any]


def _template() -> JSON:
    return {"spec": {"containers": [{"name": "a", "image": "x:1"}]}}


def _object(resource: str) -> JSON:
    specs: dict[str, JSON] = {
        "services": {"ports": [{"port": 80}]},
        "persistentvolumeclaims": {"accessModes": ["ReadWriteOnce"]},
        "customresourcedefinitions.apiextensions.k8s.io": {
            "names": {"kind": "Widget"},
            "versions": [{"name": "v1", "storage": True}],
        },
        "cronjobs.batch": {"jobTemplate": {"spec": {"template": _template()}}},
    }
    spec = specs.get(resource, {"template": _template()})
    return {"kind": "Any", "metadata": {"name": "x", "uid": "u"}, "spec": spec}


@pytest.mark.parametrize(
    "resource",
    [
        "deployments.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
        "services",
        "persistentvolumeclaims",
        "customresourcedefinitions.apiextensions.k8s.io",
        "horizontalpodautoscalers.autoscaling",
        "networkpolicies.networking.k8s.io",
    ],
)
def test_defaulting_twice_is_defaulting_once(resource: str) -> None:
    obj = _object(resource)
    defaults.on_write(resource, obj)
    once = copy.deepcopy(obj)
    defaults.on_write(resource, obj)
    assert obj == once
    assert obj != _object(resource)


def test_a_secret_s_plain_text_becomes_data() -> None:
    secret: JSON = {"metadata": {"name": "s"}, "data": {"a": "eA=="}, "stringData": {"b": "y"}}
    defaults.on_write("secrets", secret)
    assert secret["data"] == {"a": "eA==", "b": base64.b64encode(b"y").decode()}
    assert "stringData" not in secret
    assert secret["type"] == "Opaque"


def test_a_job_selects_its_own_pods() -> None:
    job = _object("jobs.batch")
    defaults.on_write("jobs.batch", job)
    first_state.on_create("jobs.batch", job)
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u"}}
    assert job["spec"]["template"]["metadata"]["labels"]["job-name"] == "x"


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1", "IfNotPresent"),
        ("registry:5000/nginx", "Always"),
        ("registry:5000/nginx:1", "IfNotPresent"),
        ("nginx@sha256:abc", "IfNotPresent"),
    ],
)
def test_an_image_s_tag_says_when_it_is_pulled(image: str, policy: str) -> None:
    spec: JSON = {"containers": [{"name": "a", "image": image}]}
    default_pod_spec(spec)
    assert spec["containers"][0]["imagePullPolicy"] == policy


def test_a_probe_s_and_a_volume_s_gaps_are_filled() -> None:
    spec: JSON = {
        "containers": [{"name": "a", "image": "x", "livenessProbe": {"httpGet": {"port": 80}}}],
        "volumes": [{"name": "v", "configMap": {"name": "c"}}],
    }
    default_pod_spec(spec)
    probe = spec["containers"][0]["livenessProbe"]
    assert (probe["periodSeconds"], probe["httpGet"]["scheme"]) == (10, "HTTP")
    assert spec["volumes"][0]["configMap"]["defaultMode"] == 420


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}, "requests": {"cpu": "500m"}}, "Burstable"),
    ],
)
def test_the_quality_of_service_follows_the_resources(resources: JSON, quality: str) -> None:
    assert quality_of_service({"containers": [{"resources": resources}]}) == quality
