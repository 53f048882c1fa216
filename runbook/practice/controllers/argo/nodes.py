"""Nodes of a workflow's status: their ids, their names, what a pod's state means for one. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.graph import EXECUTABLE
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
from runbook.practice.controllers.objects import condition_of, dig, name_of, namespace_of

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


def new_node(workflow: str, place: Place, type_: str, holder: JSON, now: str) -> JSON:
    """`holder` names the template: an entrypoint, a step, a task, or the template itself."""
    node: JSON = {
        "id": node_id(workflow, place.name),
        "name": place.name,
        "displayName": place.display,
        "type": type_,
        "phase": RUNNING,
        "startedAt": now,
        "finishedAt": None,
    }
    if holder.get("templateRef"):
        node["templateRef"] = {k: holder["templateRef"][k] for k in ("name", "template")}
    elif holder.get("template"):
        node["templateName"] = str(holder["template"])
    if type_ in EXECUTABLE:
        node["progress"] = "0/1"
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
        node["outputs"] = {**(node.get("outputs") or {}), "exitCode": "0"}
        finish(node, SUCCEEDED, now)
    elif phase == FAILED:
        main = _state(pod, MAIN).get("terminated")
        if main is not None:
            code = str(main.get("exitCode", 0))
            node["outputs"] = {**(node.get("outputs") or {}), "exitCode": code}
        bad, message = _failure(pod)
        finish(node, bad, now, message)
    else:
        message = _pending_message(pod)
        node["phase"] = RUNNING if phase == RUNNING and not message else PENDING
        if message:
            node["message"] = message
        else:
            node.pop("message", None)


def _failure(pod: JSON) -> tuple[str, str]:
    """(phase, message): the executor's own trouble is an Error, the user's is Failed."""
    told = str(dig(pod, "status", "message", default=""))
    if told:
        return FAILED, told
    states = {container: _state(pod, container) for container in (INIT, MAIN, WAIT)}
    if not any(states.values()):
        name, namespace = name_of(pod), namespace_of(pod)
        return FAILED, f"can't find failed message for pod {name} namespace {namespace}"
    for container, state in states.items():
        waiting, ended = state.get("waiting"), state.get("terminated")
        if waiting:
            why = f"{waiting.get('reason', '')}: {waiting.get('message', '')}"
            return ERROR, f"Pod failed before {container} container starts due to {why}"
        if ended and ended.get("exitCode"):
            message = f"{ended.get('reason') or 'Error'} (exit code {ended['exitCode']})"
            detail = ended.get("message")
            phase = FAILED if container == MAIN else ERROR
            return phase, f"{message}: {detail}" if detail else message
    return SUCCEEDED, ""


def _state(pod: JSON, container: str) -> JSON:
    for field in ("initContainerStatuses", "containerStatuses"):
        for status in dig(pod, "status", field, default=[]):
            if status["name"] == container:
                return dict(status.get("state") or {})
    return {}


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
