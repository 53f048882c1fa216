"""A `workflow` step goes the same way with Argo's own controller as with practice's."""

from __future__ import annotations

from collections.abc import Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest

from runbook.clock import RealClock
from runbook.executors import workflow
from runbook.executors.base import Attempt
from runbook.executors.workflow import ATTEMPT, INSTANCE_ID, RUN, STEP, WorkflowExecutor
from runbook.journal.outputs import OutputStore
from runbook.redact import Redactor
from runbook.run.signals import Ending, Outcome
from runbook.target.client import connect
from tests.cluster import argo_told
from tests.cluster.argo_stories import LONG, TEMPLATES, WORKFLOWS, run, workflow as of
from tests.cluster.processes import wait_until
from tests.cluster.sides import Side
from tests.executors.test_command import Desk
from tests.run.driving import plan_of

JSON = dict[str, Any]
NAMESPACE, FULL = "workflow-step", "workflow-step-full"
"""The second one's quota lets no pod in."""
RUN_ID = "20260101T000000Z-x-abcde"
CONTAINERS: dict[str, JSON] = {
    "fine": run("main", printed="42"),
    "breaks": run("main", code=3),
    "long": run("main", lasts=LONG),
    "brief": run("main", lasts=4),
}
pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def clusters(real: Side, practice: Side) -> Iterator[dict[str, Side]]:
    plane = real.control_plane
    if plane is None:
        pytest.skip("Argo's controller runs beside our own control plane only")
    plane.workflow_controller()
    try:
        for side in (real, practice):
            _furnish(side)
        yield {"real": real, "practice": practice}
    finally:
        plane.stop("workflow-controller")


@pytest.fixture(params=["real", "practice"])
def side(request: pytest.FixtureRequest, clusters: dict[str, Side]) -> Side:
    return clusters[request.param]


def _furnish(side: Side) -> None:
    for namespace in (NAMESPACE, FULL):
        _post(side, "/api/v1/namespaces", {"metadata": {"name": namespace}})
        for name, container in CONTAINERS.items():
            _template(side, namespace, name, container)
    _template(side, NAMESPACE, "elsewhere", run("main"), {INSTANCE_ID: "another"})
    quota = {"metadata": {"name": "none"}, "spec": {"hard": {"pods": "0"}}}
    _post(side, f"/api/v1/namespaces/{FULL}/resourcequotas", quota)
    for path, body in argo_told.rights():
        made = side.http.post(path, json=body)
        assert made.is_success or made.status_code == HTTPStatus.CONFLICT
    for path in (
        f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default",
        f"/api/v1/namespaces/{FULL}/serviceaccounts/default",
    ):
        wait_until(lambda path=path: side.http.get(path).is_success, 30, path)  # type: ignore[misc]
    path = f"/api/v1/namespaces/{FULL}/resourcequotas/none"
    wait_until(lambda: "hard" in (side.http.get(path).json().get("status") or {}), 30, path)


def _template(
    side: Side, namespace: str, name: str, container: JSON, labels: JSON | None = None
) -> None:
    kind = {"apiVersion": "argoproj.io/v1alpha1", "kind": "WorkflowTemplate"}
    metadata = {"name": name, "labels": labels or {}}
    made = {**kind, "metadata": metadata, "spec": of(container)}
    _post(side, TEMPLATES.format(namespace), made)


def _post(side: Side, path: str, body: JSON) -> None:
    side.http.post(path, json=body).raise_for_status()


async def perform(
    side: Side,
    folder: Path,
    template: str,
    *,
    number: int = 1,
    namespace: str = NAMESPACE,
    timeout: str = "60s",
    **attempt: Any,
) -> tuple[Outcome, str]:
    """One attempt at a step named after its template: how it ended, and what was shown."""
    submission = {"namespace": namespace, "template": template}
    step = {"id": template, "workflow": submission, "timeout": timeout}
    desk = Desk()
    async with await connect(side.kubeconfig) as client:
        executor = WorkflowExecutor(client, OutputStore(folder), Redactor(), RealClock(), RUN_ID)
        outcome = await executor(Attempt(plan_of(step).steps[0], number, **attempt), desk)
    return outcome, desk.shown.decode()


def found(side: Side, step: str, namespace: str = NAMESPACE) -> dict[str, JSON]:
    """The Workflows of a step, by attempt."""
    listed = side.http.get(WORKFLOWS.format(namespace)).raise_for_status().json()["items"]
    labels = {one["metadata"]["name"]: one["metadata"].get("labels") or {} for one in listed}
    return {
        labels[one["metadata"]["name"]][ATTEMPT]: one
        for one in listed
        if labels[one["metadata"]["name"]].get(STEP) == step
    }


async def test_it_passes_with_the_name_of_its_workflow(side: Side, tmp_path: Path) -> None:
    outcome, shown = await perform(side, tmp_path, "fine")
    assert outcome.ending is Ending.PASSED, outcome.reason
    name = found(side, "fine")["1"]["metadata"]["name"]
    assert outcome.outputs["workflow"] == name
    assert f"[{name} Succeeded 1/1]" in shown


async def test_a_retry_is_a_workflow_of_its_own(side: Side, tmp_path: Path) -> None:
    first, _ = await perform(side, tmp_path, "breaks")
    second, _ = await perform(side, tmp_path, "breaks", number=2)
    made = found(side, "breaks")
    assert sorted(made) == ["1", "2"]
    for outcome, number in ((first, "1"), (second, "2")):
        assert outcome.ending is Ending.FAILED
        assert outcome.reason.startswith(f"{made[number]['metadata']['name']} Failed: ")
        assert "Error (exit code 3)" in outcome.reason


async def test_when_its_time_is_up_it_is_terminated(side: Side, tmp_path: Path) -> None:
    outcome, _ = await perform(side, tmp_path, "long", timeout="6s")
    assert outcome.ending is Ending.TIMED_OUT
    assert "not done after 6s: long-abcde-1 Running; it was terminated" in outcome.reason
    ended = found(side, "long")["1"]
    assert ended["spec"]["shutdown"] == "Terminate"
    assert ended["spec"]["activeDeadlineSeconds"] == 66
    assert ended["status"]["phase"] == "Failed"


async def test_what_no_controller_takes_is_told_apart_from_what_waits(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflow, "PICKED_UP_WITHIN", 6.0)
    outcome, _ = await perform(side, tmp_path, "elsewhere")
    assert outcome.ending is Ending.FAILED
    assert "was never picked up" in outcome.reason
    left = found(side, "elsewhere")["1"]
    assert left["spec"]["shutdown"] == "Terminate"
    assert not (left.get("status") or {}).get("phase")
    outcome, _ = await perform(side, tmp_path, "brief", namespace=FULL, timeout="5s")
    assert outcome.ending is Ending.TIMED_OUT
    assert "exceeded quota: none, requested: pods=1" in outcome.reason


async def test_one_whose_end_nobody_heard_is_followed_and_not_submitted_again(
    side: Side, tmp_path: Path
) -> None:
    labels = {RUN: RUN_ID, STEP: "brief", ATTEMPT: "1"}
    left = {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {"name": "brief-abcde-1", "labels": labels},
        "spec": {"workflowTemplateRef": {"name": "brief"}},
    }
    _post(side, WORKFLOWS.format(NAMESPACE), left)
    outcome, shown = await perform(side, tmp_path, "brief", number=2, unheard=True)
    assert outcome.ending is Ending.PASSED, outcome.reason
    assert outcome.outputs["workflow"] == "brief-abcde-1"
    assert "following it, nothing is submitted again" in shown
    assert list(found(side, "brief")) == ["1"]
