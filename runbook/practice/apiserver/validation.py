"""Which rules hold for which built-in kind: what no schema states, in the words of the real server.

Objects have their types and their defaults. What the schema of a kind finds missing or unsupported is
merged in, as far as no rule has said it already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from runbook.practice.apiserver import (
    access_validation,
    aggregation,
    autoscaler_validation,
    cluster_validation,
    kind_validation,
    webhook_validation,
    workload_validation,
)
from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.pod_validation import pod_spec

JSON = dict[str, Any]
Check = Callable[[JSON], Iterable[Cause]]


# What schemas require although the server does not miss it.
_NOT_REQUIRED = {
    ("daemonsets.apps", "spec.selector"),
    ("events", "series.count"),
    ("events", "series.lastObservedTime"),
}


def causes(resource: str, obj: JSON, of_schema: Sequence[Cause] = ()) -> list[Cause]:
    check = _CHECKS.get(resource)
    found = list(check(obj)) if check is not None else []
    unsaid = (one for one in of_schema if not _said(one, found))
    return [*found, *(one for one in unsaid if (resource, one.field) not in _NOT_REQUIRED)]


def has_rules(resource: str) -> bool:
    """Whether what the schema finds can wait for the rules."""
    return resource in _CHECKS


def _said(cause: Cause, found: list[Cause]) -> bool:
    """The same field, one inside it, or the struct that holds it."""
    inside, parent = (f"{cause.field}.", f"{cause.field}["), cause.field.rpartition(".")[0]
    return any(one.field in {cause.field, parent} or one.field.startswith(inside) for one in found)


def _pod(obj: JSON) -> Iterable[Cause]:
    return pod_spec(obj["spec"], "spec")


_CHECKS: Mapping[str, Check] = {
    "pods": _pod,
    "services": kind_validation.service,
    "configmaps": kind_validation.config_map,
    "secrets": kind_validation.secret,
    "events": lambda _: (),  # depends on the version: event_validation.py
    "persistentvolumeclaims": kind_validation.claim,
    "persistentvolumes": kind_validation.volume,
    "replicationcontrollers": workload_validation.replication_controller,
    "deployments.apps": workload_validation.deployment,
    "replicasets.apps": workload_validation.replica_set,
    "statefulsets.apps": workload_validation.stateful_set,
    "daemonsets.apps": workload_validation.daemon_set,
    "horizontalpodautoscalers.autoscaling": autoscaler_validation.autoscaler,
    "jobs.batch": workload_validation.job,
    "cronjobs.batch": workload_validation.cron_job,
    "ingresses.networking.k8s.io": kind_validation.ingress,
    "poddisruptionbudgets.policy": kind_validation.budget,
    "roles.rbac.authorization.k8s.io": access_validation.role,
    "clusterroles.rbac.authorization.k8s.io": access_validation.role,
    "rolebindings.rbac.authorization.k8s.io": access_validation.role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": access_validation.role_binding,
    "storageclasses.storage.k8s.io": kind_validation.storage_class,
    "priorityclasses.scheduling.k8s.io": kind_validation.priority_class,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": webhook_validation.configuration,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": webhook_validation.configuration,
    "apiservices.apiregistration.k8s.io": aggregation.causes,
    "runtimeclasses.node.k8s.io": cluster_validation.runtime_class,
    "volumeattachments.storage.k8s.io": cluster_validation.attachment,
    "flowschemas.flowcontrol.apiserver.k8s.io": cluster_validation.flow_schema,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": (cluster_validation.priority_level),
    "leases.coordination.k8s.io": kind_validation.lease,
}
