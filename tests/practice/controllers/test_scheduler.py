from __future__ import annotations

from tests.practice.controllers.lab import Lab

NODE = "practice-node-1"
NOT_HELPFUL = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


async def _message(lab: Lab, pod: str) -> str:
    await lab.run(1)
    condition = lab.conditions("pods", pod)["PodScheduled"]
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    assert ("FailedScheduling", condition["message"]) in lab.events(pod)
    return str(condition["message"])


async def test_a_pod_gets_the_node_that_fits(lab: Lab) -> None:
    await lab.create("pods", lab.pod("p"))
    await lab.run(1)
    assert lab.get("pods", "p")["spec"]["nodeName"] == NODE
    assert ("Scheduled", f"Successfully assigned default/p to {NODE}") in lab.events("p")


async def test_a_pod_of_another_scheduler_is_left_alone(lab: Lab) -> None:
    await lab.create("pods", lab.pod("p", schedulerName="somebody"))
    await lab.run(1)
    assert "nodeName" not in lab.get("pods", "p")["spec"]
    assert lab.events("p") == []


async def test_a_cordoned_node_takes_no_pod_until_it_is_uncordoned(lab: Lab) -> None:
    await lab.patch("nodes", NODE, {"spec": {"unschedulable": True}}, None)
    await lab.create("pods", lab.pod("p"))
    assert await _message(lab, "p") == (
        f"0/1 nodes are available: 1 node(s) were unschedulable. {NOT_HELPFUL}"
    )
    await lab.patch("nodes", NODE, {"spec": {"unschedulable": None}}, None)
    await lab.run(1)
    assert lab.get("pods", "p")["spec"]["nodeName"] == NODE


async def test_a_selector_that_no_node_has_is_named(lab: Lab) -> None:
    await lab.create("pods", lab.pod("p", nodeSelector={"gpu": "yes"}))
    assert "didn't match Pod's node affinity/selector" in await _message(lab, "p")


async def test_a_taint_keeps_out_what_does_not_tolerate_it(lab: Lab) -> None:
    taint = {"key": "gpu", "value": "only", "effect": "NoSchedule"}
    await lab.patch("nodes", NODE, {"spec": {"taints": [taint]}}, None)
    tolerating = [{"key": "gpu", "operator": "Equal", "value": "only", "effect": "NoSchedule"}]
    await lab.create("pods", lab.pod("strange"))
    await lab.create("pods", lab.pod("tolerant", tolerations=tolerating))
    assert "1 node(s) had untolerated taint {gpu: only}" in await _message(lab, "strange")
    assert lab.get("pods", "tolerant")["spec"]["nodeName"] == NODE


async def test_a_claim_that_is_not_bound_keeps_its_pod_waiting(lab: Lab) -> None:
    volume = {"name": "data", "persistentVolumeClaim": {"claimName": "data"}}
    await lab.create("pods", lab.pod("p", volumes=[volume]))
    assert 'persistentvolumeclaim "data" not found' in await _message(lab, "p")
    await lab.create(
        "persistentvolumeclaims",
        {
            "metadata": {"name": "data", "namespace": "default"},
            "spec": {
                "accessModes": ["ReadWriteMany"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": "nfs-shared",
            },
        },
    )
    assert "pod has unbound immediate PersistentVolumeClaims" in await _message(lab, "p")
    await lab.create(
        "storageclasses.storage.k8s.io",
        {"metadata": {"name": "nfs-shared"}, "provisioner": "nfs.csi.k8s.io"},
    )
    await lab.run(20)
    assert lab.conditions("pods", "p")["Ready"]["status"] == "True"
