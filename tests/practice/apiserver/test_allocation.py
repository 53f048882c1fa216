from __future__ import annotations

from typing import Any

from runbook.practice.apiserver.api import ApiServer

JSON = dict[str, Any]


def _service(name: str, **spec: Any) -> JSON:
    ports = [{"port": 80, "name": "http"}]
    return {"metadata": {"name": name, "namespace": "default"}, "spec": {"ports": ports, **spec}}


async def test_every_service_has_an_address_of_its_own(api: ApiServer) -> None:
    made = [await api.create("services", _service(f"s{number}")) for number in range(50)]
    addresses = {service["spec"]["clusterIP"] for service in made}
    assert len(addresses) == 50
    assert all(address.startswith("10.96.") for address in addresses)


async def test_an_address_is_kept_when_an_update_leaves_it_out(api: ApiServer) -> None:
    made = await api.create("services", _service("s"))
    again = await api.update("services", _service("s", selector={"a": "b"}))
    assert again["spec"]["clusterIP"] == made["spec"]["clusterIP"]


async def test_headless_and_external_services_get_none(api: ApiServer) -> None:
    headless = await api.create("services", _service("h", clusterIP="None"))
    external = await api.create(
        "services", _service("e", type="ExternalName", externalName="example.org")
    )
    assert headless["spec"]["clusterIPs"] == ["None"]
    assert "clusterIP" not in external["spec"]


async def test_a_node_port_is_kept_as_long_as_its_port(api: ApiServer) -> None:
    made = await api.create("services", _service("s", type="NodePort"))
    port = made["spec"]["ports"][0]["nodePort"]
    assert 30_000 <= port <= 32_767
    again = await api.update("services", _service("s", type="NodePort", selector={"a": "b"}))
    assert again["spec"]["ports"][0]["nodePort"] == port


async def test_a_claim_without_a_class_gets_the_default_one(api: ApiServer) -> None:
    default = {"storageclass.kubernetes.io/is-default-class": "true"}
    await api.create(
        "storageclasses.storage.k8s.io",
        {"metadata": {"name": "nfs", "annotations": default}, "provisioner": "p"},
    )
    spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
    claim = {"metadata": {"name": "c", "namespace": "default"}, "spec": spec}
    made = await api.create("persistentvolumeclaims", claim)
    assert made["spec"]["storageClassName"] == "nfs"
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
