from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from tests.practice.controllers.lab import Lab

SETS = "statefulsets.apps"
CLAIMS = "persistentvolumeclaims"
STATE: JSON = {
    "metadata": {"name": "state"},
    "spec": {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
        "storageClassName": "fast",
    },
}


async def _claims(lab: Lab) -> None:
    await lab.create(
        "storageclasses.storage.k8s.io",
        {"metadata": {"name": "fast"}, "provisioner": "disks.example.com"},
    )


async def test_pods_start_in_order_each_after_the_other_is_ready(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("db", serviceName="db", replicas=2))
    await lab.run(5)
    assert lab.names("pods") == ["db-0"]
    await lab.run(30)
    assert lab.names("pods") == ["db-0", "db-1"]
    status = lab.get(SETS, "db")["status"]
    assert (status["readyReplicas"], status["currentReplicas"]) == (2, 2)
    assert status["currentRevision"] == status["updateRevision"]
    spec = lab.get("pods", "db-0")["spec"]
    assert (spec["hostname"], spec["subdomain"]) == ("db-0", "db")


async def test_under_parallel_management_they_start_together(lab: Lab) -> None:
    spec: dict[str, Any] = {"serviceName": "db", "replicas": 3, "podManagementPolicy": "Parallel"}
    await lab.create(SETS, lab.workload("db", **spec))
    await lab.run(1)
    assert lab.names("pods") == ["db-0", "db-1", "db-2"]


async def test_the_highest_pod_goes_first(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("db", serviceName="db", replicas=3))
    await lab.run(60)
    await lab.patch(SETS, "db", {"spec": {"replicas": 1}})
    await lab.run(0.5)
    leaving = [
        pod["metadata"]["name"]
        for pod in lab.server.select("pods")
        if pod["metadata"].get("deletionTimestamp")
    ]
    assert leaving == ["db-2"]
    await lab.run(10)
    assert lab.names("pods") == ["db-0"]


async def test_a_pod_comes_back_under_its_name_with_its_claim(lab: Lab) -> None:
    await _claims(lab)
    spec: dict[str, Any] = {"serviceName": "db", "volumeClaimTemplates": [STATE]}
    await lab.create(SETS, lab.workload("db", **spec))
    await lab.run(30)
    claim = lab.get(CLAIMS, "state-db-0")
    await lab.delete("pods", "db-0")
    await lab.run(30)
    assert lab.conditions("pods", "db-0")["Ready"]["status"] == "True"
    assert lab.get(CLAIMS, "state-db-0")["metadata"]["uid"] == claim["metadata"]["uid"]
    volume = lab.get("pods", "db-0")["spec"]["volumes"][0]
    assert volume["persistentVolumeClaim"] == {"claimName": "state-db-0"}


async def test_claims_outlive_the_set_unless_it_says_otherwise(lab: Lab) -> None:
    await _claims(lab)
    spec: dict[str, Any] = {"serviceName": "db", "volumeClaimTemplates": [STATE]}
    await lab.create(SETS, lab.workload("kept", **spec))
    leaving = {"whenDeleted": "Delete", "whenScaled": "Retain"}
    spec["persistentVolumeClaimRetentionPolicy"] = leaving
    await lab.create(SETS, lab.workload("swept", **spec))
    await lab.run(30)
    await lab.delete(SETS, "kept")
    await lab.delete(SETS, "swept")
    await lab.run(30)
    assert lab.names("pods") == []
    assert lab.names(CLAIMS) == ["state-kept-0"]


async def test_a_new_template_replaces_pods_from_the_highest_down(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("db", serviceName="db", replicas=2))
    await lab.run(60)
    container = {"name": "main", "image": "app:2"}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await lab.patch(SETS, "db", patch)
    await lab.run(5)

    def image(pod: str) -> str:
        return str(lab.get("pods", pod)["spec"]["containers"][0]["image"])

    assert (image("db-0"), image("db-1")) == ("app:1", "app:2")
    await lab.run(60)
    assert (image("db-0"), image("db-1")) == ("app:2", "app:2")
    status = lab.get(SETS, "db")["status"]
    assert status["currentRevision"] == status["updateRevision"]
    assert len(lab.names("controllerrevisions.apps")) == 2


async def test_a_pod_scaled_away_by_hand_comes_back_by_the_number(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("db", serviceName="db", replicas=0))
    await lab.run(5)
    status = lab.get(SETS, "db")["status"]
    assert (lab.names("pods"), status["replicas"]) == ([], 0)
    await lab.patch(SETS, "db", {"spec": {"replicas": 1}})
    await lab.run(30)
    assert lab.get(SETS, "db")["status"]["readyReplicas"] == 1
