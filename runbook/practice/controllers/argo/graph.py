"""How nodes hang together: children, what a node leads on from, and progress summed up. Pure.

A group or a DAG stands for its last nodes: whatever comes after it is a child of those.
"""

from __future__ import annotations

from collections.abc import Mapping

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import OMITTED, SKIPPED, SUCCEEDED

Nodes = Mapping[str, JSON]
EXECUTABLE = frozenset({"Pod", "Suspend"})
_ALONE = frozenset({"Pod", "Skipped", "Suspend"})


def add_child(parent: JSON, child: JSON) -> None:
    children = parent.setdefault("children", [])
    if child["id"] not in children:
        children.append(child["id"])


def outbound(nodes: Nodes, id_: str) -> list[str]:
    """Ids of the nodes that what comes after this one is a child of."""
    node = nodes[id_]
    if node["type"] in _ALONE:
        return [id_]
    if node["type"] == "Retry" and node.get("children"):
        return [node["children"][-1]]
    found: list[str] = []
    for other in node.get("outboundNodes") or []:
        found += [other] if other == id_ else outbound(nodes, other)
    return found


def set_outbound(nodes: Nodes, node: JSON, last: list[str]) -> None:
    """The last nodes of a group or a DAG that has ended."""
    found = [other for id_ in last for other in outbound(nodes, id_)]
    if found:
        node["outboundNodes"] = found


def count_progress(nodes: Nodes) -> str:
    """Writes done/total into every node; answers that of the workflow."""
    done = total = 0
    for node in nodes.values():
        if node["type"] in EXECUTABLE:
            if node["phase"] in {SUCCEEDED, SKIPPED, OMITTED}:
                node["progress"] = "1/1"
            done, total = done + (node["progress"] == "1/1"), total + 1
    for node in nodes.values():
        if node["type"] not in EXECUTABLE:
            below = _below(nodes, node, set())
            executed = [other for other in below if other["type"] in EXECUTABLE]
            if executed:
                ended = sum(other["progress"] == "1/1" for other in executed)
                node["progress"] = f"{ended}/{len(executed)}"
    return f"{done}/{total}"


def _below(nodes: Nodes, node: JSON, visited: set[str]) -> list[JSON]:
    """Every node that is reached by children, once."""
    found: list[JSON] = []
    for id_ in node.get("children") or []:
        if id_ in nodes and id_ not in visited:
            visited.add(id_)
            found += [nodes[id_], *_below(nodes, nodes[id_], visited)]
    return found
