from __future__ import annotations

from typing import Any

from runbook.practice.controllers.argo.nodes import (
    Place,
    fnv32a,
    follow_pod,
    new_node,
    node_id,
    pod_name,
)

NOW = "2026-01-01T00:00:00Z"


def test_names_carry_the_32_bit_hash_of_the_nodes_full_name() -> None:
    assert fnv32a("") == 2166136261
    assert fnv32a("a") == 0xE40C292C
    assert node_id("wf", "wf") == "wf"
    assert node_id("wf", "wf.a") == f"wf-{fnv32a('wf.a')}"
    assert pod_name("wf", "wf", "train") == "wf"
    assert pod_name("wf", "wf.a", "say") == f"wf-say-{fnv32a('wf.a')}"
    assert len(pod_name("w" * 60, "w.a", "template")) <= 63


def ended(**statuses: tuple[int, str, str]) -> dict[str, Any]:
    def entry(name: str) -> dict[str, Any]:
        code, reason, message = statuses[name]
        state = {"exitCode": code, "reason": reason, "message": message}
        return {"name": name, "state": {"terminated": state}}

    return {
        "status": {
            "phase": "Failed",
            "initContainerStatuses": [entry(n) for n in statuses if n == "init"],
            "containerStatuses": [entry(n) for n in statuses if n != "init"],
        }
    }


def outcome(pod: dict[str, Any]) -> tuple[str, str]:
    node = new_node("wf", Place("wf", "wf"), "Pod", {"template": "say"}, NOW)
    follow_pod(node, pod, NOW)
    return node["phase"], node.get("message", "")


def test_the_users_container_fails_and_the_executors_is_an_error() -> None:
    good = (0, "Completed", "")
    assert outcome(ended(main=(2, "Error", ""), wait=good)) == ("Failed", "Error (exit code 2)")
    assert outcome(ended(main=(137, "OOMKilled", ""))) == ("Failed", "OOMKilled (exit code 137)")
    assert outcome(ended(main=good, wait=(64, "Error", "dial tcp: i/o timeout"))) == (
        "Error",
        "Error (exit code 64): dial tcp: i/o timeout",
    )
    assert outcome(ended(init=(1, "Error", ""))) == ("Error", "Error (exit code 1)")


def test_what_a_failed_pod_says_of_itself_comes_first() -> None:
    pod = {"status": {"phase": "Failed", "reason": "Evicted", "message": "low on memory"}}
    assert outcome(pod) == ("Failed", "low on memory")


def test_a_pod_that_never_started_its_containers_says_why() -> None:
    waiting = {"reason": "ContainerCreating", "message": "not yet"}
    statuses = [{"name": "main", "state": {"waiting": waiting}}]
    pod: dict[str, Any] = {"status": {"phase": "Failed", "containerStatuses": statuses}}
    expected = "Pod failed before main container starts due to ContainerCreating: not yet"
    assert outcome(pod) == ("Error", expected)


def test_a_failed_pod_without_containers_has_nothing_to_say() -> None:
    pod = {"metadata": {"name": "p", "namespace": "n"}, "status": {"phase": "Failed"}}
    assert outcome(pod) == ("Failed", "can't find failed message for pod p namespace n")


def test_a_waiting_pod_is_pending_with_the_reason() -> None:
    waiting = {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}
    statuses = [{"name": "main", "state": {"waiting": waiting}}]
    pod: dict[str, Any] = {"status": {"phase": "Pending", "containerStatuses": statuses}}
    assert outcome(pod) == ("Pending", "ImagePullBackOff: Back-off pulling image")
    unplaced = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}
    pod = {"status": {"phase": "Pending", "conditions": [{**unplaced, "message": "0/1 nodes"}]}}
    assert outcome(pod) == ("Pending", "Unschedulable: 0/1 nodes")
