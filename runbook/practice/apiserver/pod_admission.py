"""What admission adds to a new pod: the name of its account, priority, tolerations.

Changes the given dict: callers hand over their own copy, defaults filled in. Only pods get this, not
their templates. The account's token is `controllers/service_accounts.py`'s.
"""

from __future__ import annotations

import copy
from typing import Any

from runbook.practice.apiserver.errors import forbidden
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State

JSON = dict[str, Any]

_BUILT_IN = frozenset({"system-cluster-critical", "system-node-critical"})


def refuse_pod(state: State, resource: Resource, pod: JSON) -> None:
    """403 for a pod that names a priority or a runtime which is not there, or does not fit."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    priority = spec.get("priorityClassName")
    classes = "priorityclasses.scheduling.k8s.io"
    if priority and priority not in _BUILT_IN and not state.store.get(classes, None, priority):
        raise forbidden(resource, name, f"no PriorityClass with name {priority} was found")
    _take_runtime(state, resource, pod)


def _take_runtime(state: State, resource: Resource, pod: JSON) -> None:
    """What the pod's RuntimeClass adds to it: overhead, node selector, tolerations."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    runtime, given = spec.get("runtimeClassName"), spec.get("overhead")
    found: JSON = {}
    if runtime:
        stored = state.store.get("runtimeclasses.node.k8s.io", None, runtime)
        if stored is None:
            raise forbidden(resource, name, f'pod rejected: RuntimeClass "{runtime}" not found')
        found = dict(stored)
    overhead = (found.get("overhead") or {}).get("podFixed")
    if given and not overhead:
        why = "Pod Overhead set without corresponding RuntimeClass defined Overhead"
        raise forbidden(resource, name, f"pod rejected: {why}")
    if given and given != overhead:
        why = "Pod's Overhead doesn't match RuntimeClass's defined Overhead"
        raise forbidden(resource, name, f"pod rejected: {why}")
    if overhead:
        spec["overhead"] = dict(overhead)
    scheduling = found.get("scheduling") or {}
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.setdefault(key, value) != value:
            raise forbidden(
                resource,
                name,
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}",
            )
    if selector:
        spec["nodeSelector"] = selector
    tolerations = list(spec.get("tolerations") or ())
    tolerations += [
        copy.deepcopy(one) for one in scheduling.get("tolerations") or () if one not in tolerations
    ]
    if tolerations:
        spec["tolerations"] = tolerations


def admit_pod(pod: JSON) -> None:
    spec = pod["spec"]
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("serviceAccount", spec["serviceAccountName"])
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    _tolerate(spec)


def _tolerate(spec: JSON) -> None:
    """Five minutes on a node that went away."""
    tolerations = spec.setdefault("tolerations", [])
    for condition in ("not-ready", "unreachable"):
        key = f"node.kubernetes.io/{condition}"
        if not any(one.get("key") in {key, None} for one in tolerations):
            tolerations.append(
                {
                    "effect": "NoExecute",
                    "key": key,
                    "operator": "Exists",
                    "tolerationSeconds": 300,
                }
            )
