"""A steps template: groups one after the other, the steps of a group at once. Pure."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import BAD, ERROR, FAILED, SUCCEEDED
from runbook.practice.controllers.argo.nodes import Place, is_fulfilled
from runbook.practice.controllers.argo.walker import Walker, continues, outputs_of


def walk_steps(walker: Walker, place: Place, node: JSON, template: JSON) -> JSON:
    """Bring the node of a steps template up to date."""
    outputs: dict[str, str] = {}
    last: JSON | None = None
    for index, group in enumerate(template["steps"]):
        steps = group if isinstance(group, list) else [group]
        group_name = f"{place.name}[{index}]"
        group_node = walker.node(
            Place(group_name, f"[{index}]", node["id"]), "StepGroup", str(template["name"])
        )
        walker.keep_children(node if last is None else last, [group_node])
        children = [
            walker.child(
                Place(f"{group_name}.{step['name']}", str(step["name"]), node["id"]), step, outputs
            )
            for step in steps
        ]
        walker.keep_children(group_node, children)
        if not is_fulfilled(group_node):
            _close_group(walker, group_node, steps, children)
        if not is_fulfilled(group_node):
            return node
        if group_node["phase"] in BAD:
            message = f"child '{group_node['id']}' failed"
            if group_node["phase"] == ERROR:
                message = group_node.get("message", "")
            walker.close(node, group_node["phase"], message)
            return node
        for step, child in zip(steps, children, strict=True):
            outputs |= outputs_of(f"steps.{step['name']}", child)
        last = children[-1]
    walker.close(node, SUCCEEDED)
    return node


def _close_group(walker: Walker, group: JSON, steps: list[JSON], children: list[JSON]) -> None:
    if not all(is_fulfilled(child) for child in children):
        return
    for step, child in zip(steps, children, strict=True):
        if child["phase"] not in BAD or continues(step, child["phase"]):
            continue
        if child["phase"] == ERROR and not walker.was_made(child["id"]):
            message = (
                f"step group deemed errored due to child {child['name']} error:"
                f" {child.get('message', '')}"
            )
            walker.close(group, ERROR, message)
        else:
            walker.close(group, FAILED, f"child '{child['id']}' failed")
        return
    walker.close(group, SUCCEEDED)
