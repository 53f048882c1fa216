"""A DAG template: each task when what it depends on is done, and what became of all of them. Pure.

A failed task stops nothing but what depends on it. The DAG ends when nothing is left that could
still run; with `failFast` (the default) that may be before every task was looked at.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo import graph
from runbook.practice.controllers.argo.expressions import BadExpression, evaluate, expanded
from runbook.practice.controllers.argo.names import (
    BAD,
    ERROR,
    FAILED,
    OMITTED,
    RUNNING,
    SUCCEEDED,
)
from runbook.practice.controllers.argo.nodes import Place, is_fulfilled
from runbook.practice.controllers.argo.validation import dependencies
from runbook.practice.controllers.argo.walker import Walker, continues, outputs_of

Tasks = Mapping[str, JSON]
_COMPLETED = frozenset({SUCCEEDED, FAILED, ERROR})


def walk_dag(walker: Walker, place: Place, node: JSON, template: JSON) -> JSON:
    """Bring the node of a DAG template up to date."""
    tasks = {str(task["name"]): task for task in template["dag"].get("tasks") or []}
    seen: dict[str, JSON] = {}  # by task name, every task that has a node
    for name in _in_order(tasks):
        child = _walk_task(walker, Place(f"{place.name}.{name}", name, node["id"]), tasks, seen)
        if child is not None and child["id"] in walker.nodes:
            seen[name] = child
            _link(walker, node, dependencies(tasks[name]), seen, child)
    targets = _targets(tasks)
    phase = FAILED
    if not walker.stopped:
        ids = {name: walker.id_of(f"{place.name}.{name}") for name in targets}
        fail_fast = template["dag"].get("failFast", True)
        phase = _assess(walker.nodes, node, tasks, ids, fail_fast=fail_fast)
    if phase != RUNNING:
        graph.set_outbound(walker.nodes, node, [seen[t]["id"] for t in targets if t in seen])
        walker.close(node, phase)
    return node


def _walk_task(walker: Walker, place: Place, tasks: Tasks, seen: Mapping[str, JSON]) -> JSON | None:
    """The task's node, or None while it has to wait."""
    task = tasks[place.display]
    if walker.id_of(place.name) not in walker.nodes:
        needed = [seen.get(other) for other in dependencies(task)]
        if any(other is None or not is_fulfilled(other) for other in needed):
            return None
        logic = _logic(task, tasks)
        try:
            if logic and not evaluate(logic, lambda word: _state(word, seen)):
                return _closed(walker, place, task, OMITTED, "omitted: depends condition not met")
        except BadExpression as fault:
            message = f"unable to evaluate expression '{logic}': {fault}"
            return _closed(walker, place, task, ERROR, message)
    outputs: dict[str, str] = {}
    for other, node in seen.items():
        outputs |= outputs_of(f"tasks.{other}", node)
    child = walker.child(place, task, outputs)
    message = str(child.get("message", ""))
    if walker.was_refused(child) and not message.startswith("task '"):
        child["message"] = f"task '{child['name']}' errored: {message}"
    return child


def _closed(walker: Walker, place: Place, task: JSON, phase: str, message: str) -> JSON:
    node = walker.node(place, "Skipped", task, flag={})
    walker.close(node, phase, message)
    return node


def _logic(task: JSON, tasks: Tasks) -> str:
    """`depends`, with every bare name spelt out: A is (A.Succeeded || A.Skipped || A.Daemoned)."""
    depends = task.get("depends") or " && ".join(dependencies(task))
    return expanded(str(depends), lambda name: _accepted(name, tasks[name]))


def _accepted(name: str, task: JSON) -> str:
    states = ["Succeeded", "Skipped", "Daemoned"]
    states += [s for s, p in (("Errored", ERROR), ("Failed", FAILED)) if continues(task, p)]
    return f"({' || '.join(f'{name}.{state}' for state in states)})"


def _state(word: str, seen: Mapping[str, JSON]) -> bool:
    """`A.Failed` and the like."""
    name, _, state = word.partition(".")
    phase = seen[name]["phase"] if name in seen else ""
    return bool(phase == (ERROR if state == "Errored" else state))


def _link(
    walker: Walker, node: JSON, needed: Sequence[str], seen: Mapping[str, JSON], child: JSON
) -> None:
    """A task hangs below the last nodes of what it depends on, or below the DAG itself."""
    if not needed:
        graph.add_child(node, child)
    for name in needed:
        for last in graph.outbound(walker.nodes, seen[name]["id"]):
            graph.add_child(walker.nodes[last], child)


def _assess(
    nodes: graph.Nodes, dag: JSON, tasks: Tasks, targets: Mapping[str, str], *, fail_fast: bool
) -> str:
    """The DAG's phase. A task that was left out ends as what kept it from running."""
    phases = dict.fromkeys(targets.values(), "")
    queue = deque((id_, SUCCEEDED) for id_ in dag.get("children") or [])
    met = set(queue)
    while queue:
        id_, branch = queue.popleft()
        node = nodes.get(id_)
        if node is None or not is_fulfilled(node):
            return RUNNING
        branch = node["phase"] if node["phase"] in _COMPLETED else branch
        if id_ in phases and phases[id_] not in BAD:
            phases[id_] = branch
        for pair in ((child, branch) for child in _following(nodes, node)):
            if pair not in met:
                met.add(pair)
                queue.append(pair)
    result = SUCCEEDED
    for name, id_ in targets.items():
        phase = phases[id_]
        if not phase:
            result = RUNNING
            if not fail_fast:
                break
        elif phase in BAD and not continues(tasks[name], phase):
            result = phase
            if fail_fast:
                break
    return result


def _following(nodes: graph.Nodes, node: JSON) -> list[str]:
    """A retry stands for its last attempt."""
    children: list[str] = node.get("children") or []
    if node["type"] != "Retry":
        return children
    return [id_ for child in children for id_ in nodes[child].get("children") or []]


def _targets(tasks: Tasks) -> list[str]:
    """The tasks that nothing depends on."""
    needed = {name for task in tasks.values() for name in dependencies(task)}
    return sorted(set(tasks) - needed)


def _in_order(tasks: Tasks) -> list[str]:
    """Task names, each after what it depends on."""
    ordered: list[str] = []

    def visit(name: str) -> None:
        if name in ordered or name not in tasks:
            return
        for needed in dependencies(tasks[name]):
            visit(needed)
        ordered.append(name)

    for name in tasks:
        visit(name)
    return ordered
