"""What admission adds to a new pod: its account with the token it is shown, priority, tolerations.

Changes the given dict: callers hand over their own copy, defaults filled in. Only pods get this, not
their templates. Whether the account `default` exists is not asked: it may come a moment later.
"""

from __future__ import annotations

import hashlib
from typing import Any

from runbook.practice.apiserver.errors import forbidden
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import State

JSON = dict[str, Any]

_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"  # noqa: S105 - where it is mounted
_TOKEN_SECONDS = 3607
_LETTERS = "bcdfghjklmnpqrstvwxz2456789"


_BUILT_IN = frozenset({"system-cluster-critical", "system-node-critical"})


def refuse_pod(state: State, resource: Resource, pod: JSON) -> None:
    """403 for a pod that names an account or a priority which is not there."""
    spec, metadata = pod["spec"], pod["metadata"]
    name, space = metadata["name"], metadata.get("namespace")
    account = spec.get("serviceAccountName") or "default"
    if account != "default" and state.store.get("serviceaccounts", space, account) is None:
        why = f'error looking up service account {space}/{account}: serviceaccount "{account}"'
        raise forbidden(resource, name, f"{why} not found")
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
    if spec.get("automountServiceAccountToken", True):
        _mount_token(spec, pod["metadata"]["uid"])


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


def _mount_token(spec: JSON, uid: str) -> None:
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    without = [one for one in containers if not _mounts_token(one)]
    if not without:
        return
    name = f"kube-api-access-{_suffix(uid)}"
    spec.setdefault("volumes", []).append(_token_volume(name))
    for container in without:
        mount = {"mountPath": _TOKEN_PATH, "name": name, "readOnly": True}
        container.setdefault("volumeMounts", []).append(mount)


def _mounts_token(container: JSON) -> bool:
    mounts = container.get("volumeMounts") or ()
    return any(mount.get("mountPath") == _TOKEN_PATH for mount in mounts)


def _token_volume(name: str) -> JSON:
    own_namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    trust = {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}
    return {
        "name": name,
        "projected": {
            "sources": [
                {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
                {"configMap": trust},
                {"downwardAPI": {"items": [own_namespace]}},
            ],
            "defaultMode": 420,
        },
    }


def _suffix(uid: str) -> str:
    """Five letters that are as random as the pod's uid."""
    digest = hashlib.sha256(uid.encode()).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:5])
