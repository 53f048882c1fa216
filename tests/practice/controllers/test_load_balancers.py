from __future__ import annotations

from runbook.practice.cluster import JSON
from tests.practice.controllers.lab import Lab


def _service(name: str, **annotations: str) -> JSON:
    return {
        "metadata": {"name": name, "namespace": "default", "annotations": annotations},
        "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
    }


def _address(lab: Lab, name: str) -> list[str]:
    balancer = lab.get("services", name)["status"]["loadBalancer"]
    return [entry["ip"] for entry in balancer.get("ingress", [])]


async def test_each_service_gets_an_address_of_its_own(lab: Lab) -> None:
    await lab.create("services", _service("a"))
    await lab.create("services", _service("b"))
    await lab.run(2)
    assert (_address(lab, "a"), _address(lab, "b")) == (["192.0.2.200"], ["192.0.2.201"])
    assert ("IPAllocated", 'Assigned IP ["192.0.2.200"]') in lab.events("a")


async def test_an_address_that_is_asked_for_is_given_if_it_is_free(lab: Lab) -> None:
    asked = {"metallb.universe.tf/loadBalancerIPs": "192.0.2.220"}
    await lab.create("services", _service("a", **asked))
    await lab.run(2)
    await lab.create("services", _service("b", **asked))
    await lab.run(2)
    assert (_address(lab, "a"), _address(lab, "b")) == (["192.0.2.220"], [])
    assert [reason for reason, _ in lab.events("b")] == ["AllocationFailed"]


async def test_the_finalizer_goes_with_the_service(lab: Lab) -> None:
    await lab.create("services", _service("a"))
    await lab.run(2)
    held = lab.get("services", "a")["metadata"]["finalizers"]
    assert held == ["service.kubernetes.io/load-balancer-cleanup"]
    await lab.delete("services", "a")
    await lab.run(1)
    assert not lab.has("services", "a")


async def test_while_metallb_is_installed_but_down_services_wait_for_it(lab: Lab) -> None:
    await lab.create("namespaces", {"metadata": {"name": "metallb-system"}})
    controller = lab.workload("controller", replicas=0)
    controller["metadata"]["namespace"] = "metallb-system"
    await lab.create("deployments.apps", controller)
    await lab.run(1)
    await lab.create("services", _service("a"))
    await lab.run(60)
    assert _address(lab, "a") == []
    up = {"spec": {"replicas": 1}}
    await lab.patch("deployments.apps", "controller", up, "metallb-system")
    await lab.run(60)
    assert _address(lab, "a") == ["192.0.2.200"]
