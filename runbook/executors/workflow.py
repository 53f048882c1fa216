"""`workflow` steps: an Argo Workflow is submitted from a template and followed to its end.

The name is ours and recorded before the request, so that after a crash it can be looked for; a second
request for the same name finds the first one's Workflow and follows that, so a request whose answer
was lost is made again. An API server that cannot tell says nothing about a Workflow: it is waited for
until the step's time is up. A Workflow that no controller picks up is told apart from one that waits.
Logs are fetched while pods still exist.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.executors.base import Attempt, Desk, Outputs
from runbook.executors.binding import bind_late
from runbook.executors.workflow_logs import WorkflowLogs
from runbook.model.document import WorkflowStep
from runbook.redact import Redactor
from runbook.run.events import CommandFinished, CommandStarting
from runbook.run.signals import Ending, Outcome
from runbook.run.workflow_events import WorkflowProgressed
from runbook.target.api import ApiStatusError, ResourceRef
from runbook.target.client import ClusterClient

WORKFLOWS = ResourceRef("argoproj.io", "v1alpha1", "workflows", "Workflow", namespaced=True)
POLL = 1.0
"""Seconds between two looks; node progress changes no faster than pods start."""
PICKED_UP_WITHIN = 30.0
"""Seconds after which an untouched Workflow means that no controller watches its namespace."""
GOOD, BAD = ("Succeeded",), ("Failed", "Error")
JSON = dict[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowExecutor:
    client: ClusterClient
    outputs: Outputs
    redactor: Redactor
    clock: Clock
    run: str
    """The run's id: part of the Workflow's name."""

    async def __call__(self, attempt: Attempt, desk: Desk) -> Outcome:
        step = attempt.step.step
        assert isinstance(step, WorkflowStep)
        try:
            bound = await bind_late(step, desk)
        except RunbookError as fault:
            return attempt.failed(str(fault))
        name = f"{step.id.replace('_', '-')}-{self.run[-5:].lower()}-{attempt.number}"
        manifest = _manifest(bound, name)
        what = f"submit {bound.workflow.template} as {name} in {bound.workflow.namespace}"
        await desk.record(
            CommandStarting(
                step=attempt.step.id, attempt=attempt.number, script=what, shell="Kubernetes API"
            )
        )
        began = self.clock.monotonic()
        outcome = attempt.interrupted("stopped while it was followed")
        with self.outputs.begin(attempt.step.id, attempt.number) as writer:
            logs = WorkflowLogs(self.client, attempt, desk, self.redactor, writer)
            try:
                refusal = await self._submit(bound.workflow.namespace, manifest, logs)
                if refusal:
                    outcome = attempt.failed(f"not submitted: {refusal}")
                else:
                    outcome = await self._follow(attempt, desk, bound, name, logs)
            finally:
                stored = writer.store()
                await desk.record(
                    CommandFinished(
                        step=attempt.step.id,
                        attempt=attempt.number,
                        exit=0 if outcome.ending is Ending.PASSED else 1,
                        duration=round(self.clock.monotonic() - began, 6),
                        output=stored.sha256,
                        bytes=stored.bytes,
                        lines=stored.lines,
                        truncated=stored.truncated,
                    )
                )
        return outcome

    async def _submit(self, namespace: str, manifest: JSON, logs: WorkflowLogs) -> str:
        """Return when the Workflow is there, or with the reason why it will not be."""
        while True:
            try:
                await self.client.create(WORKFLOWS, namespace, manifest)
            except ApiStatusError as refused:
                if refused.reason == "AlreadyExists":
                    return ""
                if not _cannot_tell(refused):
                    return refused.message
                logs.say(f"[waiting for the cluster: {refused.message}]")
            except RunbookError as fault:
                logs.say(f"[waiting for the cluster: {fault.message}]")
            else:
                return ""
            await self.clock.sleep(POLL)

    async def _follow(
        self, attempt: Attempt, desk: Desk, step: WorkflowStep, name: str, logs: WorkflowLogs
    ) -> Outcome:
        began = self.clock.monotonic()
        said = ("", "", "")
        while True:
            try:
                path = WORKFLOWS.path(step.workflow.namespace, name)
                workflow = await self.client.get(path)
            except RunbookError as fault:
                if isinstance(fault, ApiStatusError) and not _cannot_tell(fault):
                    return attempt.failed(f"{name}: {fault.message}")
                logs.say(f"[waiting for the cluster: {fault.message}]")
                await self.clock.sleep(POLL)
                continue
            status = workflow.get("status") or {}
            phase, progress = status.get("phase") or "", status.get("progress") or ""
            message = status.get("message") or ""
            if (phase, progress, message) != said:
                said = (phase, progress, message)
                await desk.record(_progressed(attempt, name, *said))
                logs.say(f"[{name} {phase or 'submitted'} {progress} {message}".rstrip() + "]")
            await logs.fetch(step.workflow.namespace, name, final=phase in (*GOOD, *BAD))
            if phase in GOOD:
                return attempt.passed(f"{name} {phase} {progress}")
            if phase in BAD:
                return attempt.failed(f"{name} {phase}: {_why(status) or message}")
            if not phase and self.clock.monotonic() - began > PICKED_UP_WITHIN:
                return attempt.failed(
                    f"{name} was never picked up: is the workflow controller running, and does it "
                    f"watch namespace {step.workflow.namespace}?"
                )
            await self.clock.sleep(POLL)


def _manifest(step: WorkflowStep, name: str) -> JSON:
    spec: JSON = {"workflowTemplateRef": {"name": step.workflow.template}}
    if step.workflow.parameters:
        spec["arguments"] = {
            "parameters": [{"name": k, "value": v} for k, v in step.workflow.parameters.items()]
        }
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Workflow",
        "metadata": {
            "name": name,
            "namespace": step.workflow.namespace,
            "labels": {"workflows.argoproj.io/workflow-template": step.workflow.template},
        },
        "spec": spec,
    }


def _progressed(
    attempt: Attempt, name: str, phase: str, progress: str, message: str
) -> WorkflowProgressed:
    return WorkflowProgressed(
        step=attempt.step.id,
        attempt=attempt.number,
        workflow=name,
        phase=phase,
        progress=progress,
        message=message[:500],
    )


def _cannot_tell(refused: ApiStatusError) -> bool:
    """Whether the server is not able to answer now: overloaded, unwell, or the credentials expired."""
    return refused.code in (401, 429) or refused.code >= 500


def _why(status: JSON) -> str:
    """The message of the node that failed, which says more than the workflow's own."""
    nodes = (status.get("nodes") or {}).values()
    failed = [n for n in nodes if n.get("phase") in BAD and n.get("type") == "Pod"]
    return "; ".join(f"{n.get('displayName')}: {n.get('message', '')}" for n in failed)
