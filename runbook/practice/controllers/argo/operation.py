"""One look at a workflow: from its spec, the nodes so far and the pods there are to the nodes now. Pure.

Templates are walked from the entrypoint down; a node that is fulfilled is never touched again. Pods
are not made here: what is missing is listed in `wanted`, and whoever makes them reports a refusal
with `refuse` and asks for another walk, so that the parents hear of it.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo import nodes as n
from runbook.practice.controllers.argo.dag import walk_dag
from runbook.practice.controllers.argo.expressions import BadExpression, evaluate
from runbook.practice.controllers.argo.names import (
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
DEADLINE = "Step exceeded its deadline"
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
        self.nodes: dict[str, JSON] = copy.deepcopy(
            (view.workflow.get("status") or {}).get("nodes") or {}
        )
        self.wanted: list[WantedPod] = []
        self.look_again: list[float] = []  # seconds until something falls due by the clock
        self._stop = str(view.workflow["spec"].get("shutdown") or "")
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
        self._stop, self.late = "", False
        self._scope["workflow.status"] = outcome
        name = f"{self._name}.onExit"
        return self._run(Place(name, name), {"template": handler}, self._arguments)

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

    def was_made(self, id_: str) -> bool:
        """Whether a pod was made for this node at some time."""
        return id_ in self._view.made

    def close(self, node: JSON, phase: str, message: str = "") -> None:
        n.finish(node, phase, self._view.now, message)

    def node(
        self, place: Place, type_: str, template: str, inputs: Mapping[str, str] | None = None
    ) -> JSON:
        """The node of this place, made on first sight."""
        id_ = self.id_of(place.name)
        if id_ not in self.nodes:
            node = n.new_node(self._name, place, type_, template, self._view.now)
            node["templateScope"] = f"local/{self._name}"
            if inputs:
                listed = [{"name": key, "value": value} for key, value in inputs.items()]
                node["inputs"] = {"parameters": listed}
            self.nodes[id_] = node
        return self.nodes[id_]

    def child(self, place: Place, child: JSON, outputs: Mapping[str, str]) -> JSON:
        """A step or a task: its condition, its arguments, then its template."""
        resolved: JSON = substitute(child, {**self._scope, **outputs})
        condition = resolved.get("when")
        if condition is not None and self.id_of(place.name) not in self.nodes:
            try:
                proceeds = evaluate(str(condition))
            except BadExpression as fault:
                return self._closed(place, child, ERROR, str(fault))
            if not proceeds:
                return self._closed(place, child, SKIPPED, f"when '{condition}' evaluated false")
        return self._run(place, resolved, values(resolved.get("arguments")))

    def keep_children(self, node: JSON, children: list[JSON]) -> None:
        kept = [child["id"] for child in children if child["id"] in self.nodes]
        if kept:
            node["children"] = kept

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
        if resolved.get("retryStrategy") is not None:
            return self._retry(place, resolved, inputs)
        return self._kind(place, resolved, inputs)

    def _kind(self, place: Place, template: JSON, inputs: Mapping[str, str]) -> JSON:
        name = str(template["name"])
        if "steps" in template:
            return walk_steps(self, place, self.node(place, "Steps", name, inputs), template)
        if "dag" in template:
            return walk_dag(self, place, self.node(place, "DAG", name, inputs), template)
        if "suspend" in template:
            return self._suspend(self.node(place, "Suspend", name, inputs), template)
        return self._pod(place, template, inputs)

    def _closed(self, place: Place, holder: JSON, phase: str, message: str) -> JSON:
        node = self.node(place, "Skipped", str(holder.get("template", "")))
        self.close(node, phase, message)
        return node

    # -- pods ----------------------------------------------------------------------------------

    def _pod(self, place: Place, template: JSON, inputs: Mapping[str, str]) -> JSON:
        id_ = self.id_of(place.name)
        pod = self._view.pods.get(id_)
        if pod is None and not self.was_made(id_) and self._held_back():
            return self._placeholder(place, template)
        node = self.node(place, "Pod", str(template["name"]), inputs)
        if pod is not None:
            n.follow_pod(node, pod, self._view.now)
            if id_ in self._view.results:
                outputs = {**(node.get("outputs") or {}), "result": self._view.results[id_]}
                node["outputs"] = outputs
            if not n.is_fulfilled(node):
                self._enforce(node, template)
        elif self.was_made(id_):
            self.close(node, ERROR, "pod deleted")
        elif self._stop or self.late:
            self.close(node, FAILED, self._stop_message())
        else:
            node["phase"] = PENDING
            self.wanted.append(WantedPod(id_, place.name, template, inputs))
        return node

    def _held_back(self) -> bool:
        """No new pod while the workflow is suspended or as parallel as it may be."""
        if self._stop or self.late:
            return False
        if self._view.workflow["spec"].get("suspend"):
            return True
        limit = int(self._view.spec.get("parallelism") or 0)
        pods = (node for node in self.nodes.values() if node["type"] == "Pod")
        return limit > 0 and sum(not n.is_fulfilled(node) for node in pods) >= limit

    def _placeholder(self, place: Place, template: JSON) -> JSON:
        """Stands for a node that is not begun yet, and is not kept."""
        node = n.new_node(self._name, place, "Pod", str(template["name"]), self._view.now)
        node["phase"] = PENDING
        return node

    def _enforce(self, node: JSON, template: JSON) -> None:
        """Shutdown and deadlines end what still runs; its pod is removed by the caller."""
        seconds = template.get("activeDeadlineSeconds")
        if self._stop or self.late:
            self.close(node, FAILED, self._stop_message())
        elif seconds is not None and self._expired(node["id"], float(seconds)):
            self.close(node, FAILED, DEADLINE)

    def _stop_message(self) -> str:
        return STOPPED.format(self._stop) if self._stop else DEADLINE

    # -- suspend and retry ---------------------------------------------------------------------

    def _suspend(self, node: JSON, template: JSON) -> JSON:
        node.pop("progress", None)
        duration = (template.get("suspend") or {}).get("duration")
        if self._stop or self.late:
            self.close(node, FAILED, self._stop_message())
        elif duration is not None and self._expired(node["id"], _seconds(str(duration))):
            self.close(node, SUCCEEDED)
        return node

    def _retry(self, place: Place, template: JSON, inputs: Mapping[str, str]) -> JSON:
        strategy = template["retryStrategy"] or {}
        retried = _RETRIED.get(str(strategy.get("retryPolicy") or "OnFailure"), frozenset())
        last = None if strategy.get("limit") is None else int(strategy["limit"])
        node = self.node(place, "Retry", str(template["name"]), inputs)
        inner = {key: value for key, value in template.items() if key != "retryStrategy"}
        attempt, children = 0, []
        while True:
            name, display = f"{place.name}({attempt})", f"{place.display}({attempt})"
            scoped = substitute(inner, {"retries": str(attempt)})
            child = self._kind(Place(name, display, place.boundary), scoped, inputs)
            children.append(child)
            again = child["phase"] in retried and not self._stop and not self.late
            if not again or attempt == last:
                break
            attempt += 1
        self.keep_children(node, children)
        if n.is_fulfilled(child):
            used_up = child["phase"] in retried and attempt == last
            message = "No more retries left" if used_up else child.get("message", "")
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


def progress(nodes: Mapping[str, JSON]) -> str:
    """done/total over the pods."""
    pods = [node for node in nodes.values() if node["type"] == "Pod"]
    done = sum(node["phase"] == SUCCEEDED for node in pods)
    return f"{done}/{len(pods)}"


def _seconds(duration: str) -> float:
    """`30`, `30s`, `5m`, `1h`."""
    units = {"s": 1, "m": 60, "h": 3600, "d": 86400}
    if duration and duration[-1] in units:
        return float(duration[:-1]) * units[duration[-1]]
    return float(duration)
