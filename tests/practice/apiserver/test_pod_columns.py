"""The one word for the state of a pod."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.practice.apiserver.pod_columns import POD, pod_status

JSON = dict[str, Any]

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
RUNNING = {"ready": True, "state": {"running": {}}}


def pod(
    *containers: JSON,
    phase: str = "Running",
    init: list[JSON] | None = None,
    deleted: bool = False,
    **status: Any,
) -> JSON:
    metadata: JSON = {"name": "p", "creationTimestamp": "2026-01-01T11:55:00Z"}
    if deleted:
        metadata["deletionTimestamp"] = "2026-01-01T11:59:00Z"
    names = [f"c{number}" for number in range(len(containers))]
    inits = [f"i{number}" for number in range(len(init or []))]
    return {
        "metadata": metadata,
        "spec": {
            "containers": [{"name": name} for name in names or ["c0"]],
            "initContainers": [{"name": name} for name in inits],
        },
        "status": {
            "phase": phase,
            "containerStatuses": [
                {"name": name, **one} for name, one in zip(names, containers, strict=True)
            ],
            "initContainerStatuses": [
                {"name": name, **one} for name, one in zip(inits, init or [], strict=True)
            ],
            **status,
        },
    }


def waiting(reason: str) -> JSON:
    return {"state": {"waiting": {"reason": reason}}}


def terminated(code: int, **more: Any) -> JSON:
    return {"state": {"terminated": {"exitCode": code, **more}}}


READY: JSON = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.mark.parametrize(
    ("obj", "status"),
    [
        (pod(phase="Pending"), "Pending"),
        (pod(RUNNING), "Running"),
        (pod(waiting("ContainerCreating"), phase="Pending"), "ContainerCreating"),
        (pod(waiting("CrashLoopBackOff")), "CrashLoopBackOff"),
        (pod(waiting("ImagePullBackOff"), phase="Pending"), "ImagePullBackOff"),
        (pod(terminated(0, reason="Completed"), phase="Succeeded"), "Completed"),
        (pod(terminated(137, reason="OOMKilled")), "OOMKilled"),
        (pod(terminated(3)), "ExitCode:3"),
        (pod(terminated(3, signal=9)), "Signal:9"),
        (pod(terminated(0, reason="Completed"), RUNNING, **READY), "Running"),
        (pod(terminated(0, reason="Completed"), RUNNING), "NotReady"),
        (pod(waiting("PodInitializing"), init=[terminated(0)]), "PodInitializing"),
        (pod(init=[waiting("PodInitializing")]), "Init:0/1"),
        (pod(init=[terminated(0), RUNNING]), "Init:1/2"),
        (pod(init=[waiting("CrashLoopBackOff")]), "Init:CrashLoopBackOff"),
        (pod(init=[terminated(1, reason="Error")]), "Init:Error"),
        (pod(init=[terminated(2)]), "Init:ExitCode:2"),
        (pod(RUNNING, deleted=True), "Terminating"),
        (pod(terminated(0, reason="Completed"), phase="Succeeded", deleted=True), "Completed"),
        (pod(RUNNING, reason="NodeLost", deleted=True), "Unknown"),
        (pod(phase="Failed", reason="Evicted"), "Evicted"),
        (
            pod(
                phase="Pending",
                conditions=[{"type": "PodScheduled", "reason": "SchedulingGated"}],
            ),
            "SchedulingGated",
        ),
    ],
)
def test_a_pod_has_one_status(obj: JSON, status: str) -> None:
    assert pod_status(obj) == status
    assert POD.cells(obj, NOW)[2] == status


def cells(obj: JSON) -> dict[str, Any]:
    return dict(zip((one.name for one in POD.columns), POD.cells(obj, NOW), strict=True))


def test_restarts_say_how_long_ago_the_last_one_was() -> None:
    restarted = {
        **waiting("CrashLoopBackOff"),
        "restartCount": 4,
        "lastState": {"terminated": {"finishedAt": "2026-01-01T11:58:00Z"}},
    }
    assert cells(pod(restarted, RUNNING))["Restarts"] == "4 (2m ago)"
    assert cells(pod(RUNNING))["Restarts"] == "0"


def test_containers_that_are_ready_are_counted_with_sidecars() -> None:
    obj = pod(RUNNING, waiting("X"), init=[{**RUNNING, "started": True}])
    obj["spec"]["initContainers"][0]["restartPolicy"] = "Always"
    assert cells(obj)["Ready"] == "2/3"


def test_wide_columns_show_address_and_node() -> None:
    obj = pod(RUNNING, podIP="10.1.0.4")
    obj["spec"]["nodeName"] = "practice-node-1"
    obj["spec"]["readinessGates"] = [{"conditionType": "a"}, {"conditionType": "b"}]
    obj["status"]["conditions"] = [{"type": "a", "status": "True"}]
    found = cells(obj)
    assert (found["IP"], found["Node"]) == ("10.1.0.4", "practice-node-1")
    assert (found["Nominated Node"], found["Readiness Gates"]) == ("<none>", "1/2")


def test_a_finished_pods_row_says_so() -> None:
    assert POD.conditions is not None
    assert POD.conditions(pod(RUNNING)) == []
    assert POD.conditions(pod(phase="Succeeded"))[0]["reason"] == "Succeeded"
