"""Which Ingresses the controller takes, and what it tells of them."""

from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON
from runbook.practice.controllers.ingress_nginx import (
    CLASSES,
    CONTAINER,
    CONTROLLER_CLASS,
    INGRESSES,
    NAME,
    NAMESPACE,
    OLDER_ANNOTATION,
    WATCH_ALL,
    IngressNginx,
)
from tests.practice.controllers.lab import Lab


async def install(lab: Lab, *args: str) -> IngressNginx:
    """The controller as a Deployment with its Service, and the mesh it leads to."""
    controller = IngressNginx(lab.server, lab.plane.events, lab.plane.logs)
    lab.plane.controllers.add(controller)
    await lab.create("namespaces", {"metadata": {"name": NAMESPACE}})
    container = {"name": CONTAINER, "image": "controller:1", "args": list(args)}
    workload = lab.workload(NAME, container, replicas=1)
    workload["metadata"]["namespace"] = NAMESPACE
    await lab.create("deployments.apps", workload)
    await lab.create("services", _service(NAME, NAMESPACE, type="LoadBalancer"))
    await lab.create("services", _service("mesh", "default"))
    for name, owner in (("nginx", CONTROLLER_CLASS), ("other", "example.org/other")):
        await lab.create(CLASSES, {"metadata": {"name": name}, "spec": {"controller": owner}})
    await lab.run(20)
    return controller


def _service(name: str, namespace: str, **spec: str) -> JSON:
    ports = [{"name": "http", "port": 80}]
    return {"metadata": {"name": name, "namespace": namespace}, "spec": {**spec, "ports": ports}}


def ingress(name: str, class_name: str = "", **annotations: str) -> JSON:
    to = {"service": {"name": "mesh", "port": {"name": "http"}}}
    path = {"path": "/v2", "pathType": "Prefix", "backend": to}
    spec: JSON = {"rules": [{"http": {"paths": [path]}}]}
    if class_name:
        spec["ingressClassName"] = class_name
    metadata = {"name": name, "namespace": "default", "annotations": annotations}
    return {"metadata": metadata, "spec": spec}


def address(lab: Lab) -> list[str]:
    found = lab.get(INGRESSES, "i")["status"]["loadBalancer"].get("ingress", [])
    return [one["ip"] for one in found]


def log(lab: Lab) -> str:
    [pod] = lab.names("pods", NAMESPACE)
    return "\n".join(line for _, line in lab.plane.logs.read(NAMESPACE, pod, CONTAINER))


@pytest.mark.parametrize(
    "named",
    [ingress("i", "nginx"), ingress("i", **{OLDER_ANNOTATION: "nginx"})],
    ids=["field", "annotation"],
)
async def test_an_ingress_of_its_class_gets_the_controllers_address(lab: Lab, named: JSON) -> None:
    controller = await install(lab)
    await lab.create(INGRESSES, named)
    await lab.run(60)
    balancer = lab.get("services", NAME, NAMESPACE)["status"]["loadBalancer"]["ingress"]
    assert address(lab) == [balancer[0]["ip"]]
    assert ("Sync", "Scheduled for sync") in lab.events("i")
    assert controller.url("h", "/v2/models", lambda *place: "/".join(place)) == (
        "default/mesh/80/v2/models"
    )
    assert controller.url("h", "/v2/models", lambda *_: None) == ""
    assert controller.url("h:8080", "/elsewhere", lambda *_: "x") is None


async def test_an_ingress_without_a_class_is_ignored_with_one_line_until_it_gets_one(
    lab: Lab,
) -> None:
    controller = await install(lab)
    await lab.create(INGRESSES, ingress("i"))
    await lab.run(90)
    assert address(lab) == []
    assert controller.url("h", "/v2", lambda *_: "x") is None
    assert log(lab).count("ingress does not contain a valid IngressClass") == 1
    await lab.patch(INGRESSES, "i", {"spec": {"ingressClassName": "nginx"}})
    await lab.run(60)
    assert len(address(lab)) == 1
    assert controller.url("h", "/v2", lambda *_: "x") == "x/v2"


@pytest.mark.parametrize("class_name", ["other", "nobodys"])
async def test_an_ingress_of_another_class_is_none_of_its_business(
    lab: Lab, class_name: str
) -> None:
    controller = await install(lab)
    await lab.create(INGRESSES, ingress("i", class_name))
    await lab.run(90)
    assert (address(lab), log(lab).count("Ignoring")) == ([], 0)
    assert controller.url("h", "/v2", lambda *_: "x") is None


async def test_it_can_be_told_to_serve_what_names_no_class(lab: Lab) -> None:
    controller = await install(lab, WATCH_ALL)
    await lab.create(INGRESSES, ingress("i"))
    await lab.run(60)
    assert len(address(lab)) == 1
    assert controller.url("h", "/v2", lambda *_: "x") == "x/v2"


async def test_without_a_ready_pod_nothing_is_written(lab: Lab) -> None:
    await install(lab)
    await lab.patch("deployments.apps", NAME, {"spec": {"replicas": 0}}, NAMESPACE)
    await lab.run(60)
    await lab.create(INGRESSES, ingress("i", "nginx"))
    await lab.run(90)
    assert address(lab) == []
    await lab.patch("deployments.apps", NAME, {"spec": {"replicas": 1}}, NAMESPACE)
    await lab.run(90)
    assert len(address(lab)) == 1
