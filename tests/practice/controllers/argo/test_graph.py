from __future__ import annotations

from typing import Any

from runbook.practice.controllers.argo.graph import (
    add_child,
    count_progress,
    outbound,
    set_outbound,
)


def node(id_: str, type_: str = "Pod", phase: str = "Succeeded", **fields: Any) -> dict[str, Any]:
    progress = {"progress": "0/1"} if type_ in {"Pod", "Suspend"} else {}
    return {"id": id_, "type": type_, "phase": phase, **progress, **fields}


def graph(*nodes: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {each["id"]: each for each in nodes}


def test_a_child_is_kept_once_and_in_order() -> None:
    parent = node("p", "DAG")
    for id_ in ("b", "a", "b"):
        add_child(parent, node(id_))
    assert parent["children"] == ["b", "a"]


def test_a_group_stands_for_its_last_nodes_and_a_retry_for_its_last_attempt() -> None:
    nodes = graph(
        node("again", "Retry", children=["again0", "again1"]),
        node("again0", phase="Failed"),
        node("again1"),
        node("inner", "Steps", outboundNodes=["again1"]),
        node("outer", "DAG"),
    )
    assert outbound(nodes, "again") == ["again1"]
    set_outbound(nodes, nodes["outer"], ["inner", "again0"])
    assert nodes["outer"]["outboundNodes"] == ["again1", "again0"]


def test_progress_counts_pods_and_pauses_below_a_node_once() -> None:
    nodes = graph(
        node("root", "DAG", "Running", children=["a", "b"]),
        node("a", children=["c"]),
        node("b", "Suspend", "Running", children=["c"]),
        node("c", phase="Failed"),
        node("skipped", "Skipped", "Skipped"),
    )
    assert count_progress(nodes) == "1/3"
    assert nodes["root"]["progress"] == "1/3"
    assert (nodes["a"]["progress"], nodes["c"]["progress"]) == ("1/1", "0/1")
    assert "progress" not in nodes["skipped"]
