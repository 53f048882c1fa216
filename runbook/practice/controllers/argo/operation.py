"""One look at a workflow: from its spec, the nodes so far and the pods there are to the nodes now. Pure.

Templates are walked from the entrypoint down; a node that is fulfilled is never touched again. Pods
are not made here: what is missing is listed in `wanted`, and whoever makes them reports a refusal
with `refuse` and asks for another walk, so that the parents hear of it.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo import graph, nodes as n
from runbook.practice.controllers.argo.dag import walk_dag
from runbook.practice.controllers.argo.expressions import BadExpression, evaluate
from runbook.practice.controllers.argo.names import (
    BAD,
    ERROR,
    FAILED,
    PENDING,
    SKIPPED,
    SUCCEEDED,
)
from runbook.practice.controllers.argo.nodes import Place
from runbook.practice.controllers.argo.parameters import (
    inputs_of,
    substitute,
    values,
    workflow_scope,
)
from runbook.practice.controllers.argo.steps import walk_steps
from runbook.practice.controllers.argo.validation import TemplateLookup

STOPPED = "Stopped with strategy '{}'"
POD_STOPPED = "workflow shutdown with strategy:  {}"
OPERATION_ERROR = "Workflow operation error"
"""Of a retried entrypoint whose pod could not be made."""
DEADLINE = "Step exceeded its deadline"
RECENTLY_STARTED = 10.0
_RETRIED = {
    "OnFailure": frozenset({FAILED}),
    "OnError": frozenset({ERROR}),
    "OnTransientError": frozenset({ERROR}),
    "Always": frozenset({FAILED, ERROR}),
}


@dataclass(frozen=True, slots=True)
class WantedPod:
    """A pod that has to be made for a node."""

    node_id: str
    node_name: str
    template: JSON
    inputs: Mapping[str, str]
    on_exit: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A template with its tags replaced, what named it, and what it was given."""

    template: JSON
    holder: JSON
    inputs: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class View:
    """What one look at the cluster saw."""

    workflow: JSON
    spec: JSON
    pods: Mapping[str, JSON]  # by node id
    made: frozenset[str]  # ids of nodes whose pod was made, so a missing one was deleted
    results: Mapping[str, str]  # what scripts printed, by node id
    now: str
    elapsed: float  # simulated seconds, for everything that is measured
    first_seen: dict[str, float]  # by node id; "" is the workflow; kept between looks


class Operation:
    """Walks once per call of `walk`."""

    def __init__(self, view: View, lookup: TemplateLookup) -> None:
        self._view = view
        self._lookup = lookup
        self._name = str(view.workflow["metadata"]["name"])
        self._arguments = values(view.spec.get("arguments"))
        self._scope = workflow_scope(view.workflow, self._arguments)
        # A spec that came from a WorkflowTemplate is nobody's own.
        is_own = "workflowTemplateRef" not in view.workflow["spec"]
        self._template_scope = f"local/{self._name if is_own else ''}"
        self.nodes: dict[str, JSON] = copy.deepcopy(
            (view.workflow.get("status") or {}).get("nodes") or {}
        )
        self._boundaries: dict[str, str] = {}  # by node id, the template as text
        self.wanted: list[WantedPod] = []
        self.look_again: list[float] = []  # seconds until something falls due by the clock
        self._stop = str(view.workflow["spec"].get("shutdown") or "")
        self._handles_exit = False
        view.first_seen.setdefault("", view.elapsed)
        self.late = self._past_deadline()  # whether the workflow's own deadline has passed

    def walk(self) -> JSON:
        """The root node after this walk."""
        self.wanted.clear()
        entry = {"template": self._view.spec["entrypoint"]}
        return self._run(Place(self._name, self._name), entry, self._arguments)

    def walk_exit_handler(self, outcome: str) -> JSON | None:
        """The exit handler's node, once the rest is done; None when there is none to run."""
        handler = self._view.spec.get("onExit")
        if not handler or self._stop == "Terminate":
            return None
        self.wanted.clear()
        self._stop, self.late, self._handles_exit = "", False, True
        self._scope["workflow.status"] = outcome
        name = f"{self._name}.onExit"
        node = self._run(Place(name, name), {"template": handler}, self._arguments)
        node["nodeFlag"] = {"hooked": True}
        return node

    def refuse(self, node_id: str, message: str, *, final: bool) -> None:
        """The API server would not make the pod: for good (Error), or for now (Pending)."""
        node = self.nodes[node_id]
        if final:
            self.close(node, ERROR, message)
        else:
            node["phase"], node["message"] = PENDING, message

    # -- what steps and DAGs are walked with -----------------------------------------------------

    def id_of(self, name: str) -> str:
        return n.node_id(self._name, name)

    @property
    def stopped(self) -> bool:
        return bool(self._stop)

    def was_refused(self, node: JSON) -> bool:
        """Whether a node's pod could not be made."""
        if node["type"] == "Retry" and node.get("children"):
            return self.was_refused(self.nodes[node["children"][-1]])
        return node["type"] == "Pod" and node["phase"] == ERROR and not self._made(node["id"])

    def close(self, node: JSON, phase: str, message: str = "") -> None:
        n.finish(node, phase, self._view.now, message)

    def node(
        self,
        place: Place,
        type_: str,
        holder: JSON | None = None,
        inputs: Mapping[str, str] | None = None,
        flag: JSON | None = None,
    ) -> JSON:
        id_ = self.id_of(place.name)
        if id_ not in self.nodes:
            node = n.new_node(self._name, place, type_, holder or {}, self._view.now)
            node["templateScope"] = self._template_scope
            if flag is not None:
                node["nodeFlag"] = dict(flag)
            if inputs:
                listed = [{"name": key, "value": value} for key, value in inputs.items()]
                node["inputs"] = {"parameters": listed}
            self.nodes[id_] = node
        return self.nodes[id_]

    def child(self, place: Place, child: JSON, outputs: Mapping[str, str]) -> JSON:
        """A step or a task: its condition, its arguments, then its template."""
        resolved: JSON = substitute(child, {**self._scope, **outputs})
        if self.id_of(place.name) not in self.nodes:
            try:
                proceeds = self.proceeds(child, outputs)
            except BadExpression as fault:
                return self._closed(place, child, ERROR, str(fault))
            if not proceeds:
                skipped = f"when '{resolved['when']}' evaluated false"
                return self._closed(place, child, SKIPPED, skipped)
        return self._run(place, resolved, values(resolved.get("arguments")))

    def proceeds(self, child: JSON, outputs: Mapping[str, str]) -> bool:
        condition = substitute(child.get("when"), {**self._scope, **outputs})
        if not condition:
            return True
        try:
            return evaluate(str(condition))
        except BadExpression as fault:
            raise BadExpression(f"Invalid 'when' expression '{condition}': {fault}") from fault

    # -- one template --------------------------------------------------------------------------

    def _run(self, place: Place, holder: JSON, given: Mapping[str, str]) -> JSON:
        node = self.nodes.get(self.id_of(place.name))
        if node is not None and n.is_fulfilled(node):
            return node
        template = self._lookup(holder)
        if template is None:
            undefined = f"template name '{holder.get('template', '')}' undefined"
            return self._closed(place, holder, ERROR, undefined)
        inputs, missing = inputs_of(substitute(template, self._scope), given)
        if missing:
            message = f"inputs.parameters.{missing} was not supplied"
            return self._closed(place, holder, ERROR, message)
        scope = {f"inputs.parameters.{key}": value for key, value in inputs.items()}
        resolved = substitute(substitute(template, scope), self._scope)
        call = Call(resolved, holder, inputs)
        return (
            self._kind(place, call) if "retryStrategy" not in resolved else self._retry(place, call)
        )

    def _kind(self, place: Place, call: Call, flag: JSON | None = None) -> JSON:
        self._boundaries[self.id_of(place.name)] = json.dumps(call.template)
        if "steps" in call.template:
            node = self.node(place, "Steps", call.holder, call.inputs, flag)
            return walk_steps(self, place, node, call.template)
        if "dag" in call.template:
            node = self.node(place, "DAG", call.holder, call.inputs, flag)
            return walk_dag(self, place, node, call.template)
        if "suspend" in call.template:
            node = self.node(place, "Suspend", call.holder, call.inputs, flag)
            return self._suspend(node, call.template)
        return self._pod(place, call, flag)

    def _closed(self, place: Place, holder: JSON, phase: str, message: str) -> JSON:
        node = self.node(place, "Skipped", holder, flag={})
        self.close(node, phase, message)
        return node

    # -- pods ----------------------------------------------------------------------------------

    def _pod(self, place: Place, call: Call, flag: JSON | None) -> JSON:
        id_ = self.id_of(place.name)
        pod = self._view.pods.get(id_)
        if pod is None and not self._made(id_) and self._held_back():
            return self._placeholder(place, call)
        node = self.node(place, "Pod", call.holder, call.inputs, flag)
        self._view.first_seen.setdefault(id_, self._view.elapsed)
        if pod is not None:
            n.follow_pod(node, pod, self._view.now)
            if id_ in self._view.results and self._is_asked_for(place):
                outputs = {**(node.get("outputs") or {}), "result": self._view.results[id_]}
                node["outputs"] = outputs
            if not n.is_fulfilled(node):
                self._enforce(node, call.template)
        elif self._made(id_) and not self._is_young(node):
            self.close(node, ERROR, "pod deleted")
        elif self._stop or self.late:
            self.close(node, FAILED, self._stop_message())
        else:
            if not self._made(id_):
                node["phase"] = PENDING
            wanted = WantedPod(
                id_, place.name, call.template, call.inputs, on_exit=self._handles_exit
            )
            self.wanted.append(wanted)
        return node

    def _is_asked_for(self, place: Place) -> bool:
        """Whether a step or task beside this one refers to what it prints; else nobody keeps it."""
        name = place.display.partition("(")[0]
        return f".{name}.outputs.result" in self._boundaries.get(place.boundary, "")

    def _made(self, id_: str) -> bool:
        """Whether a pod was made for this node at some time."""
        return id_ in self._view.made

    def _is_young(self, node: JSON) -> bool:
        """Whether a missing pod is made again, not missed: the controller may not have seen it yet."""
        return node["phase"] == PENDING or not self._expired(node["id"], RECENTLY_STARTED)

    def _held_back(self) -> bool:
        """No new pod while the workflow is suspended or as parallel as it may be."""
        if self._stop or self.late:
            return False
        if self._view.workflow["spec"].get("suspend"):
            return True
        limit = int(self._view.spec.get("parallelism") or 0)
        pods = (node for node in self.nodes.values() if node["type"] == "Pod")
        return limit > 0 and sum(not n.is_fulfilled(node) for node in pods) >= limit

    def _placeholder(self, place: Place, call: Call) -> JSON:
        """Stands for a node that is not begun yet, and is not kept."""
        node = n.new_node(self._name, place, "Pod", call.holder, self._view.now)
        node["phase"] = PENDING
        return node

    def _enforce(self, node: JSON, template: JSON) -> None:
        """Shutdown and deadlines end what still runs; its pod is removed by the caller."""
        seconds = template.get("activeDeadlineSeconds")
        if self._stop or self.late:
            message = POD_STOPPED.format(self._stop) if self._stop else DEADLINE
            self.close(node, FAILED, message)
        elif seconds is not None and self._expired(node["id"], float(seconds)):
            self.close(node, FAILED, DEADLINE)

    def _stop_message(self) -> str:
        return STOPPED.format(self._stop) if self._stop else DEADLINE

    # -- suspend and retry ---------------------------------------------------------------------

    def _suspend(self, node: JSON, template: JSON) -> JSON:
        duration = (template.get("suspend") or {}).get("duration")
        if self._stop or self.late:
            self.close(node, FAILED, self._stop_message())
        elif duration is not None and self._expired(node["id"], _seconds(str(duration))):
            self.close(node, SUCCEEDED)
        return node

    def _retry(self, place: Place, call: Call) -> JSON:
        strategy = call.template["retryStrategy"] or {}
        retried = _RETRIED.get(str(strategy.get("retryPolicy") or "OnFailure"), frozenset())
        last = None if strategy.get("limit") is None else int(strategy["limit"])
        node = self.node(place, "Retry", call.holder, call.inputs)
        inner = {key: value for key, value in call.template.items() if key != "retryStrategy"}
        attempt = 0
        while True:
            name, display = f"{place.name}({attempt})", f"{place.display}({attempt})"
            child = self.nodes.get(self.id_of(name))
            if child is None or not n.is_fulfilled(child):
                scoped = substitute(inner, {"retries": str(attempt)})
                once = Call(scoped, call.holder, call.inputs)
                child = self._kind(Place(name, display, place.boundary), once, {"retried": True})
            if child["id"] in self.nodes:
                graph.add_child(node, child)
            again = child["phase"] in retried and not self._stop and not self.late
            if not again or attempt == last:
                break
            attempt += 1
        if self.was_refused(child) and place.name == self._name:
            node["phase"], node["message"] = ERROR, OPERATION_ERROR
        elif n.is_fulfilled(child):
            used_up = child["phase"] in retried and attempt == last
            message = "No more retries left" if used_up else child.get("message", "")
            if self._stop and child["phase"] in BAD:
                message = STOPPED.format(self._stop)
            if child.get("outputs"):
                node["outputs"] = dict(child["outputs"])
            self.close(node, child["phase"], message)
        return node

    # -- time ------------------------------------------------------------------------------------

    def _past_deadline(self) -> bool:
        seconds = self._view.spec.get("activeDeadlineSeconds")
        return seconds is not None and self._expired("", float(seconds))

    def _expired(self, id_: str, seconds: float) -> bool:
        """Whether a node (or, as "", the workflow) was first seen this many seconds ago."""
        since = self._view.first_seen.setdefault(id_, self._view.elapsed)
        left = since + seconds - self._view.elapsed
        if left > 0:
            self.look_again.append(left)
        return left <= 0


def _seconds(duration: str) -> float:
    """`30`, `30s`, `5m`, `1h`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if duration and duration[-1] in units:
        return float(duration[:-1]) * units[duration[-1]]
    return float(duration)
