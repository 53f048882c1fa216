from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.target.rows import ObjectRow, PodRow, condition_text, make_row, pod_row, timestamp

CREATED = "2026-05-01T12:00:00Z"
AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def container(name: str, ready: bool = True, restarts: int = 0, **state: Any) -> dict[str, Any]:
    return {
        "name": name,
        "ready": ready,
        "restartCount": restarts,
        "state": state or {"running": {"startedAt": CREATED}},
    }


def pod(*containers: dict[str, Any], **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"namespace": "a", "name": "p", "creationTimestamp": CREATED},
        "spec": {"containers": [{"name": c["name"]} for c in containers]},
        "status": {"phase": "Running", "containerStatuses": list(containers), **status},
    }


def test_a_healthy_pod() -> None:
    item = pod(container("rclone"), container("agent", restarts=2), container("mlserver"))
    assert pod_row(item) == PodRow("a", "p", 3, 3, "Running", 2, AT, None)


@pytest.mark.parametrize(
    ("item", "status"),
    [
        (pod(container("a", False, waiting={"reason": "CrashLoopBackOff"})), "CrashLoopBackOff"),
        (pod(container("a", False, waiting={"reason": "ErrImagePull"})), "ErrImagePull"),
        (
            pod(container("a", False, terminated={"reason": "Completed"}), phase="Succeeded"),
            "Completed",
        ),
        (pod(container("a", False, terminated={"exitCode": 3}), phase="Failed"), "ExitCode:3"),
        (pod(container("a", False, terminated={"signal": 9}), phase="Failed"), "Signal:9"),
        (pod(phase="Pending", containerStatuses=None), "Pending"),
        (pod(phase="Failed", reason="Evicted"), "Evicted"),
        (
            pod(container("a", False, terminated={"reason": "Completed"}), container("b")),
            "Running",
        ),
        ({"metadata": {}}, "Unknown"),
    ],
)
def test_the_status_of_a_pod_is_what_kubectl_prints(item: dict[str, Any], status: str) -> None:
    assert pod_row(item).status == status


@pytest.mark.parametrize(
    ("init", "status"),
    [
        ([container("i", False)], "Init:0/2"),
        ([container("i", False, waiting={"reason": "PodInitializing"})], "Init:0/2"),
        ([container("i", False, waiting={"reason": "ImagePullBackOff"})], "Init:ImagePullBackOff"),
        ([container("i", False, terminated={"exitCode": 0}), container("j", False)], "Init:1/2"),
    ],
)
def test_a_pod_that_initialises_says_how_far_it_is(init: list[Any], status: str) -> None:
    item = pod(container("a", False, waiting={"reason": "PodInitializing"}), phase="Pending")
    item["spec"]["initContainers"] = [{}, {}]
    item["status"]["initContainerStatuses"] = init
    assert pod_row(item).status == status


def test_a_pod_that_is_being_deleted_is_terminating() -> None:
    item = pod(container("a"))
    item["metadata"]["deletionTimestamp"] = CREATED
    row = pod_row(item)
    assert (row.status, row.deleting_since) == ("Terminating", AT)


def seldon(kind: str, condition: str, status: str, **more: Any) -> ObjectRow:
    item = {
        "metadata": {"namespace": "a", "name": "x", "generation": 2, "creationTimestamp": CREATED},
        "status": {"conditions": [{"type": condition, "status": status, **more}]},
    }
    row = make_row(kind, item)
    assert isinstance(row, ObjectRow)
    return row


def test_a_model_shows_the_state_and_the_sentence_that_seldon_swaps() -> None:
    row = seldon("Model", "ModelReady", "False", message="ScheduleFailed", reason="no servers")
    assert (row.state, row.detail) == ("not_ready", "ScheduleFailed: no servers")


@pytest.mark.parametrize(
    ("kind", "condition", "status", "state"),
    [
        ("Model", "ModelReady", "True", "ready"),
        ("Experiment", "ExperimentReady", "Unknown", "unknown"),
        ("Server", "Ready", "True", "ready"),
        ("SeldonRuntime", "Ready", "False", "not_ready"),
        ("CustomResourceDefinition", "Established", "True", "ready"),
        ("SealedSecret", "Synced", "False", "not_ready"),
        ("Model", "Other", "True", "unknown"),
    ],
)
def test_the_state_is_the_condition_that_matters(
    kind: str, condition: str, status: str, state: str
) -> None:
    assert seldon(kind, condition, status).state == state


@pytest.mark.parametrize(
    ("kind", "status", "state", "detail"),
    [
        ("Workflow", {"phase": "Running", "progress": "1/3"}, "not_ready", "Running 1/3"),
        ("Workflow", {"phase": "Succeeded", "progress": "3/3"}, "ready", "Succeeded 3/3"),
        ("Workflow", {"phase": "Failed", "message": "OOM"}, "not_ready", "Failed: OOM"),
        ("Workflow", {}, "unknown", ""),
        ("PersistentVolumeClaim", {"phase": "Bound"}, "ready", "Bound"),
        ("Namespace", {"phase": "Active"}, "ready", "Active"),
        ("StatefulSet", {"readyReplicas": 1}, "not_ready", "1/2 ready"),
        ("Deployment", {"readyReplicas": 2}, "ready", "2/2 ready"),
    ],
)
def test_kinds_without_conditions_tell_it_their_own_way(
    kind: str, status: dict[str, Any], state: str, detail: str
) -> None:
    row = make_row(kind, {"metadata": {"name": "x"}, "spec": {"replicas": 2}, "status": status})
    assert isinstance(row, ObjectRow)
    assert (row.state, row.detail) == (state, detail)


@pytest.mark.parametrize(
    ("observed", "stale"), [(1, True), (2, False), (3, True), (None, False), (0, False)]
)
def test_a_status_of_another_generation_is_stale(observed: int | None, stale: bool) -> None:
    row = make_row(
        "Model", {"metadata": {"generation": 2}, "status": {"observedGeneration": observed}}
    )
    assert isinstance(row, ObjectRow)
    assert row.stale is stale


def test_a_terminating_namespace_says_what_is_left_and_shows_its_own_finalizer() -> None:
    row = make_row(
        "Namespace",
        {
            "metadata": {"name": "a", "deletionTimestamp": CREATED},
            "spec": {"finalizers": ["kubernetes"]},
            "status": {
                "phase": "Terminating",
                "conditions": [
                    {"type": "NamespaceDeletionContentFailure", "status": "False", "message": "ok"},
                    {"type": "NamespaceFinalizersRemaining", "status": "True", "message": "held"},
                ],
            },
        },
    )
    assert row == ObjectRow(
        "Namespace", "", "a", "terminating", "held", None, AT, ("kubernetes",), False
    )


def test_times_that_cannot_be_read_are_none() -> None:
    assert timestamp(CREATED) == AT
    assert timestamp("2026-05-01T12:00:00.000000Z") == AT
    assert timestamp(None) is timestamp("soon") is timestamp("") is None


def test_a_message_that_repeats_the_reason_is_told_once() -> None:
    assert condition_text({"message": "same", "reason": "same"}) == "same"
