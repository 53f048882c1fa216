from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from tests.practice.controllers.lab import Lab

CLAIMS = "persistentvolumeclaims"
VOLUMES = "persistentvolumes"
CLASSES = "storageclasses.storage.k8s.io"
SPEC: JSON = {
    "accessModes": ["ReadWriteMany"],
    "resources": {"requests": {"storage": "500Gi"}},
    "storageClassName": "nfs-shared",
}


async def _class(lab: Lab, policy: str = "Retain", mode: str = "Immediate") -> None:
    await lab.create(
        CLASSES,
        {
            "metadata": {"name": "nfs-shared"},
            "provisioner": "nfs.csi.k8s.io",
            "parameters": {"server": "nfs.example.com", "share": "/export"},
            "reclaimPolicy": policy,
            "volumeBindingMode": mode,
        },
    )


async def _claim(lab: Lab, **spec: Any) -> JSON:
    metadata = {"name": "data", "namespace": "default"}
    made: JSON = await lab.create(CLAIMS, {"metadata": metadata, "spec": {**SPEC, **spec}})
    return made


def _volume(lab: Lab) -> JSON:
    (volume,) = lab.server.select(VOLUMES)
    found: JSON = volume
    return found


async def test_a_claim_is_bound_to_a_new_volume_after_two_seconds(lab: Lab) -> None:
    await _class(lab)
    claim = await _claim(lab)
    await lab.run(1.5)
    assert lab.get(CLAIMS, "data")["status"]["phase"] == "Pending"
    await lab.run(1)
    bound = lab.get(CLAIMS, "data")
    assert bound["status"]["phase"] == "Bound"
    assert bound["status"]["capacity"] == {"storage": "500Gi"}
    assert bound["spec"]["volumeName"] == f"pvc-{claim['metadata']['uid']}"
    volume = _volume(lab)
    assert volume["status"]["phase"] == "Bound"
    assert volume["spec"]["claimRef"]["uid"] == claim["metadata"]["uid"]
    assert volume["spec"]["persistentVolumeReclaimPolicy"] == "Retain"
    assert [reason for reason, _ in lab.events("data")] == [
        "ExternalProvisioning",
        "Provisioning",
        "ProvisioningSucceeded",
    ]


async def test_a_retained_volume_is_released_and_a_new_claim_gets_an_empty_one(lab: Lab) -> None:
    await _class(lab)
    await _claim(lab)
    await lab.run(3)
    old = _volume(lab)["metadata"]["name"]
    await lab.delete(CLAIMS, "data")
    await lab.run(1)
    assert _volume(lab)["status"]["phase"] == "Released"
    await _claim(lab)
    await lab.run(3)
    assert lab.get(CLAIMS, "data")["spec"]["volumeName"] != old
    assert lab.get(VOLUMES, old, None)["status"]["phase"] == "Released"


async def test_a_released_volume_whose_reference_is_cleared_can_be_bound_again(lab: Lab) -> None:
    await _class(lab)
    await _claim(lab)
    await lab.run(3)
    old = _volume(lab)["metadata"]["name"]
    await lab.delete(CLAIMS, "data")
    await lab.run(1)
    await lab.patch(VOLUMES, old, {"spec": {"claimRef": None}}, None)
    await lab.run(1)
    assert _volume(lab)["status"]["phase"] == "Available"
    await _claim(lab)
    await lab.run(3)
    assert lab.get(CLAIMS, "data")["spec"]["volumeName"] == old


async def test_with_the_policy_delete_the_volume_goes_with_its_claim(lab: Lab) -> None:
    await _class(lab, "Delete")
    await _claim(lab)
    await lab.run(3)
    await lab.delete(CLAIMS, "data")
    await lab.run(1)
    assert lab.server.select(VOLUMES) == []


async def test_a_claim_in_use_stays_until_its_pod_is_gone(lab: Lab) -> None:
    await _class(lab)
    await _claim(lab)
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    await lab.create("pods", lab.pod("p", volumes=[volume]))
    await lab.run(30)
    await lab.delete(CLAIMS, "data")
    await lab.run(10)
    assert lab.get(CLAIMS, "data")["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    await lab.delete("pods", "p")
    await lab.run(10)
    assert not lab.has(CLAIMS, "data")


async def test_a_missing_class_keeps_the_claim_pending_until_it_comes(lab: Lab) -> None:
    await _claim(lab)
    await lab.run(5)
    assert lab.events("data") == [
        ("ProvisioningFailed", 'storageclass.storage.k8s.io "nfs-shared" not found')
    ]
    await _class(lab)
    await lab.run(3)
    assert lab.get(CLAIMS, "data")["status"]["phase"] == "Bound"


async def test_a_claim_waits_for_its_first_consumer_if_the_class_says_so(lab: Lab) -> None:
    await _class(lab, mode="WaitForFirstConsumer")
    await _claim(lab)
    await lab.run(10)
    assert [reason for reason, _ in lab.events("data")] == ["WaitForFirstConsumer"]
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    await lab.create("pods", lab.pod("p", volumes=[volume]))
    await lab.run(30)
    assert lab.conditions("pods", "p")["Ready"]["status"] == "True"


async def test_a_fitting_volume_is_preferred_to_a_new_one(lab: Lab) -> None:
    await _class(lab)
    for name, size in (("large", "2Ti"), ("fitting", "600Gi"), ("small", "1Gi")):
        spec = {
            "accessModes": ["ReadWriteMany"],
            "capacity": {"storage": size},
            "storageClassName": "nfs-shared",
            "nfs": {"server": "nfs.example.com", "path": "/old"},
        }
        await lab.create(VOLUMES, {"metadata": {"name": name}, "spec": spec})
    await lab.run(1)
    await _claim(lab)
    await lab.run(3)
    assert lab.get(CLAIMS, "data")["spec"]["volumeName"] == "fitting"


async def test_a_claim_whose_volume_is_gone_is_lost(lab: Lab) -> None:
    await _class(lab)
    await _claim(lab)
    await lab.run(3)
    name = _volume(lab)["metadata"]["name"]
    await lab.delete(VOLUMES, name, None)
    await lab.run(1)
    assert lab.has(VOLUMES, name, None)
    await lab.patch(VOLUMES, name, {"metadata": {"finalizers": None}}, None)
    await lab.run(1)
    assert lab.get(CLAIMS, "data")["status"]["phase"] == "Lost"
