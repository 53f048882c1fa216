from __future__ import annotations

from typing import Any

import pytest

from tests.practice.controllers.lab import Lab
from tests.practice.controllers.test_namespaces import WIDGETS

JSON = dict[str, Any]
API_SERVICES = "apiservices.apiregistration.k8s.io"
SLICES = "endpointslices.discovery.k8s.io"
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


def metrics(port: int = 443) -> JSON:
    return {
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "insecureSkipTLSVerify": True,
            "service": {"name": "m", "namespace": "default", "port": port},
        },
    }


def available(lab: Lab, name: str = "v1beta1.metrics.k8s.io") -> JSON:
    found: JSON = lab.conditions(API_SERVICES, name, None)["Available"]
    return found


async def test_every_group_version_of_the_server_has_one(lab: Lab) -> None:
    await lab.run(1)
    assert available(lab, "v1.")["reason"] == "Local"
    assert available(lab, "v1.apps")["status"] == "True"


async def test_a_definition_has_one_that_comes_back(lab: Lab) -> None:
    await lab.create(CRDS, WIDGETS)
    await lab.run(1)
    name = f"v1.{WIDGETS['spec']['group']}"
    assert lab.has(API_SERVICES, name, None)
    await lab.delete(API_SERVICES, name, None)
    await lab.run(1)
    assert lab.has(API_SERVICES, name, None)
    await lab.delete(CRDS, WIDGETS["metadata"]["name"], None)
    await lab.run(1)
    assert not lab.has(API_SERVICES, name, None)


async def test_a_built_in_one_is_made_only_at_the_start(lab: Lab) -> None:
    await lab.run(1)
    await lab.delete(API_SERVICES, "v1.apps", None)
    await lab.run(5)
    assert not lab.has(API_SERVICES, "v1.apps", None)


async def test_why_another_server_does_not_answer(lab: Lab) -> None:
    await lab.create(API_SERVICES, metrics())
    await lab.run(1)
    assert available(lab)["reason"] == "ServiceNotFound"
    service = {
        "metadata": {"name": "m", "namespace": "default"},
        "spec": {"ports": [{"port": 444, "name": "https"}]},
    }
    await lab.create("services", service)
    await lab.run(1)
    assert available(lab)["message"] == 'service/m in "default" is not listening on port 443'
    await lab.patch(API_SERVICES, "v1beta1.metrics.k8s.io", metrics(444), None)
    await lab.run(1)
    assert available(lab)["reason"] == "EndpointsNotFound"
    slices: JSON = {
        "metadata": {
            "name": "m-1",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "m"},
        },
        "addressType": "IPv4",
        "endpoints": [],
        "ports": [{"name": "https", "port": 444, "protocol": "TCP"}],
    }
    await lab.create(SLICES, slices)
    await lab.run(1)
    assert available(lab)["reason"] == "MissingEndpoints"
    outside = {"endpoints": [{"addresses": ["10.0.0.1"]}]}
    await lab.patch(SLICES, "m-1", outside)
    await lab.run(1)
    assert available(lab)["reason"] == "FailedDiscoveryCheck"
    target = {"kind": "Pod", "namespace": "default", "name": "m-0"}
    await lab.patch(
        SLICES, "m-1", {"endpoints": [{**outside["endpoints"][0], "targetRef": target}]}
    )
    await lab.run(1)
    assert (available(lab)["status"], available(lab)["reason"]) == ("True", "Passed")


@pytest.mark.parametrize("answers", [False, True], ids=["stale", "answering"])
async def test_an_empty_namespace_goes_only_when_every_group_is_known(
    answers: bool, lab: Lab
) -> None:
    await lab.create(API_SERVICES, metrics())
    if answers:
        spec = {"selector": {"app": "m"}, "ports": [{"port": 443}]}
        meta = {"name": "m", "namespace": "default"}
        await lab.create("services", {"metadata": meta, "spec": spec})
        pod = lab.pod("m-0")
        pod["metadata"]["labels"] = {"app": "m"}
        await lab.create("pods", pod)
        await lab.run(20)
    await lab.create("namespaces", {"metadata": {"name": "work"}})
    await lab.run(1)
    await lab.delete("namespaces", "work", None)
    await lab.run(30)
    assert lab.has("namespaces", "work", None) is not answers
