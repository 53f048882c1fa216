"""The workflow controller: looks at a workflow, makes the pods it wants, writes down how it stands.

    when                         then
    new                          checked; Running, or Failed / Error with the reason
    a node wants a pod           made; refused for good = Error, for a full quota = tried again
    root node fulfilled          exit handler, then the phase and `completed`
    completed                    pods and the workflow itself go when their time is over

It works only while its Deployment is available. Workflows have no status subresource: the whole
object is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.argo.names import (
    BAD,
    COMPLETED_LABEL,
    CONTROLLER_CONTAINER,
    CONTROLLER_DEPLOYMENT,
    CONTROLLER_NAMESPACE,
    ERROR,
    FAILED,
    INSTANCE_ID,
    NODE_ID,
    PENDING,
    RUNNING,
    SUCCEEDED,
    WORKFLOW_LABEL,
    WORKFLOWS,
)
from runbook.practice.controllers.argo.nodes import is_fulfilled
from runbook.practice.controllers.argo.operation import (
    OPERATION_ERROR,
    STOPPED,
    Operation,
    View,
    WantedPod,
)
from runbook.practice.controllers.argo.phases import node_annotations, phase_changes
from runbook.practice.controllers.argo.pods import BadPatch, workflow_pod
from runbook.practice.controllers.argo.record import (
    completed,
    is_news,
    running,
    started,
    with_outcome,
)
from runbook.practice.controllers.argo.retention import Retention
from runbook.practice.controllers.argo.shapes import unreadable
from runbook.practice.controllers.argo.templates import TemplateMissing, Templates
from runbook.practice.controllers.argo.validation import problem
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.logs import PodLogs
from runbook.practice.controllers.manager import Controllers, Key, KeysOf
from runbook.practice.controllers.objects import (
    annotations_of,
    being_deleted,
    dig,
    has_condition,
    key_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.seldon.wording import logrus_line

QUOTA_RETRY = 10.0
SOURCE = "workflow-controller"
Results = Callable[[Mapping[str, JSON]], Mapping[str, str]]


@dataclass(slots=True)
class Memory:
    """What the process remembers of one workflow."""

    made: set[str] = field(default_factory=set)
    first_seen: dict[str, float] = field(default_factory=dict)


class WorkflowController:
    """`results` answers what ended script pods printed, by node id; `terminate` ends a pod's program."""

    def __init__(
        self,
        cluster: Cluster,
        controllers: Controllers,
        *,
        events: EventRecorder,
        logs: PodLogs,
        results: Results,
        terminate: Callable[[JSON], None],
    ) -> None:
        self._cluster = cluster
        self._controllers = controllers
        self._events = events
        self._logs = logs
        self._results = results
        self._terminate = terminate
        self._retention = Retention()
        self._memory: dict[str, Memory] = {}
        self._was_available = False

    @property
    def available(self) -> bool:
        place = (CONTROLLER_NAMESPACE, CONTROLLER_DEPLOYMENT)
        deployment = self._cluster.get("deployments.apps", *place)
        return int(dig(deployment, "status", "availableReplicas", default=0)) > 0

    @property
    def watches(self) -> Mapping[str, KeysOf]:
        return {
            WORKFLOWS: lambda workflow: [key_of(WORKFLOWS, workflow)],
            "pods": _workflow_of_pod,
            "deployments.apps": _own_deployment,
        }

    async def reconcile(self, key: Key) -> float | None:
        if key[0] == "deployments.apps":
            self._notice_restart()
            return None
        workflow = self._cluster.get(*key)
        if workflow is None or being_deleted(workflow) or not self.available:
            return None
        if INSTANCE_ID in labels_of(workflow):
            return None  # of a controller with an id; this one has none
        if place := unreadable(workflow):
            self._log("Failed to unmarshal workflow object", workflow, field=place)
            return None
        if labels_of(workflow).get(COMPLETED_LABEL) == "true":
            return await self._retain(workflow)
        return await self._operate(workflow)

    def _notice_restart(self) -> None:
        available = self.available
        if available and not self._was_available:
            for workflow in self._cluster.select(WORKFLOWS):
                self._controllers.queue(self, key_of(WORKFLOWS, workflow))
        self._was_available = available

    # -- one look --------------------------------------------------------------------------------

    async def _operate(self, workflow: JSON) -> float | None:
        self._log("Processing workflow", workflow, Phase=dig(workflow, "status", "phase"))
        stamp = self._cluster.timeline.stamp()
        try:
            templates = Templates(self._cluster, workflow)
        except TemplateMissing as missing:
            await self._close(started(workflow, None, stamp), ERROR, str(missing))
            return None
        first = not dig(workflow, "status", "phase")
        if first:
            workflow = started(workflow, templates.spec, stamp)
            fault = problem(workflow, templates.spec, templates.find)
            if fault:
                await self._close(workflow, FAILED, f"invalid spec: {fault}")
                return None
            workflow = running(workflow)
            self._log("Updated phase  -> Running", workflow)
            await self._event(workflow, "WorkflowRunning", "Workflow Running")
        operation = self._operation(workflow, templates)
        refused = await self._advance(workflow, templates, operation)
        await self._node_events(workflow, operation)
        changed = with_outcome(workflow, operation.nodes, first=first)
        return await self._write(changed, templates, operation, refused=refused)

    def _operation(self, workflow: JSON, templates: Templates) -> Operation:
        memory = self._memory.setdefault(uid_of(workflow), Memory())
        pods = self._pods(workflow)
        memory.made |= set(pods)
        timeline = self._cluster.timeline
        view = View(
            workflow=workflow,
            spec=templates.spec,
            pods=pods,
            made=frozenset(memory.made | _ever_on_a_host(workflow)),
            results=self._results(pods),
            now=timeline.stamp(),
            elapsed=timeline.elapsed(),
            first_seen=memory.first_seen,
        )
        return Operation(view, templates.find)

    async def _advance(self, workflow: JSON, templates: Templates, operation: Operation) -> bool:
        """Walk, make pods, and walk again for what was refused; whether a quota refused any."""
        full = False
        root = operation.walk()
        while operation.wanted and not full:
            refused = False
            for wanted in list(operation.wanted):
                message, final = await self._make(workflow, templates.spec, wanted)
                if message:
                    operation.refuse(wanted.node_id, message, final=final)
                    refused, full = True, full or not final
            if not refused or full:
                break
            root = operation.walk()
        if is_fulfilled(root):
            handler = operation.walk_exit_handler(root["phase"])
            if handler is not None:
                for wanted in operation.wanted:
                    message, final = await self._make(workflow, templates.spec, wanted)
                    if message:
                        operation.refuse(wanted.node_id, message, final=final)
        return full

    async def _make(self, workflow: JSON, spec: JSON, wanted: WantedPod) -> tuple[str, bool]:
        """("", ...) when the pod is there; else the refusal, and whether it is for good."""
        memory = self._memory[uid_of(workflow)]
        try:
            pod = workflow_pod(workflow, spec, wanted)
            await self._cluster.create("pods", pod)
        except BadPatch as fault:
            return str(fault), True
        except ApiError as refusal:
            if refusal.reason != "AlreadyExists":
                text = refusal.message
                self._log(f"Failed to create pod: {text}", workflow, level="warning")
                return text, "exceeded quota" not in text
        else:
            self._log(f"Created pod: {wanted.node_name} ({name_of(pod)})", workflow)
        memory.made.add(wanted.node_id)
        return "", False

    async def _write(
        self, workflow: JSON, templates: Templates, operation: Operation, *, refused: bool
    ) -> float | None:
        root = operation.nodes[name_of(workflow)] if operation.nodes else None
        handler = operation.nodes.get(operation.id_of(f"{name_of(workflow)}.onExit"))
        await self._end_pods(workflow, operation)
        done = root is not None and is_fulfilled(root)
        if done and handler is not None and not is_fulfilled(handler):
            done = False
        if done and root is not None:
            await self._close(workflow, *_outcome(workflow, root, handler, operation.nodes))
            return 0.0
        if is_news(workflow, self._cluster.get(*key_of(WORKFLOWS, workflow))):
            workflow = await self._cluster.update(WORKFLOWS, workflow)
        left = await self._collect_pods(workflow, templates.spec)
        waits = [*operation.look_again, *([QUOTA_RETRY] if refused else [])]
        return min([*waits, *([left] if left is not None else [])], default=None)

    async def _end_pods(self, workflow: JSON, operation: Operation) -> None:
        """Pods still running for nodes that a shutdown or a deadline has closed."""
        for id_, pod in self._pods(workflow).items():
            node = operation.nodes.get(id_)
            phase = dig(pod, "status", "phase", default="Pending")
            if node is None or not is_fulfilled(node) or being_deleted(pod):
                continue
            if phase == PENDING:
                await self._cluster.delete("pods", namespace_of(pod), name_of(pod))
                continue
            if phase == RUNNING:
                self._terminate(pod)
            await self._label_ended(pod)

    async def _label_ended(self, pod: JSON) -> None:
        if labels_of(pod).get(COMPLETED_LABEL) == "false":
            label = {"metadata": {"labels": {COMPLETED_LABEL: "true"}}}
            await self._cluster.patch("pods", namespace_of(pod), name_of(pod), label)

    async def _close(self, workflow: JSON, phase: str, message: str) -> None:
        closed = completed(workflow, phase, message, self._cluster.timeline.stamp())
        await self._cluster.update(WORKFLOWS, closed)
        self._log(f"Updated phase Running -> {phase}", workflow)
        self._log("Marking workflow completed", workflow)
        if phase in BAD:
            await self._event(closed, "WorkflowFailed", message, bad=True)
        else:
            await self._event(closed, "WorkflowSucceeded", "Workflow completed")

    # -- afterwards ------------------------------------------------------------------------------

    async def _retain(self, workflow: JSON) -> float | None:
        self._memory.pop(uid_of(workflow), None)
        spec = dig(workflow, "status", "storedWorkflowTemplateSpec") or workflow["spec"]
        now = self._cluster.timeline.elapsed()
        left = self._retention.workflow_left(workflow, spec, now)
        if left is not None and left <= 0:
            self._retention.forget(uid_of(workflow))
            self._log("Deleting TTL expired workflow", workflow)
            await self._cluster.delete(WORKFLOWS, namespace_of(workflow), name_of(workflow))
            return None
        for pod in self._pods(workflow).values():
            if dig(pod, "status", "phase") in {SUCCEEDED, FAILED} and not being_deleted(pod):
                await self._label_ended(pod)
        pods = await self._collect_pods(workflow, spec)
        return min((wait for wait in (left, pods) if wait is not None), default=None)

    async def _collect_pods(self, workflow: JSON, spec: JSON) -> float | None:
        nodes = dig(workflow, "status", "nodes", default={})
        phase = str(dig(workflow, "status", "phase", default=""))
        pods = {i: pod for i, pod in self._pods(workflow).items() if not being_deleted(pod)}
        now = self._cluster.timeline.elapsed()
        due, left = self._retention.due_pods(spec, nodes, pods, phase=phase, now=now)
        for pod in due:
            await self._cluster.delete("pods", namespace_of(pod), name_of(pod))
        return left

    # -- reading and telling ---------------------------------------------------------------------

    def _pods(self, workflow: JSON) -> dict[str, JSON]:
        """The workflow's pods by node id."""
        labels = {WORKFLOW_LABEL: name_of(workflow)}
        pods = self._cluster.select("pods", namespace_of(workflow), labels)
        mine = (pod for pod in pods if _owned(pod, workflow))
        return {annotations_of(pod)[NODE_ID]: pod for pod in mine}

    async def _event(self, workflow: JSON, reason: str, message: str, *, bad: bool = False) -> None:
        await self._events.record(workflow, reason, message, "Warning" if bad else "Normal", SOURCE)

    async def _node_events(self, workflow: JSON, operation: Operation) -> None:
        before = dig(workflow, "status", "nodes", default={})
        for phase, node in phase_changes(before, operation.nodes):
            message = f"{phase} node {node['name']}"
            if node.get("message"):
                message += f": {node['message']}"
            await self._events.record(
                workflow,
                f"WorkflowNode{phase}",
                message,
                "Warning" if phase in BAD else "Normal",
                SOURCE,
                annotations=node_annotations(node),
            )

    def _log(self, message: str, workflow: JSON, *, level: str = "info", **fields: object) -> None:
        line = logrus_line(
            self._cluster.timeline.now(),
            message,
            level=level,
            **fields,
            namespace=namespace_of(workflow),
            workflow=name_of(workflow),
        )
        for pod in self._cluster.select("pods", CONTROLLER_NAMESPACE):
            mine = name_of(pod).startswith(f"{CONTROLLER_DEPLOYMENT}-")
            if mine and has_condition(pod, "Ready") and not being_deleted(pod):
                place = (CONTROLLER_NAMESPACE, name_of(pod), CONTROLLER_CONTAINER)
                self._logs.append(*place, line)


def _outcome(
    workflow: JSON, root: JSON, handler: JSON | None, nodes: Mapping[str, JSON]
) -> tuple[str, str]:
    phase, message = str(root["phase"]), str(root.get("message", ""))
    if message == OPERATION_ERROR:
        last = nodes[root["children"][-1]]
        message = f"error in entry template execution: {last.get('message', '')}"
    elif phase == ERROR and root["type"] == "Pod" and "hostNodeName" not in root:
        message = f"error in entry template execution: {message}"
    if phase in BAD and workflow["spec"].get("shutdown"):
        message = STOPPED.format(workflow["spec"]["shutdown"])
    if handler is not None and handler["phase"] in BAD and phase not in BAD:
        return str(handler["phase"]), str(handler.get("message", ""))
    return phase, message


def _owned(pod: JSON, workflow: JSON) -> bool:
    owners = pod["metadata"].get("ownerReferences") or []
    return any(owner["uid"] == uid_of(workflow) for owner in owners)


def _ever_on_a_host(workflow: JSON) -> set[str]:
    """Nodes whose pod was seen before this process began to remember."""
    nodes = dig(workflow, "status", "nodes", default={})
    return {id_ for id_, node in nodes.items() if node.get("hostNodeName")}


def _workflow_of_pod(pod: JSON) -> Iterable[Key]:
    name = labels_of(pod).get(WORKFLOW_LABEL)
    return [(WORKFLOWS, namespace_of(pod), name)] if name else []


def _own_deployment(deployment: JSON) -> Iterable[Key]:
    own = namespace_of(deployment), name_of(deployment)
    if own == (CONTROLLER_NAMESPACE, CONTROLLER_DEPLOYMENT):
        return [key_of("deployments.apps", deployment)]
    return []
