"""The admission that gives every pod its service account's token, and refuses an account that is not.

As the API server's own plugin does it, with no controller behind: a projected volume, mounted into
each container that has nothing of its own there.
"""

from __future__ import annotations

import copy
import random
from typing import Protocol

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import namespace_of
from runbook.practice.controllers.templates import random_suffix

MOUNTED_AT = "/var/run/secrets/kubernetes.io/serviceaccount"
_NAMESPACE = {"fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}
_SOURCES = [
    {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
    {"configMap": {"items": [{"key": "ca.crt", "path": "ca.crt"}], "name": "kube-root-ca.crt"}},
    {"downwardAPI": {"items": [{**_NAMESPACE, "path": "namespace"}]}},
]


class NamedResource(Protocol):
    """What an admission needs to know of the resource being written."""

    @property
    def name(self) -> str: ...


class ServiceAccountAdmission:
    """Asked before each pod is stored; completes a new one."""

    def __init__(self, cluster: Cluster, *, seed: int = 0) -> None:
        self._cluster = cluster
        self._random = random.Random(f"service accounts {seed}")

    def admit(self, resource: NamedResource, new: JSON, old: JSON | None) -> None:
        if resource.name != "pods" or old is not None:
            return
        namespace, spec = namespace_of(new), new["spec"]
        account = self._cluster.get("serviceaccounts", namespace, spec["serviceAccountName"])
        if account is None:
            raise _no_account(new, f"{namespace}/{spec['serviceAccountName']}")
        wanted = spec.get("automountServiceAccountToken")
        if wanted is None:
            wanted = account.get("automountServiceAccountToken", True)
        if wanted:
            _mount(spec, f"kube-api-access-{random_suffix(self._random)}")


def _mount(spec: JSON, name: str) -> None:
    without = [
        container
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
        if all(one.get("mountPath") != MOUNTED_AT for one in container.get("volumeMounts") or ())
    ]
    if not without:
        return
    for container in without:
        mount = {"mountPath": MOUNTED_AT, "name": name, "readOnly": True}
        container["volumeMounts"] = [*(container.get("volumeMounts") or ()), mount]
    volume = {"name": name, "projected": {"defaultMode": 420, "sources": copy.deepcopy(_SOURCES)}}
    spec["volumes"] = [*(spec.get("volumes") or ()), volume]


def _no_account(pod: JSON, account: str) -> ApiError:
    name = pod["metadata"]["name"]
    message = (
        f'pods "{name}" is forbidden: error looking up service account {account}: '
        f'serviceaccount "{account.rpartition("/")[2]}" not found'
    )
    return ApiError(403, "Forbidden", message, {"name": name, "kind": "pods"})
