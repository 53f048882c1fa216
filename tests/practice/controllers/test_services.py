from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from runbook.practice.controllers.behaviours import PodBehaviour
from tests.practice.controllers.lab import Lab

SLICES = "endpointslices.discovery.k8s.io"
WEB = {"name": "main", "image": "app:1", "ports": [{"name": "http", "containerPort": 8080}]}


def _service(**spec: Any) -> JSON:
    ports = [{"name": "web", "port": 80, "targetPort": "http"}]
    return {
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


class Unready(PodBehaviour):
    def ready(self, pod: JSON, container: str) -> bool:
        return False


async def test_ready_pods_are_the_addresses_of_their_service(lab: Lab) -> None:
    await lab.create("services", _service())
    await lab.create("pods", lab.pod("a", WEB, labels={"app": "web"}))
    await lab.run(1)
    assert "subsets" not in lab.get("endpoints", "web")
    await lab.run(20)
    (subset,) = lab.get("endpoints", "web")["subsets"]
    assert subset["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]
    assert subset["addresses"][0]["ip"] == lab.get("pods", "a")["status"]["podIP"]
    assert subset["addresses"][0]["targetRef"]["name"] == "a"


async def test_the_slice_says_the_same_and_goes_with_the_service(lab: Lab) -> None:
    await lab.create("services", _service())
    await lab.create("pods", lab.pod("a", WEB, labels={"app": "web"}))
    await lab.run(20)
    (piece,) = lab.server.select(SLICES, "default", {"kubernetes.io/service-name": "web"})
    assert piece["ports"] == [{"name": "web", "port": 8080, "protocol": "TCP"}]
    conditions = {"ready": True, "serving": True, "terminating": False}
    assert piece["endpoints"][0]["conditions"] == conditions
    await lab.delete("services", "web")
    await lab.run(1)
    assert lab.names(SLICES) == []
    assert not lab.has("endpoints", "web")


async def test_a_pod_that_is_not_ready_receives_nothing(lab: Lab) -> None:
    lab.plane.behaviours.register({"app": "web"}, Unready())
    await lab.create("services", _service())
    await lab.create("pods", lab.pod("a", WEB, labels={"app": "web"}))
    await lab.run(20)
    (subset,) = lab.get("endpoints", "web")["subsets"]
    assert "addresses" not in subset
    assert subset["notReadyAddresses"][0]["targetRef"]["name"] == "a"


async def test_early_addresses_are_published_when_the_service_wants_them(lab: Lab) -> None:
    lab.plane.behaviours.register({"app": "web"}, Unready())
    await lab.create("services", _service(clusterIP="None", publishNotReadyAddresses=True))
    await lab.create("pods", lab.pod("a", WEB, labels={"app": "web"}))
    await lab.run(20)
    assert len(lab.get("endpoints", "web")["subsets"][0]["addresses"]) == 1


async def test_a_pod_that_is_being_deleted_receives_nothing(lab: Lab) -> None:
    await lab.create("services", _service())
    await lab.create("pods", lab.pod("a", WEB, labels={"app": "web"}))
    await lab.run(20)
    await lab.delete("pods", "a")
    await lab.run(0.1)
    assert "addresses" not in lab.get("endpoints", "web")["subsets"][0]
    await lab.run(10)
    assert "subsets" not in lab.get("endpoints", "web")


async def test_a_port_name_that_no_container_has_leads_nowhere(lab: Lab) -> None:
    await lab.create("services", _service(ports=[{"port": 80, "targetPort": "grpc"}]))
    await lab.create("pods", lab.pod("a", WEB, labels={"app": "web"}))
    await lab.run(20)
    assert "subsets" not in lab.get("endpoints", "web")


async def test_endpoints_without_a_selector_are_left_alone(lab: Lab) -> None:
    service = _service()
    del service["spec"]["selector"]
    await lab.create("services", service)
    mine = {
        "metadata": {"name": "web", "namespace": "default"},
        "subsets": [{"addresses": [{"ip": "10.0.0.1"}], "ports": [{"port": 80}]}],
    }
    await lab.create("endpoints", mine)
    await lab.run(5)
    assert lab.get("endpoints", "web")["subsets"][0]["addresses"] == [{"ip": "10.0.0.1"}]
