"""A workflow object as the controller writes it: phase, labels, conditions, nodes, progress. Pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.graph import count_progress
from runbook.practice.controllers.argo.names import (
    COMPLETED_LABEL,
    PHASE_LABEL,
    POD_NAME_FORMAT,
    RUNNING,
)
from runbook.practice.controllers.argo.typed import typed

_CONDITIONS = ("PodRunning", "Completed")


def started(workflow: JSON, spec: JSON | None, now: str) -> JSON:
    """A copy that was looked at; `spec` is kept when it came from a WorkflowTemplate."""
    changed = copy.deepcopy(workflow)
    changed["spec"] = typed(workflow["spec"])
    changed["metadata"].setdefault("labels", {})[COMPLETED_LABEL] = "false"
    status = changed.setdefault("status", {})
    if spec is not None and workflow["spec"].get("workflowTemplateRef"):
        status["storedWorkflowTemplateSpec"] = typed(spec)
    status |= {"progress": "0/0", "finishedAt": None}
    status.setdefault("startedAt", now)
    return changed


def running(workflow: JSON) -> JSON:
    """A copy that was found valid, and runs."""
    changed = copy.deepcopy(workflow)
    changed["metadata"]["labels"][PHASE_LABEL] = RUNNING
    changed["metadata"].setdefault("annotations", {})[POD_NAME_FORMAT] = "v2"
    changed["status"] |= {
        "phase": RUNNING,
        "artifactGCStatus": {"notSpecified": True},
        "artifactRepositoryRef": {"artifactRepository": {}, "default": True},
    }
    return changed


def with_outcome(workflow: JSON, nodes: Mapping[str, JSON], *, first: bool = False) -> JSON:
    """A copy with the nodes as they are now, and what follows from them.

    The first look at a workflow finds no pods yet, and says nothing of them.
    """
    changed = copy.deepcopy(workflow)
    status = changed["status"]
    status["progress"] = count_progress(nodes)
    if nodes:
        status["nodes"] = copy.deepcopy(dict(nodes))
    if not first:
        pods = (node for node in nodes.values() if node["type"] == "Pod")
        _put(status, "PodRunning", holds=any(node["phase"] == RUNNING for node in pods))
    return changed


def is_news(workflow: JSON, live: JSON | None) -> bool:
    """Whether it has to be written; conditions alone are not worth it."""
    return live is None or _without_conditions(workflow) != _without_conditions(live)


def _without_conditions(workflow: JSON) -> JSON:
    status = {k: v for k, v in (workflow.get("status") or {}).items() if k != "conditions"}
    return {**workflow, "status": status}


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
    _put(status, "Completed", holds=True)
    return changed


def _put(status: JSON, type_: str, *, holds: bool) -> None:
    kept = {c["type"]: c for c in status.get("conditions") or []}
    kept[type_] = {"type": type_, "status": "True" if holds else "False"}
    status["conditions"] = [kept[name] for name in _CONDITIONS if name in kept]
