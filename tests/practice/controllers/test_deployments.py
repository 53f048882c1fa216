from __future__ import annotations

from typing import Any

from runbook.practice.cluster import JSON
from tests.practice.controllers.lab import Lab

DEPLOYMENTS = "deployments.apps"
SETS = "replicasets.apps"
REVISION = "deployment.kubernetes.io/revision"


def _image(image: str) -> JSON:
    container = {"name": "main", "image": image}
    return {"spec": {"template": {"spec": {"containers": [container]}}}}


async def _deploy(lab: Lab, **spec: Any) -> None:
    await lab.create(DEPLOYMENTS, lab.workload("web", **spec))
    await lab.run(30)


def _by_image(lab: Lab) -> dict[str, int]:
    return {
        one["spec"]["template"]["spec"]["containers"][0]["image"]: one["spec"]["replicas"]
        for one in lab.server.select(SETS)
    }


async def test_a_deployment_becomes_available_through_its_replica_set(lab: Lab) -> None:
    await _deploy(lab, replicas=2)
    status = lab.get(DEPLOYMENTS, "web")["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (2, 2, 2)
    conditions = lab.conditions(DEPLOYMENTS, "web")
    assert conditions["Available"]["reason"] == "MinimumReplicasAvailable"
    assert conditions["Progressing"]["reason"] == "NewReplicaSetAvailable"
    assert lab.get(DEPLOYMENTS, "web")["metadata"]["annotations"][REVISION] == "1"
    (name,) = lab.names(SETS)
    assert ("ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 2") in lab.events("web")


async def test_a_new_image_rolls_out_within_surge_and_unavailability(lab: Lab) -> None:
    await _deploy(lab, replicas=4)
    await lab.patch(DEPLOYMENTS, "web", _image("app:2"))
    most, least = 0, 4
    for _ in range(120):
        await lab.run(0.5)
        status = lab.get(DEPLOYMENTS, "web")["status"]
        most, least = max(most, status["replicas"]), min(least, status["availableReplicas"])
    assert _by_image(lab) == {"app:1": 0, "app:2": 4}
    assert (most, least) == (5, 3)


async def test_scaled_to_zero_nothing_is_available_and_nothing_is_wrong(lab: Lab) -> None:
    await _deploy(lab, replicas=1)
    await lab.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 0}})
    await lab.run(10)
    deployment = lab.get(DEPLOYMENTS, "web")
    assert "availableReplicas" not in deployment["status"]
    assert lab.conditions(DEPLOYMENTS, "web")["Available"]["status"] == "True"
    assert lab.names("pods") == []


async def test_an_undo_takes_the_old_replica_set_under_a_new_revision(lab: Lab) -> None:
    await _deploy(lab)
    await lab.patch(DEPLOYMENTS, "web", _image("app:2"))
    await lab.run(60)
    await lab.patch(DEPLOYMENTS, "web", _image("app:1"))
    await lab.run(60)
    assert _by_image(lab) == {"app:1": 1, "app:2": 0}
    revisions = [one["metadata"]["annotations"][REVISION] for one in lab.server.select(SETS)]
    assert sorted(revisions) == ["2", "3"]


async def test_recreate_empties_the_old_set_first(lab: Lab) -> None:
    await _deploy(lab, replicas=2, strategy={"type": "Recreate"})
    await lab.patch(DEPLOYMENTS, "web", _image("app:2"))
    most = 0
    for _ in range(100):
        await lab.run(0.5)
        most = max(most, len(lab.names("pods")))
    assert most == 2
    assert _by_image(lab) == {"app:1": 0, "app:2": 2}


async def test_a_rollout_that_stands_still_is_overdue(lab: Lab) -> None:
    source = [{"secretRef": {"name": "missing"}}]
    container = {"name": "main", "image": "app:1", "envFrom": source}
    await lab.create(DEPLOYMENTS, lab.workload("web", container, progressDeadlineSeconds=60))
    await lab.run(50)
    assert lab.conditions(DEPLOYMENTS, "web")["Progressing"]["status"] == "True"
    await lab.run(60)
    progressing = lab.conditions(DEPLOYMENTS, "web")["Progressing"]
    assert (progressing["status"], progressing["reason"]) == ("False", "ProgressDeadlineExceeded")
    await lab.create("secrets", {"metadata": {"name": "missing", "namespace": "default"}})
    await lab.run(30)
    assert lab.conditions(DEPLOYMENTS, "web")["Progressing"]["reason"] == "NewReplicaSetAvailable"


async def test_a_paused_deployment_keeps_its_pods(lab: Lab) -> None:
    await _deploy(lab)
    await lab.patch(DEPLOYMENTS, "web", {"spec": {"paused": True}})
    await lab.patch(DEPLOYMENTS, "web", _image("app:2"))
    await lab.run(30)
    assert _by_image(lab) == {"app:1": 1}
    assert lab.conditions(DEPLOYMENTS, "web")["Progressing"]["reason"] == "DeploymentPaused"
    await lab.patch(DEPLOYMENTS, "web", {"spec": {"paused": None}})
    await lab.run(60)
    assert _by_image(lab) == {"app:1": 0, "app:2": 1}


async def test_a_deployment_made_anew_adopts_what_its_namesake_left(lab: Lab) -> None:
    await _deploy(lab)
    pods = lab.names("pods")
    await lab.delete(DEPLOYMENTS, "web", propagation="Orphan")
    await lab.run(1)
    await _deploy(lab)
    assert lab.names("pods") == pods
    owner = lab.server.select(SETS)[0]["metadata"]["ownerReferences"][0]
    assert owner["uid"] == lab.get(DEPLOYMENTS, "web")["metadata"]["uid"]


async def test_history_is_limited(lab: Lab) -> None:
    await _deploy(lab, revisionHistoryLimit=1)
    for version in (2, 3, 4):
        await lab.patch(DEPLOYMENTS, "web", _image(f"app:{version}"))
        await lab.run(60)
    assert _by_image(lab) == {"app:3": 0, "app:4": 1}


def _reasons(lab: Lab) -> list[str]:
    return [one["reason"] for one in lab.get(DEPLOYMENTS, "web")["status"]["conditions"]]


async def test_a_deployment_says_why_its_pods_cannot_be_created(lab: Lab) -> None:
    quota = {"metadata": {"name": "q", "namespace": "default"}, "spec": {"hard": {"pods": "0"}}}
    await lab.create("resourcequotas", quota)
    await lab.run(1)
    await _deploy(lab)
    assert _reasons(lab) == ["NewReplicaSetCreated", "MinimumReplicasUnavailable", "FailedCreate"]
    assert "exceeded quota: q" in lab.conditions(DEPLOYMENTS, "web")["ReplicaFailure"]["message"]
    await lab.delete("resourcequotas", "q")
    await lab.run(600)
    assert _reasons(lab) == ["MinimumReplicasAvailable", "NewReplicaSetAvailable"]


async def test_a_replica_set_repeats_the_annotations_of_its_deployment(lab: Lab) -> None:
    await _deploy(lab, replicas=4)
    cause = {"metadata": {"annotations": {"kubernetes.io/change-cause": "first"}}}
    await lab.patch(DEPLOYMENTS, "web", cause)
    await lab.run(1)
    (name,) = lab.names(SETS)
    annotations = lab.get(SETS, name)["metadata"]["annotations"]
    assert annotations == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "4",
        "deployment.kubernetes.io/max-replicas": "5",
        "kubernetes.io/change-cause": "first",
    }


async def test_a_replica_set_that_is_taken_again_keeps_its_earlier_revisions(lab: Lab) -> None:
    await _deploy(lab)
    (first,) = lab.names(SETS)
    for image in ("app:2", "app:1"):
        await lab.patch(DEPLOYMENTS, "web", _image(image))
        await lab.run(30)
    annotations = lab.get(SETS, first)["metadata"]["annotations"]
    assert annotations[REVISION] == "3"
    assert annotations["deployment.kubernetes.io/revision-history"] == "1"


async def test_pods_that_are_stopping_are_counted(lab: Lab) -> None:
    await _deploy(lab, replicas=2)
    assert lab.get(DEPLOYMENTS, "web")["status"]["terminatingReplicas"] == 0
    await lab.patch(DEPLOYMENTS, "web", {"spec": {"replicas": 1}})
    await lab.run(0.3)
    assert lab.get(DEPLOYMENTS, "web")["status"]["terminatingReplicas"] == 1


async def test_a_complete_rollout_stays_complete_when_its_pods_go(lab: Lab) -> None:
    await _deploy(lab)
    await lab.delete("pods", lab.names("pods")[0], grace=0)
    await lab.run(1)
    assert lab.conditions(DEPLOYMENTS, "web")["Available"]["status"] == "False"
    assert lab.conditions(DEPLOYMENTS, "web")["Progressing"]["reason"] == "NewReplicaSetAvailable"
    await lab.run(30)
    assert _reasons(lab) == ["NewReplicaSetAvailable", "MinimumReplicasAvailable"]
