"""A workflow object as the controller writes it: phase, labels, conditions, nodes, progress. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import (
    COMPLETED_LABEL,
    PHASE_LABEL,
    POD_NAME_FORMAT,
    RUNNING,
    TEMPLATE_LABEL,
)
from runbook.practice.controllers.argo.operation import progress

_CONDITIONS = ("PodRunning", "Completed")


def started(workflow: JSON, spec: JSON | None, now: str) -> JSON:
    """A copy that has begun; `spec` is kept when it came from a WorkflowTemplate."""
    changed = copy.deepcopy(workflow)
    metadata = changed["metadata"]
    labels = metadata.setdefault("labels", {})
    labels |= {PHASE_LABEL: RUNNING, COMPLETED_LABEL: "false"}
    metadata.setdefault("annotations", {})[POD_NAME_FORMAT] = "v2"
    status = changed.setdefault("status", {})
    reference = workflow["spec"].get("workflowTemplateRef")
    if reference:
        labels.setdefault(TEMPLATE_LABEL, reference.get("name", ""))
        if spec is not None:
            status["storedWorkflowTemplateSpec"] = spec
    status |= {"phase": RUNNING, "progress": "0/0"}
    status.setdefault("startedAt", now)
    status["conditions"] = [{"type": "PodRunning", "status": "False"}]
    return changed


def with_outcome(workflow: JSON, nodes: Mapping[str, JSON]) -> JSON:
    """A copy with the nodes as they are now, and what follows from them."""
    changed = copy.deepcopy(workflow)
    status = changed["status"]
    status["nodes"] = {id_: _without_nulls(node) for id_, node in nodes.items()}
    status["progress"] = progress(nodes)
    running = any(n["type"] == "Pod" and n["phase"] == RUNNING for n in nodes.values())
    _put(status, "PodRunning", holds=running)
    return changed


def completed(workflow: JSON, phase: str, message: str, now: str) -> JSON:
    """A copy that has ended."""
    changed = copy.deepcopy(workflow)
    changed["metadata"].setdefault("labels", {}).update(
        {PHASE_LABEL: phase, COMPLETED_LABEL: "true"}
    )
    status = changed["status"]
    status |= {"phase": phase, "finishedAt": now}
    if message:
        status["message"] = message
    _put(status, "PodRunning", holds=False)
    _put(status, "Completed", holds=True)
    return changed


def _put(status: JSON, type_: str, *, holds: bool) -> None:
    kept = {c["type"]: c for c in status.get("conditions") or []}
    kept[type_] = {"type": type_, "status": "True" if holds else "False"}
    status["conditions"] = [kept[name] for name in _CONDITIONS if name in kept]


def _without_nulls(node: JSON) -> JSON:
    return {key: value for key, value in node.items() if value is not None}
