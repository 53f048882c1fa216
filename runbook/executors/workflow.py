"""`workflow` steps: an Argo Workflow is submitted from a template and followed to its end.

The name is ours and recorded before the request, so a request whose answer was lost is made again: the
second one finds the first one's Workflow. Each attempt is a Workflow of its own and stays, except after
an attempt whose end nobody heard: its Workflow is found by its labels and followed. Nothing is left
running that is no longer waited for: when the time is up, or somebody stops the step, it is told to
terminate and its end is awaited; should this program die, its own deadline ends it. An API server that
cannot tell says nothing about a Workflow. Logs are fetched while pods still exist.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import re
from dataclasses import dataclass, field
from typing import Any

from runbook.clock import Clock
from runbook.errors import RunbookError
from runbook.executors import workflow_status as reading
from runbook.executors.base import Attempt, Desk, Outputs
from runbook.executors.binding import bind_late
from runbook.executors.workflow_logs import WorkflowLogs
from runbook.executors.workflow_status import BAD, GOOD
from runbook.model.document import WorkflowStep
from runbook.model.values import format_duration
from runbook.redact import Redactor
from runbook.run.events import CommandFinished, CommandStarting
from runbook.run.signals import Ending, Outcome
from runbook.run.workflow_events import WorkflowNode, WorkflowProgressed
from runbook.target.api import ApiStatusError, ResourceRef
from runbook.target.client import ClusterClient

WORKFLOWS = ResourceRef("argoproj.io", "v1alpha1", "workflows", "Workflow", namespaced=True)
TEMPLATES = ResourceRef(
    "argoproj.io", "v1alpha1", "workflowtemplates", "WorkflowTemplate", namespaced=True
)
RUN, STEP, ATTEMPT = "runbook/run", "runbook/step", "runbook/attempt"
"""Labels by which the Workflows of a step are found again."""
INSTANCE_ID = "workflows.argoproj.io/controller-instanceid"
POLL = 1.0
"""Seconds between two looks; node progress changes no faster than pods start."""
PICKED_UP_WITHIN = 30.0
"""Seconds after which an untouched Workflow means that no controller watches its namespace."""
ENDS_WITHIN = 30.0
"""Seconds that a Workflow has to end after it was told to terminate."""
DEADLINE_MARGIN = 60
"""Seconds beyond the step's time after which Argo ends what we were not there to end."""
MAX_NAME = 63
"""Argo writes a Workflow's name into labels, which take no more."""
JSON = dict[str, Any]


class _Late(Exception):
    """The step's time is up."""


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
        name = workflow_name(attempt.step.id, self.run, attempt.number)
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
                outcome = await _Following(self, attempt, desk, bound, logs, name).to_its_end()
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


@dataclass(slots=True)
class _Following:
    """One attempt: from the request to the end of the Workflow."""

    by: WorkflowExecutor
    attempt: Attempt
    desk: Desk
    step: WorkflowStep
    logs: WorkflowLogs
    name: str
    began: float = 0.0
    last: JSON = field(default_factory=dict)
    """The Workflow as it was last seen."""
    said: tuple[str, str, str] = ("", "", "")
    nodes: dict[str, WorkflowNode] = field(default_factory=dict)

    @property
    def namespace(self) -> str:
        return self.step.workflow.namespace

    async def to_its_end(self) -> Outcome:
        self.began = self.by.clock.monotonic()
        try:
            refusal = await self._submit()
            if refusal:
                return self.attempt.failed(f"not submitted: {refusal}")
            return await self._follow()
        except _Late:
            limit = format_duration(self.step.timeout or 0)
            waits = reading.waits_for(self.last.get("status") or {})
            ended = await self._terminate()
            return self.attempt.timed_out(f"{self.name} not done after {limit}: {waits}; {ended}")
        except asyncio.CancelledError:
            await self._terminate()
            raise

    # -- submitting

    async def _submit(self) -> str:
        """Return when the Workflow is there, or with the reason why it will not be."""
        manifest: JSON = {}
        while True:
            try:
                if self.attempt.unheard and await self._found_again():
                    return ""
                manifest = manifest or await self._manifest()
                await self.by.client.create(WORKFLOWS, self.namespace, manifest)
            except ApiStatusError as refused:
                if refused.reason == "AlreadyExists":
                    return ""
                if not _cannot_tell(refused):
                    return refused.message
                await self._wait(refused)
            except RunbookError as fault:
                await self._wait(fault)
            else:
                return ""

    async def _found_again(self) -> bool:
        """Whether an attempt whose end nobody heard has left a Workflow that may still succeed."""
        labels = f"{RUN}={_value(self.by.run)},{STEP}={_value(self.attempt.step.id)}"
        found = await self.by.client.list(WORKFLOWS, self.namespace, label_selector=labels)
        there = sorted(found.items, key=_attempt_of)
        if not there or _attempt_of(there[-1]) >= self.attempt.number:
            return False
        newest = there[-1]
        name = str(newest["metadata"]["name"])
        phase = (newest.get("status") or {}).get("phase") or "submitted"
        if phase in BAD or (newest.get("spec") or {}).get("shutdown"):
            self.logs.say_once(f"[{name} is there, {phase}: submitting another]")
            return False
        self.logs.say(f"[{name} is there, {phase}: following it, nothing is submitted again]")
        self.name = name
        return True

    async def _manifest(self) -> JSON:
        submission = self.step.workflow
        template = await self._template()
        spec: JSON = {"workflowTemplateRef": {"name": submission.template}}
        if submission.parameters:
            spec["arguments"] = {
                "parameters": [{"name": k, "value": v} for k, v in submission.parameters.items()]
            }
        own = (template.get("spec") or {}).get("activeDeadlineSeconds")
        if self.step.timeout and template and own is None:
            spec["activeDeadlineSeconds"] = math.ceil(self.step.timeout) + DEADLINE_MARGIN
        labels = {
            "workflows.argoproj.io/workflow-template": submission.template,
            RUN: _value(self.by.run),
            STEP: _value(self.attempt.step.id),
            ATTEMPT: str(self.attempt.number),
        }
        instance = (template.get("metadata", {}).get("labels") or {}).get(INSTANCE_ID)
        if instance:
            labels[INSTANCE_ID] = instance
        return {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "Workflow",
            "metadata": {"name": self.name, "namespace": self.namespace, "labels": labels},
            "spec": spec,
        }

    async def _template(self) -> JSON:
        """Empty when this account may not read it: submitting does not need that right."""
        try:
            path = TEMPLATES.path(self.namespace, self.step.workflow.template)
            return await self.by.client.get(path)
        except ApiStatusError as refused:
            if refused.code == 403:
                return {}
            raise

    # -- following

    async def _follow(self) -> Outcome:
        picked_up_by = self.by.clock.monotonic() + PICKED_UP_WITHIN
        while True:
            try:
                self.last = await self._read()
            except RunbookError as fault:
                if isinstance(fault, ApiStatusError) and not _cannot_tell(fault):
                    return self.attempt.failed(f"{self.name}: {fault.message}")
                await self._wait(fault)
                continue
            await self._tell()
            status = self.last.get("status") or {}
            phase = status.get("phase") or ""
            if phase in (*GOOD, *BAD):
                return self._ended(phase, status)
            if not phase and self.by.clock.monotonic() > picked_up_by:
                await self._tell_to_end()
                told = reading.NO_CONTROLLER.format(name=self.name, namespace=self.namespace)
                return self.attempt.failed(told)
            await self._pause()

    def _ended(self, phase: str, status: JSON) -> Outcome:
        if phase in BAD:
            return self.attempt.failed(f"{self.name} {phase}: {reading.why(status)}")
        outputs = {
            **reading.parameters(self.last),
            "workflow": self.name,
            **reading.links(self.last, self.step.workflow.ui),
        }
        return self.attempt.passed(f"{self.name} {phase} {status.get('progress') or ''}", outputs)

    async def _read(self) -> JSON:
        return await self.by.client.get(WORKFLOWS.path(self.namespace, self.name))

    async def _tell(self) -> None:
        """Say and record what is new of it, and fetch its logs."""
        status = self.last.get("status") or {}
        phase, progress = status.get("phase") or "", status.get("progress") or ""
        message = status.get("message") or ""
        over = phase in (*GOOD, *BAD)
        nodes = reading.nodes_of(status)
        changed = [node for id_, node in nodes.items() if self.nodes.get(id_) != node]
        links = reading.links(self.last, self.step.workflow.ui) if over else {}
        if (phase, progress, message) != self.said or changed:
            if (phase, progress, message) != self.said:
                told = f"{self.name} {phase or 'submitted'} {progress} {message}"
                self.logs.say(f"[{' '.join(told.split())}]")
            for node in changed:
                self.logs.say(f"[{node.name} {node.phase} {node.message}".rstrip() + "]")
            self.said, self.nodes = (phase, progress, message), nodes
            await self.desk.record(self._progressed(changed, links))
        await self.logs.fetch(self.namespace, self.name, final=over)
        if over:
            self.logs.lost(_with_logs(status), reading.pod_gc(self.last))
            for name, address in links.items():
                self.logs.say(f"[{name}: {address}]")

    def _progressed(self, changed: list[WorkflowNode], links: dict[str, str]) -> WorkflowProgressed:
        phase, progress, message = self.said
        return WorkflowProgressed(
            step=self.attempt.step.id,
            attempt=self.attempt.number,
            workflow=self.name,
            phase=phase,
            progress=progress,
            message=message[: reading.MAX_MESSAGE],
            nodes=tuple(changed[:MAX_NODES]),
            links=tuple(links.values()),
        )

    # -- ending

    async def _terminate(self) -> str:
        """Have it ended, and wait for that; in words, how it went."""
        until = self.by.clock.monotonic() + ENDS_WITHIN
        told = False
        while self.by.clock.monotonic() < until:
            try:
                told = told or await self._tell_to_end()
                self.last = await self._read()
            except ApiStatusError as refused:
                if refused.code == 404:
                    return "it is not there"
                if not _cannot_tell(refused):
                    return f"it could not be ended: {refused.message}"
            except RunbookError:
                pass
            else:
                await self._tell()
                phase = (self.last.get("status") or {}).get("phase")
                if phase in (*GOOD, *BAD):
                    return f"it was terminated, and ended {phase}"
            await self.by.clock.sleep(POLL)
        if told:
            return f"it was told to terminate, and did not end within {ENDS_WITHIN:g} s"
        return "it could not be ended: the cluster does not answer"

    async def _tell_to_end(self) -> bool:
        ending = {"spec": {"shutdown": "Terminate"}}
        await self.by.client.patch(WORKFLOWS, self.namespace, self.name, ending)
        return True

    # -- waiting

    async def _wait(self, fault: RunbookError) -> None:
        self.logs.say(f"[waiting for the cluster: {fault.message}]")
        await self._pause()

    async def _pause(self) -> None:
        """Raises _Late when the step has no time left."""
        clock = self.by.clock
        left = math.inf
        if self.step.timeout is not None:
            left = self.began + self.step.timeout - clock.monotonic()
        if left <= 0:
            raise _Late
        await clock.sleep(min(POLL, left))


MAX_NODES = 60
"""Changed nodes in one fact: with their messages they fit a line of the journal."""


def workflow_name(step: str, run: str, attempt: int) -> str:
    """Of an attempt's Workflow: valid, and the same for no two steps of a run."""
    tail = f"-{run[-5:].lower()}-{attempt}"
    return _fitted(step, MAX_NAME - len(tail)) + tail


def _value(text: str) -> str:
    """As the value of a label."""
    return text if len(text) <= MAX_NAME else _fitted(text, MAX_NAME)


def _fitted(text: str, limit: int) -> str:
    """A DNS label; what had to be changed or cut has a digest of the whole."""
    plain = re.sub(r"[^a-z0-9-]", "-", text.lower())
    if plain == text and len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{plain[: limit - 9].rstrip('-')}-{digest}"


def _attempt_of(workflow: JSON) -> int:
    text = str((workflow["metadata"].get("labels") or {}).get(ATTEMPT) or "")
    return int(text) if text.isdigit() else 0


def _with_logs(status: JSON) -> dict[str, str]:
    """Pod nodes that began, by id: only they can have written something."""
    nodes = (status.get("nodes") or {}).values()
    return {
        str(n.get("id")): str(n.get("displayName") or n.get("name"))
        for n in nodes
        if n.get("type") == "Pod" and n.get("phase") in (*GOOD, "Failed")
    }


def _cannot_tell(refused: ApiStatusError) -> bool:
    """Whether the server is not able to answer now: overloaded, unwell, or the credentials expired."""
    return refused.code in (401, 429) or refused.code >= 500
