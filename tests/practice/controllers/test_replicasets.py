from __future__ import annotations

from tests.practice.controllers.lab import Lab

SETS = "replicasets.apps"


async def test_missing_pods_are_created_and_reported(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("web", replicas=3))
    await lab.run(30)
    status = lab.get(SETS, "web")["status"]
    assert (status["replicas"], status["readyReplicas"], status["availableReplicas"]) == (3, 3, 3)
    assert all(name.startswith("web-") for name in lab.names("pods"))
    owner = lab.server.select("pods")[0]["metadata"]["ownerReferences"][0]
    assert (owner["kind"], owner["name"], owner["controller"]) == ("ReplicaSet", "web", True)


async def test_a_deleted_pod_is_replaced(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("web", replicas=1))
    await lab.run(30)
    (before,) = lab.names("pods")
    await lab.delete("pods", before)
    await lab.run(30)
    (after,) = lab.names("pods")
    assert after != before


async def test_the_least_useful_pods_go_first(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("web", replicas=1))
    await lab.run(30)
    old = lab.names("pods")
    await lab.patch(SETS, "web", {"spec": {"replicas": 3}})
    await lab.run(0.1)
    await lab.patch(SETS, "web", {"spec": {"replicas": 1}})
    await lab.run(10)
    assert lab.names("pods") == old


async def test_a_matching_orphan_is_adopted_instead_of_a_new_pod(lab: Lab) -> None:
    await lab.create("pods", lab.pod("stray", labels={"app": "web"}))
    await lab.run(1)
    await lab.create(SETS, lab.workload("web", replicas=1))
    await lab.run(1)
    assert lab.names("pods") == ["stray"]
    assert lab.get("pods", "stray")["metadata"]["ownerReferences"][0]["name"] == "web"


async def test_a_pod_that_no_longer_matches_is_released_and_replaced(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("web", replicas=1))
    await lab.run(5)
    (pod,) = lab.names("pods")
    await lab.patch("pods", pod, {"metadata": {"labels": {"app": "debug"}}})
    await lab.run(5)
    assert "ownerReferences" not in lab.get("pods", pod)["metadata"]
    assert len(lab.names("pods")) == 2


async def test_a_refused_pod_is_reported_and_tried_again(lab: Lab) -> None:
    quota = {"metadata": {"name": "small", "namespace": "default"}, "spec": {"hard": {"pods": "1"}}}
    await lab.create("resourcequotas", quota)
    await lab.create(SETS, lab.workload("web", replicas=2))
    await lab.run(5)
    failure = lab.conditions(SETS, "web")["ReplicaFailure"]
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].endswith(
        "exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1"
    )
    await lab.patch("resourcequotas", "small", {"spec": {"hard": {"pods": "2"}}})
    await lab.run(60)
    assert len(lab.names("pods")) == 2
    assert "ReplicaFailure" not in lab.conditions(SETS, "web")


async def test_the_older_kind_makes_pods_the_same_way(lab: Lab) -> None:
    controller = lab.workload("old", replicas=2)
    controller["spec"]["selector"] = controller["spec"]["selector"]["matchLabels"]
    await lab.create("replicationcontrollers", controller)
    await lab.run(30)
    assert lab.get("replicationcontrollers", "old")["status"]["readyReplicas"] == 2
    owner = lab.server.select("pods")[0]["metadata"]["ownerReferences"][0]
    assert (owner["apiVersion"], owner["kind"]) == ("v1", "ReplicationController")
    assert ("SuccessfulCreate") in [reason for reason, _ in lab.events("old")]
