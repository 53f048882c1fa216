"""`workflow` steps: submitted once, followed to the end, whatever the API server goes through."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from runbook.clock import VirtualClock
from runbook.errors import RunbookError, TargetUnreachable, UsageError
from runbook.executors.base import Attempt
from runbook.executors.workflow import WorkflowExecutor
from runbook.journal.outputs import OutputStore
from runbook.redact import Redactor
from runbook.run.signals import Ending, Outcome
from runbook.target.api import ApiStatusError, Listing
from tests.executors.test_command import Desk
from tests.run.driving import plan_of

STEP = {"id": "train", "workflow": {"namespace": "a", "template": "t"}, "timeout": "10m"}
UNWELL = (
    ApiStatusError(500, "InternalError", "etcdserver: request timed out"),
    ApiStatusError(503, "ServiceUnavailable", "apiserver is shutting down"),
    ApiStatusError(429, "TooManyRequests", "slow down"),
    ApiStatusError(401, "Unauthorized", "Unauthorized"),
    TargetUnreachable("https://there does not answer: no answer in time"),
    UsageError("unusable kubeconfig: it is being written"),
)


class Server:
    """Answers each request with the next of its faults, then as a healthy server does."""

    def __init__(self, *, creating: list[RunbookError], reading: list[RunbookError]) -> None:
        self.creating, self.reading = creating, reading
        self.created: list[str] = []

    async def create(self, _resource: object, _namespace: str, manifest: dict[str, Any]) -> object:
        if self.creating:
            raise self.creating.pop(0)
        name = str(manifest["metadata"]["name"])
        if name in self.created:
            raise ApiStatusError(409, "AlreadyExists", f"{name} already exists")
        self.created.append(name)
        return manifest

    async def get(self, _path: str) -> dict[str, Any]:
        if self.reading:
            raise self.reading.pop(0)
        return {"status": {"phase": "Succeeded", "progress": "1/1"}}

    async def list(self, *_place: object, **_selection: object) -> Listing:
        return Listing((), "1")


async def perform(server: Server, directory: Path) -> tuple[Outcome, str]:
    clock, desk = VirtualClock(), Desk()
    plan = plan_of(STEP)
    executor = WorkflowExecutor(
        server,  # type: ignore[arg-type]  # the part of a client that it uses
        OutputStore(directory),
        Redactor(),
        clock,
        "20260101T000000Z-x-abcde",
    )
    task = asyncio.ensure_future(executor(Attempt(plan.steps[0], 1), desk))
    for _ in range(200):
        await clock.advance(1)
        if task.done():
            break
        await asyncio.sleep(0.005)  # outputs are stored by a thread
    return await asyncio.wait_for(task, 5), desk.shown.decode()


async def test_a_server_that_cannot_tell_is_waited_for(tmp_path: Path) -> None:
    server = Server(creating=[], reading=list(UNWELL))
    outcome, shown = await perform(server, tmp_path)
    assert outcome.ending is Ending.PASSED
    for fault in UNWELL:
        assert f"[waiting for the cluster: {fault.message}]" in shown


async def test_a_submission_whose_answer_was_lost_is_made_again_under_the_same_name(
    tmp_path: Path,
) -> None:
    server = Server(creating=list(UNWELL), reading=[])
    server.created.append("train-abcde-1")  # the first request came through, its answer did not
    outcome, _ = await perform(server, tmp_path)
    assert outcome.ending is Ending.PASSED
    assert server.created == ["train-abcde-1"]


async def test_what_is_refused_is_not_submitted(tmp_path: Path) -> None:
    refused = ApiStatusError(404, "NotFound", 'namespaces "a" not found')
    outcome, _ = await perform(Server(creating=[refused], reading=[]), tmp_path)
    assert (outcome.ending, outcome.reason) == (
        Ending.FAILED,
        'not submitted: namespaces "a" not found',
    )


async def test_a_workflow_that_was_deleted_has_failed(tmp_path: Path) -> None:
    gone = ApiStatusError(404, "NotFound", 'workflows "train-abcde-1" not found')
    outcome, _ = await perform(Server(creating=[], reading=[gone]), tmp_path)
    assert outcome.ending is Ending.FAILED
    assert "not found" in outcome.reason
