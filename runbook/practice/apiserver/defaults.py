"""Defaults of the built-in kinds: what an object says after the server has read it.

Changes the given dict: callers hand over their own copy. Two occasions: `on_write` for values that
every version of an object gets, `on_create` for what only a new object gets (its first status).
What must look at other objects (cluster IPs, the default storage class) is not here.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from runbook.practice.apiserver.pod_defaults import (
    default_pod,
    default_pod_spec,
    quality_of_service,
)

JSON = dict[str, Any]
Defaulter = Callable[[JSON], None]

_ROLLING_QUARTER = {"maxSurge": "25%", "maxUnavailable": "25%"}
_RBAC = "rbac.authorization.k8s.io"


def complete(resource: str, obj: JSON) -> None:
    """Where the spec is a struct, one that was left out is an empty one, and then found wanting."""
    if resource in _WITH_SPEC:
        obj.setdefault("spec", {})


def on_write(resource: str, obj: JSON) -> None:
    """Fill in what the kind's defaults say, on create and on update."""
    defaulter = _DEFAULTS.get(resource)
    if defaulter is not None:
        defaulter(obj)


def on_create(resource: str, obj: JSON) -> None:
    """Fill in the first status and the like; `metadata.uid` is already known."""
    defaulter = _FIRST.get(resource)
    if defaulter is not None:
        defaulter(obj)


def _template(spec: JSON) -> None:
    template = spec.setdefault("template", {})
    template.setdefault("metadata", {})
    default_pod_spec(template.setdefault("spec", {}))


def _deployment(obj: JSON) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("progressDeadlineSeconds", 600)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        for name, share in _ROLLING_QUARTER.items():
            rolling.setdefault(name, share)
    _template(spec)


def _replica_set(obj: JSON) -> None:
    obj["spec"].setdefault("replicas", 1)
    _template(obj["spec"])


def _stateful_set(obj: JSON) -> None:
    spec = obj["spec"]
    spec.setdefault("replicas", 1)
    spec.setdefault("revisionHistoryLimit", 10)
    spec.setdefault("podManagementPolicy", "OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("partition", 0)
        rolling.setdefault("maxUnavailable", 1)
    retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
    retention.setdefault("whenDeleted", "Retain")
    retention.setdefault("whenScaled", "Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        claim.setdefault("apiVersion", "v1")
        claim.setdefault("kind", "PersistentVolumeClaim")
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
        claim.setdefault("status", {"phase": "Pending"})
    _template(spec)


def _daemon_set(obj: JSON) -> None:
    spec = obj["spec"]
    spec.setdefault("revisionHistoryLimit", 10)
    strategy = spec.setdefault("updateStrategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", 1)
        rolling.setdefault("maxSurge", 0)
    _template(spec)


def _job(obj: JSON) -> None:
    _job_spec(obj["spec"])


def _job_spec(spec: JSON) -> None:
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    spec.setdefault("backoffLimit", 6)
    spec.setdefault("completionMode", "NonIndexed")
    spec.setdefault("suspend", False)
    spec.setdefault("manualSelector", False)
    spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")
    _template(spec)


def _cron_job(obj: JSON) -> None:
    spec = obj["spec"]
    spec.setdefault("concurrencyPolicy", "Allow")
    spec.setdefault("suspend", False)
    spec.setdefault("successfulJobsHistoryLimit", 3)
    spec.setdefault("failedJobsHistoryLimit", 1)
    job = spec.setdefault("jobTemplate", {})
    job.setdefault("metadata", {})
    _template(job.setdefault("spec", {}))


def _service(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if kind != "ExternalName":
            port.setdefault("targetPort", port.get("port"))
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    if kind in {"NodePort", "LoadBalancer"}:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if kind == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)


def _secret(obj: JSON) -> None:
    obj.setdefault("type", "Opaque")
    plain = obj.pop("stringData", None)
    if plain:
        encoded = {
            key: base64.b64encode(str(value).encode()).decode() for key, value in plain.items()
        }
        obj["data"] = {**(obj.get("data") or {}), **encoded}


def _claim(obj: JSON) -> None:
    obj["spec"].setdefault("volumeMode", "Filesystem")


def _volume(obj: JSON) -> None:
    spec = obj["spec"]
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")


def _storage_class(obj: JSON) -> None:
    obj.setdefault("reclaimPolicy", "Delete")
    obj.setdefault("volumeBindingMode", "Immediate")


def _network_policy(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    if "policyTypes" not in spec:
        spec["policyTypes"] = ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for rule in (*(spec.get("ingress") or ()), *(spec.get("egress") or ())):
        for port in rule.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _role_binding(obj: JSON) -> None:
    obj.setdefault("roleRef", {}).setdefault("apiGroup", _RBAC)
    for subject in obj.get("subjects") or ():
        if subject.get("kind") in {"User", "Group"}:
            subject.setdefault("apiGroup", _RBAC)
        elif subject.get("kind") == "ServiceAccount" and obj["metadata"].get("namespace"):
            subject.setdefault("namespace", obj["metadata"]["namespace"])


def _autoscaler(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    spec.setdefault("minReplicas", 1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]


def _namespace(obj: JSON) -> None:
    metadata = obj["metadata"]
    name_label = {"kubernetes.io/metadata.name": metadata["name"]}
    metadata["labels"] = {**(metadata.get("labels") or {}), **name_label}


def _custom_resource_definition(obj: JSON) -> None:
    names = obj["spec"]["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    obj["spec"].setdefault("conversion", {"strategy": "None"})


def _priority_class(obj: JSON) -> None:
    obj.setdefault("preemptionPolicy", "PreemptLowerPriority")


def _first_namespace(obj: JSON) -> None:
    obj["spec"] = {"finalizers": ["kubernetes"]}
    obj["status"] = {"phase": "Active"}


def _first_pod(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending", "qosClass": quality_of_service(obj["spec"])}


def _first_claim(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending"}
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if "kubernetes.io/pvc-protection" not in finalizers:
        finalizers.append("kubernetes.io/pvc-protection")


def _first_volume(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending"}
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if "kubernetes.io/pv-protection" not in finalizers:
        finalizers.append("kubernetes.io/pv-protection")


def _first_service(obj: JSON) -> None:
    obj["status"] = {"loadBalancer": {}}


def _first_ingress(obj: JSON) -> None:
    obj["status"] = {"loadBalancer": {}}


def _first_workload(obj: JSON) -> None:
    obj["status"] = {"replicas": 0} if obj["kind"] == "ReplicaSet" else {}


def _first_stateful_set(obj: JSON) -> None:
    obj["status"] = {"replicas": 0, "availableReplicas": 0}


def _first_daemon_set(obj: JSON) -> None:
    obj["status"] = dict.fromkeys(
        ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled", "numberReady"), 0
    )


def _first_job(obj: JSON) -> None:
    """A Job selects its own pods by its uid, unless it says how."""
    obj["status"] = {}
    spec, metadata = obj["spec"], obj["metadata"]
    if spec["manualSelector"]:
        return
    labels = spec["template"]["metadata"].setdefault("labels", {})
    for prefix in ("", "batch.kubernetes.io/"):
        labels[f"{prefix}controller-uid"] = metadata["uid"]
        labels[f"{prefix}job-name"] = metadata["name"]
    selected = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
    spec["selector"] = {"matchLabels": selected}
    metadata.setdefault("labels", dict(labels))


def _first_cron_job(obj: JSON) -> None:
    obj["status"] = {}


def _first_custom_resource_definition(obj: JSON) -> None:
    spec = obj["spec"]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    obj["status"] = {
        "acceptedNames": {"kind": "", "plural": ""},
        "conditions": [],
        "storedVersions": stored,
    }


_DEFAULTS: Mapping[str, Defaulter] = {
    "pods": default_pod,
    "namespaces": _namespace,
    "services": _service,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "replicationcontrollers": _replica_set,
    "deployments.apps": _deployment,
    "replicasets.apps": _replica_set,
    "statefulsets.apps": _stateful_set,
    "daemonsets.apps": _daemon_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "storageclasses.storage.k8s.io": _storage_class,
    "networkpolicies.networking.k8s.io": _network_policy,
    "rolebindings.rbac.authorization.k8s.io": _role_binding,
    "clusterrolebindings.rbac.authorization.k8s.io": _role_binding,
    "horizontalpodautoscalers.autoscaling": _autoscaler,
    "customresourcedefinitions.apiextensions.k8s.io": _custom_resource_definition,
    "priorityclasses.scheduling.k8s.io": _priority_class,
}
_WITH_SPEC = frozenset(
    [
        "pods",
        "services",
        "persistentvolumeclaims",
        "persistentvolumes",
        "replicationcontrollers",
        "deployments.apps",
        "replicasets.apps",
        "statefulsets.apps",
        "daemonsets.apps",
        "jobs.batch",
        "cronjobs.batch",
    ]
)
_FIRST: Mapping[str, Defaulter] = {
    "namespaces": _first_namespace,
    "pods": _first_pod,
    "persistentvolumeclaims": _first_claim,
    "persistentvolumes": _first_volume,
    "services": _first_service,
    "ingresses.networking.k8s.io": _first_ingress,
    "deployments.apps": _first_workload,
    "replicasets.apps": _first_workload,
    "statefulsets.apps": _first_stateful_set,
    "daemonsets.apps": _first_daemon_set,
    "jobs.batch": _first_job,
    "cronjobs.batch": _first_cron_job,
    "customresourcedefinitions.apiextensions.k8s.io": _first_custom_resource_definition,
}
