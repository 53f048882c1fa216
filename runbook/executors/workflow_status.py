"""What an Argo Workflow says of itself: its nodes, why it waits or failed, where its artifacts are.

Fields as Argo writes them: https://argo-workflows.readthedocs.io/en/latest/fields/#workflowstatus
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runbook.run.workflow_events import WorkflowNode

JSON = dict[str, Any]
GOOD, BAD = ("Succeeded",), ("Failed", "Error")
ENDED = (*GOOD, *BAD, "Skipped", "Omitted")
SHOWN_TYPES = ("Pod", "Suspend", "HTTP", "Plugin", "Skipped")
"""Nodes that do or wait for something; the others only hold them together."""
STORES = {"s3": "s3", "gcs": "gs", "oss": "oss", "azure": "azure"}
MAX_MESSAGE, MAX_LINKS = 500, 50
NO_CONTROLLER = (
    "{name} was never picked up: is the workflow controller running, does it watch namespace"
    " {namespace}, and has it no instance id, or that of the template's label?"
    " The Workflow was told to end, so that it does not start later"
)


def nodes_of(status: JSON) -> dict[str, WorkflowNode]:
    """By id, in the order in which they started."""
    nodes = [n for n in (status.get("nodes") or {}).values() if n.get("type") in SHOWN_TYPES]
    nodes.sort(key=lambda n: (str(n.get("startedAt") or "~"), str(n.get("id"))))
    return {
        str(n.get("id")): WorkflowNode(
            name=str(n.get("displayName") or n.get("name") or ""),
            phase=str(n.get("phase") or ""),
            message=str(n.get("message") or "")[:MAX_MESSAGE],
        )
        for n in nodes
    }


def why(status: JSON) -> str:
    """The messages of the nodes that failed, which say more than the workflow's own."""
    nodes = (status.get("nodes") or {}).values()
    failed = [n for n in nodes if n.get("phase") in BAD and n.get("type") == "Pod"]
    told = "; ".join(f"{n.get('displayName')}: {n.get('message', '')}" for n in failed)
    return told or str(status.get("message") or "")


def waits_for(status: JSON) -> str:
    """What it has not got beyond: nodes that are not done, with what keeps them."""
    going = [n for n in nodes_of(status).values() if n.phase not in ENDED]
    told = "; ".join(_told(n) for n in going)
    return told or str(status.get("message") or status.get("phase") or "no status")


def _told(node: WorkflowNode) -> str:
    return f"{node.name} {node.phase}" + (f": {node.message}" if node.message else "")


def links(workflow: JSON, ui: str) -> dict[str, str]:
    """The page of the Workflow, when there is a UI, and the address of every artifact it has kept."""
    metadata, status = workflow["metadata"], workflow.get("status") or {}
    found: dict[str, str] = {}
    if ui:
        page = f"workflows/{metadata['namespace']}/{metadata['name']}"
        found["ui"] = f"{ui.rstrip('/')}/{page}"
    for node, artifact in _artifacts(status):
        address = _address(artifact, status)
        if address and len(found) < MAX_LINKS:
            found[_key(f"artifact-{node}-{artifact.get('name')}")] = address
    return found


def parameters(workflow: JSON) -> dict[str, str]:
    """The output parameters of its entrypoint, by name."""
    nodes = (workflow.get("status") or {}).get("nodes") or {}
    root = nodes.get(workflow["metadata"]["name"]) or {}
    given = (root.get("outputs") or {}).get("parameters") or []
    return {_key(str(p.get("name"))): str(p["value"]) for p in given if "value" in p}


def pod_gc(workflow: JSON) -> str:
    """The strategy by which its pods are removed; empty without one."""
    stored = (workflow.get("status") or {}).get("storedWorkflowTemplateSpec") or {}
    for spec in (workflow.get("spec") or {}, stored):
        if strategy := (spec.get("podGC") or {}).get("strategy"):
            return str(strategy)
    return ""


def _artifacts(status: JSON) -> Iterator[tuple[str, JSON]]:
    for node in (status.get("nodes") or {}).values():
        if node.get("type") in SHOWN_TYPES:
            for artifact in (node.get("outputs") or {}).get("artifacts") or []:
                yield str(node.get("displayName") or node.get("name")), artifact


def _address(artifact: JSON, status: JSON) -> str:
    """An artifact says its key, and its bucket only when that is not the repository's."""
    if url := (artifact.get("http") or {}).get("url"):
        return str(url)
    reference = status.get("artifactRepositoryRef") or {}
    repository = reference.get("artifactRepository") or {}
    for store, scheme in STORES.items():
        place: Mapping[str, Any] = artifact.get(store) or {}
        if key := place.get("key") or place.get("blob"):
            default = repository.get(store) or {}
            kept = ("bucket", "container")
            bucket = next((p[k] for p in (place, default) for k in kept if p.get(k)), "")
            return f"{scheme}://{bucket}/{key}" if bucket else str(key)
    return ""


def _key(text: str) -> str:
    """As a name that an expression can use."""
    return re.sub(r"[^\w-]+", "-", text)
