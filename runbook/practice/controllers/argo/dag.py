"""A DAG template: each task when what it depends on is done. Pure.

With `failFast` (the default) a failure starts nothing new; the DAG ends when what runs has ended.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.expressions import evaluate
from runbook.practice.controllers.argo.names import (
    BAD,
    ERROR,
    FAILED,
    OMITTED,
    SKIPPED,
    SUCCEEDED,
)
from runbook.practice.controllers.argo.nodes import Place, is_fulfilled
from runbook.practice.controllers.argo.validation import dependencies
from runbook.practice.controllers.argo.walker import Walker, continues, outputs_of

Tasks = Mapping[str, JSON]


def walk_dag(walker: Walker, place: Place, node: JSON, template: JSON) -> JSON:
    """Bring the node of a DAG template up to date."""
    tasks = {str(task["name"]): task for task in template["dag"].get("tasks") or []}
    fail_fast = template["dag"].get("failFast", True)
    seen: dict[str, JSON] = {}  # by task name, every task that has a node
    held = False
    for task_name in _in_order(tasks):
        task = tasks[task_name]
        here = Place(f"{place.name}.{task_name}", task_name, node["id"])
        begun = walker.id_of(here.name) in walker.nodes
        if not begun:
            needed = [seen.get(other) for other in dependencies(task)]
            if any(other is None or not is_fulfilled(other) for other in needed):
                held = True
                continue
            if not _may_start(task, seen):
                seen[task_name] = _omit(walker, here, task)
                continue
            if fail_fast and _failed(tasks, seen):
                continue
        outputs: dict[str, str] = {}
        for other, child in seen.items():
            outputs |= outputs_of(f"tasks.{other}", child)
        child = walker.child(here, task, outputs)
        _word_creation_error(walker, child)
        seen[task_name] = child
    _link(walker, node, tasks, seen)
    if all(is_fulfilled(child) for child in seen.values()):
        bad = _failed(tasks, seen)
        if bad:
            walker.close(node, ERROR if ERROR in bad else FAILED)
        elif not held:
            walker.close(node, SUCCEEDED)
    return node


def _failed(tasks: Tasks, seen: Mapping[str, JSON]) -> list[str]:
    """The bad ends that count."""
    return [
        child["phase"]
        for name, child in seen.items()
        if child["phase"] in BAD and not continues(tasks[name], child["phase"])
    ]


def _may_start(task: JSON, seen: Mapping[str, JSON]) -> bool:
    """Whether its dependencies, all fulfilled by now, ended as the task wants them to."""
    if task.get("depends"):
        return evaluate(str(task["depends"]), lambda word: _state(word, seen))
    return all(_state(name, seen) for name in dependencies(task))


def _state(word: str, seen: Mapping[str, JSON]) -> bool:
    """`A` (succeeded or skipped), or `A.Failed` and the like."""
    name, _, state = word.partition(".")
    phase = seen[name]["phase"] if name in seen else ""
    if not state:
        return phase in {SUCCEEDED, SKIPPED}
    return bool(phase == (ERROR if state == "Errored" else state))


def _omit(walker: Walker, place: Place, task: JSON) -> JSON:
    node = walker.node(place, "Skipped", str(task.get("template", "")))
    walker.close(node, OMITTED, "omitted: depends condition not met")
    return node


def _word_creation_error(walker: Walker, child: JSON) -> None:
    message = str(child.get("message", ""))
    never_made = child["type"] == "Pod" and not walker.was_made(child["id"])
    if child["phase"] == ERROR and never_made and not message.startswith("task '"):
        child["message"] = f"task '{child['name']}' errored: {message}"


def _link(walker: Walker, node: JSON, tasks: Tasks, seen: Mapping[str, JSON]) -> None:
    """Tasks without dependencies are the DAG's children, the others those of what they wait for."""
    first = [child for name, child in seen.items() if not dependencies(tasks[name])]
    walker.keep_children(node, first)
    for name, child in seen.items():
        followers = [seen[k] for k in seen if name in dependencies(tasks[k])]
        walker.keep_children(child, followers)


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
