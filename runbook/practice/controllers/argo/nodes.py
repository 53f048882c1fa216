"""Nodes of a workflow's status: their ids, their names, what a pod's state means for one. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.names import (
    ERROR,
    FAILED,
    FULFILLED,
    INIT,
    MAIN,
    PENDING,
    RUNNING,
    SUCCEEDED,
    WAIT,
)
from runbook.practice.controllers.objects import condition_of, dig

_QUIET = frozenset({"PodInitializing", "ContainerCreating"})
_LONGEST_PREFIX = 63 - 11  # room for the dash and the hash


def fnv32a(text: str) -> int:
    value = 0x811C9DC5
    for byte in text.encode():
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def node_id(workflow: str, name: str) -> str:
    """The root node is named like the workflow; others carry a hash of their full name."""
    return workflow if name == workflow else f"{workflow}-{fnv32a(name)}"


def pod_name(workflow: str, name: str, template: str) -> str:
    """Format v2: with the template's name, except where the entrypoint itself is the pod."""
    if name == workflow:
        return workflow
    prefix = re.sub(r"[^a-z0-9.-]", "-", f"{workflow}-{template}".lower())[:_LONGEST_PREFIX]
    return f"{prefix}-{fnv32a(name)}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a node is: its full name, what is shown of it, and the node it belongs to."""

    name: str
    display: str
    boundary: str = ""


def new_node(workflow: str, place: Place, type_: str, template: str, now: str) -> JSON:
    node: JSON = {
        "id": node_id(workflow, place.name),
        "name": place.name,
        "displayName": place.display,
        "type": type_,
        "templateName": template,
        "phase": RUNNING,
        "startedAt": now,
        "finishedAt": None,
        "progress": "0/1",
    }
    if place.boundary:
        node["boundaryID"] = place.boundary
    return node


def is_fulfilled(node: JSON) -> bool:
    return node["phase"] in FULFILLED


def finish(node: JSON, phase: str, now: str, message: str = "") -> None:
    """Close a node (which must not be closed yet)."""
    node["phase"], node["finishedAt"] = phase, now
    if message:
        node["message"] = message
    else:
        node.pop("message", None)


def follow_pod(node: JSON, pod: JSON, now: str) -> None:
    """Bring a pod's node in line with its pod."""
    phase = dig(pod, "status", "phase", default=PENDING)
    host = dig(pod, "spec", "nodeName")
    if host:
        node["hostNodeName"] = host
    if phase == SUCCEEDED:
        node["progress"] = "1/1"
        node["outputs"] = {**(node.get("outputs") or {}), "exitCode": "0"}
        finish(node, SUCCEEDED, now)
    elif phase == FAILED:
        bad, message, code = _failure(pod)
        node["outputs"] = {**(node.get("outputs") or {}), "exitCode": str(code)}
        finish(node, bad, now, message)
    else:
        message = _pending_message(pod)
        node["phase"] = RUNNING if phase == RUNNING and not message else PENDING
        if message:
            node["message"] = message
        else:
            node.pop("message", None)


def _failure(pod: JSON) -> tuple[str, str, int]:
    """(phase, message, exit code): the executor's own trouble is an Error, the user's is Failed."""
    told = dig(pod, "status", "message", default="")
    for container, phase in ((INIT, ERROR), (MAIN, FAILED), (WAIT, ERROR)):
        ended = _terminated(pod, container)
        if ended is None or not ended.get("exitCode"):
            continue
        code = int(ended["exitCode"])
        message = f"{ended.get('reason') or 'Error'} (exit code {code})"
        detail = ended.get("message") or told
        return phase, f"{message}: {detail}" if detail else message, code
    reason = dig(pod, "status", "reason", default="")
    text = f"Pod failed before {MAIN} container starts due to {reason}: {told}"
    return ERROR, text, 1


def _terminated(pod: JSON, container: str) -> JSON | None:
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", field, default=[]):
            if status["name"] == container:
                ended: JSON | None = dig(status, "state", "terminated")
                return ended
    return None


def _pending_message(pod: JSON) -> str:
    scheduled = condition_of(pod, "PodScheduled")
    if scheduled is not None and scheduled["status"] == "False":
        return f"{scheduled.get('reason', 'Unschedulable')}: {scheduled.get('message', '')}"
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", field, default=[]):
            waiting = dig(status, "state", "waiting", default={})
            reason = waiting.get("reason", "")
            if reason and reason not in _QUIET:
                message = waiting.get("message", "")
                return f"{reason}: {message}" if message else str(reason)
    return ""
