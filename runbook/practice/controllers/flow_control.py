"""Priority and fairness: the levels that every cluster has, and what is known of each flow schema.

    when                                        then
    a level or a schema of the server's own     it is made again
    is not there
    a schema names a level                      Dangling says whether that exists

Requests are not queued: who works on a practice cluster is an administrator, and those are exempt.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from runbook.practice.cluster import Cluster
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import dig, key_of, with_condition
from runbook.practice.controllers.writing import write_status

JSON = dict[str, Any]

LEVELS = "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io"
SCHEMAS = "flowschemas.flowcontrol.apiserver.k8s.io"
_API = "flowcontrol.apiserver.k8s.io/v1"
_OWN = {"apf.kubernetes.io/autoupdate-spec": "true"}
_ALL = ["*"]

# name: shares, per cent lent, queues and hand size (none: what is too much is refused)
_LEVELS: dict[str, tuple[int, int, tuple[int, int] | None]] = {
    "system": (30, 33, (64, 6)),
    "node-high": (40, 25, (64, 6)),
    "leader-election": (10, 0, (16, 4)),
    "workload-high": (40, 50, (128, 6)),
    "workload-low": (100, 90, (128, 6)),
    "global-default": (20, 50, (128, 6)),
    "catch-all": (5, 0, None),
}


def _every(*namespaces: str, cluster: bool = True, **narrower: list[str]) -> JSON:
    rule: JSON = {"verbs": _ALL, "apiGroups": _ALL, "resources": _ALL, **narrower}
    if cluster:
        rule["clusterScope"] = True
    if namespaces:
        rule["namespaces"] = list(namespaces)
    return rule


def _rule(subjects: list[JSON], *resources: JSON, urls: list[str] | None = None) -> JSON:
    found: JSON = {"subjects": subjects}
    if resources:
        found["resourceRules"] = list(resources)
    if urls:
        found["nonResourceRules"] = [{"verbs": _ALL, "nonResourceURLs": urls}]
    return found


def _group(*names: str) -> list[JSON]:
    return [{"kind": "Group", "group": {"name": name}} for name in names]


def _user(*names: str) -> list[JSON]:
    return [{"kind": "User", "user": {"name": name}} for name in names]


def _accounts() -> list[JSON]:
    account = {"name": "*", "namespace": "kube-system"}
    return [{"kind": "ServiceAccount", "serviceAccount": account}]


_ANYTHING = (_every("*"),)
_ANYBODY = _group("system:unauthenticated", "system:authenticated")
_LEASES = {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"]}
_ELECTION = _every("*", cluster=False, verbs=["get", "create", "update"], **_LEASES)
_NODES = _every("*", apiGroups=[""], resources=["nodes", "nodes/status"])
_PROBES: JSON = {
    "subjects": _ANYBODY,
    "nonResourceRules": [{"verbs": ["get"], "nonResourceURLs": ["/healthz", "/readyz", "/livez"]}],
}
_MANAGER, _SCHEDULER = "system:kube-controller-manager", "system:kube-scheduler"

# name: precedence, level, how flows are told apart, whom it is about
_SCHEMAS: dict[str, tuple[int, str, str, JSON]] = {
    "exempt": (1, "exempt", "", _rule(_group("system:masters"), *_ANYTHING, urls=_ALL)),
    "probes": (2, "exempt", "", _PROBES),
    "system-leader-election": (
        *(100, "leader-election", "ByUser"),
        _rule([*_user(_MANAGER, _SCHEDULER), *_accounts()], _ELECTION),
    ),
    "system-node-high": (
        *(400, "node-high", "ByUser"),
        _rule(_group("system:nodes"), _NODES, _every("*", cluster=False, **_LEASES)),
    ),
    "system-nodes": (
        *(500, "system", "ByUser"),
        _rule(_group("system:nodes"), *_ANYTHING, urls=_ALL),
    ),
    "kube-controller-manager": (
        *(800, "workload-high", "ByNamespace"),
        _rule(_user(_MANAGER), *_ANYTHING, urls=_ALL),
    ),
    "kube-scheduler": (
        *(800, "workload-high", "ByNamespace"),
        _rule(_user(_SCHEDULER), *_ANYTHING, urls=_ALL),
    ),
    "kube-system-service-accounts": (
        *(900, "workload-high", "ByNamespace"),
        _rule(_accounts(), *_ANYTHING, urls=_ALL),
    ),
    "service-accounts": (
        *(9000, "workload-low", "ByUser"),
        _rule(_group("system:serviceaccounts"), *_ANYTHING, urls=_ALL),
    ),
    "global-default": (
        *(9900, "global-default", "ByUser"),
        _rule(_ANYBODY, *_ANYTHING, urls=_ALL),
    ),
    "catch-all": (*(10000, "catch-all", "ByUser"), _rule(_ANYBODY, *_ANYTHING, urls=_ALL)),
}


def own_objects() -> dict[Key, JSON]:
    """What every cluster has of both kinds, by key."""
    exempt = {"exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}, "type": "Exempt"}
    levels = {"exempt": exempt, **{name: _level(*said) for name, said in _LEVELS.items()}}
    schemas = {name: _schema(*said) for name, said in _SCHEMAS.items()}
    return {
        (resource, None, name): {
            "apiVersion": _API,
            "kind": kind,
            "metadata": {"name": name, "annotations": dict(_OWN)},
            "spec": spec,
        }
        for resource, kind, specs in (
            (LEVELS, "PriorityLevelConfiguration", levels),
            (SCHEMAS, "FlowSchema", schemas),
        )
        for name, spec in specs.items()
    }


def _level(shares: int, lent: int, queues: tuple[int, int] | None) -> JSON:
    answer: JSON = {"type": "Reject"}
    if queues is not None:
        queuing = {"queues": queues[0], "handSize": queues[1], "queueLengthLimit": 50}
        answer = {"type": "Queue", "queuing": queuing}
    limited = {
        "nominalConcurrencyShares": shares,
        "lendablePercent": lent,
        "limitResponse": answer,
    }
    return {"type": "Limited", "limited": limited}


def _schema(precedence: int, level: str, method: str, rule: JSON) -> JSON:
    spec: JSON = {
        "matchingPrecedence": precedence,
        "priorityLevelConfiguration": {"name": level},
        "rules": [rule],
    }
    if method:
        spec["distinguisherMethod"] = {"type": method}
    return spec


class FlowControl:
    """Watches levels and schemas, and the namespace whose birth is the cluster's."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._own = own_objects()
        self.watches: Mapping[str, KeysOf] = {
            LEVELS: self._of_level,
            SCHEMAS: lambda schema: [key_of(SCHEMAS, schema)],
            "namespaces": self._of_namespace,
        }

    def _of_namespace(self, namespace: JSON) -> Iterable[Key]:
        return list(self._own) if namespace["metadata"]["name"] == "kube-system" else []

    def _of_level(self, level: JSON) -> Iterable[Key]:
        yield key_of(LEVELS, level)
        for schema in self._cluster.select(SCHEMAS):
            if _level_of(schema) == level["metadata"]["name"]:
                yield key_of(SCHEMAS, schema)

    async def reconcile(self, key: Key) -> None:
        live = self._cluster.get(*key)
        if live is None and key in self._own:
            live = await self._cluster.create(key[0], copy.deepcopy(self._own[key]))
        if live is not None and key[0] == SCHEMAS:
            await self._look_for_level(live)

    async def _look_for_level(self, schema: JSON) -> None:
        name = _level_of(schema)
        found = self._cluster.get(LEVELS, None, name) is not None
        conditions = with_condition(
            dig(schema, "status", "conditions", default=[]),
            "Dangling",
            not found,
            now=self._cluster.timeline.stamp(),
            reason="Found" if found else "NotFound",
            message=f'This FlowSchema references the PriorityLevelConfiguration object named "{name}" '
            + ("and it exists" if found else "but there is no such object"),
        )
        await write_status(self._cluster, SCHEMAS, schema, {"conditions": conditions})


def _level_of(schema: JSON) -> str:
    return str(schema["spec"]["priorityLevelConfiguration"]["name"])
