"""A steps template: groups one after the other, the steps of a group at once. Pure."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo import graph
from runbook.practice.controllers.argo.expressions import BadExpression
from runbook.practice.controllers.argo.names import BAD, ERROR, FAILED, SUCCEEDED
from runbook.practice.controllers.argo.nodes import Place, is_fulfilled
from runbook.practice.controllers.argo.walker import Walker, continues, outputs_of

NO_FLAGS: JSON = {}


def walk_steps(walker: Walker, place: Place, node: JSON, template: JSON) -> JSON:
    """Bring the node of a steps template up to date."""
    outputs: dict[str, str] = {}
    before: JSON | None = None
    for index, listed in enumerate(template["steps"]):
        steps = listed if isinstance(listed, list) else [listed]
        at = Place(f"{place.name}[{index}]", f"[{index}]", node["id"])
        group = walker.node(at, "StepGroup", flag=NO_FLAGS)
        _link(walker, node, before, group)
        if not is_fulfilled(group):
            _walk_group(walker, at, group, steps, outputs)
        if not is_fulfilled(group):
            return node
        if group["phase"] in BAD:
            graph.set_outbound(walker.nodes, node, group.get("children") or [])
            walker.close(node, FAILED, group.get("message", ""))
            return node
        for step in steps:
            child = walker.nodes[walker.id_of(f"{at.name}.{step['name']}")]
            outputs |= outputs_of(f"steps.{step['name']}", child)
        before = group
    if before is not None:
        graph.set_outbound(walker.nodes, node, before.get("children") or [])
    walker.close(node, SUCCEEDED)
    return node


def _link(walker: Walker, node: JSON, before: JSON | None, group: JSON) -> None:
    """A group hangs below the last nodes of the group before it, the first one below its parent."""
    if before is None:
        graph.add_child(node, group)
        return
    for id_ in before.get("children") or []:
        for last in graph.outbound(walker.nodes, id_):
            graph.add_child(walker.nodes[last], group)


def _walk_group(
    walker: Walker, place: Place, group: JSON, steps: list[JSON], outputs: dict[str, str]
) -> None:
    try:
        for step in steps:
            walker.proceeds(step, outputs)
    except BadExpression as fault:
        walker.close(group, ERROR, str(fault))
        return
    children: list[JSON] = []
    for step in steps:
        at = Place(f"{place.name}.{step['name']}", str(step["name"]), place.boundary)
        child = walker.child(at, step, outputs)
        children.append(child)
        if child["id"] in walker.nodes:
            graph.add_child(group, child)
    _close_group(walker, group, steps, children)


def _close_group(walker: Walker, group: JSON, steps: list[JSON], children: list[JSON]) -> None:
    for child in children:
        if child["phase"] == ERROR and walker.was_refused(child):
            message = (
                f"step group deemed errored due to child {child['name']} error:"
                f" {child.get('message', '')}"
            )
            walker.close(group, ERROR, message)
            return
    if not all(is_fulfilled(child) for child in children):
        return
    for step, child in zip(steps, children, strict=True):
        if child["phase"] in BAD and not continues(step, child["phase"]):
            walker.close(group, FAILED, f"child '{child['id']}' failed")
            return
    walker.close(group, SUCCEEDED)
