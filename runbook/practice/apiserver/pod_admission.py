"""What admission adds to a new pod: the name of its account, priority, tolerations.

Changes the given dict: callers hand over their own copy, defaults filled in. Only pods get this, not
their templates. The account's token is `controllers/service_accounts.py`'s.
"""

from __future__ import annotations

from typing import Any

from runbook.practice.apiserver.errors import forbidden
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State

JSON = dict[str, Any]

_BUILT_IN = frozenset({"system-cluster-critical", "system-node-critical"})


def refuse_pod(state: State, resource: Resource, pod: JSON) -> None:
    """403 for a pod that names a priority which is not there."""
    spec, name = pod["spec"], pod["metadata"]["name"]
    priority = spec.get("priorityClassName")
    classes = "priorityclasses.scheduling.k8s.io"
    if priority and priority not in _BUILT_IN and not state.store.get(classes, None, priority):
        raise forbidden(resource, name, f"no PriorityClass with name {priority} was found")


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
