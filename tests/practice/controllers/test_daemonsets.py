from __future__ import annotations

from tests.practice.controllers.lab import Lab

SETS = "daemonsets.apps"
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


async def _second_node(lab: Lab) -> None:
    node = await lab.create("nodes", {"metadata": {"name": "practice-node-2"}})
    await lab.server.update_status("nodes", {**node, "status": READY})


async def test_every_node_gets_its_pod(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("agent"))
    await lab.run(30)
    await _second_node(lab)
    await lab.run(30)
    nodes = sorted(pod["spec"]["nodeName"] for pod in lab.server.select("pods"))
    assert nodes == ["practice-node-1", "practice-node-2"]
    status = lab.get(SETS, "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (2, 2)


async def test_a_cordon_does_not_drive_daemons_away(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("agent"))
    await lab.run(30)
    await lab.patch("nodes", "practice-node-1", {"spec": {"unschedulable": True}}, None)
    await lab.run(30)
    assert lab.get(SETS, "agent")["status"]["numberReady"] == 1


async def test_a_new_template_replaces_the_pods(lab: Lab) -> None:
    await lab.create(SETS, lab.workload("agent"))
    await _second_node(lab)
    await lab.run(30)
    container = {"name": "main", "image": "app:2"}
    await lab.patch(SETS, "agent", {"spec": {"template": {"spec": {"containers": [container]}}}})
    await lab.run(60)
    images = [pod["spec"]["containers"][0]["image"] for pod in lab.server.select("pods")]
    assert images == ["app:2", "app:2"]
    assert lab.get(SETS, "agent")["status"]["updatedNumberScheduled"] == 2
