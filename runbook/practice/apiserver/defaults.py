"""Defaults of the built-in kinds: what an object says after the server has read it.

Changes the given dict: callers hand over their own copy. `on_write` is for values that every version
of an object gets; what only a new one gets is in `first_state.py`, and what must look at other objects
(cluster IPs, the default storage class) in `allocation.py`.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from typing import Any

from runbook.practice.apiserver.autoscaler_defaults import default_autoscaler
from runbook.practice.apiserver.cluster_defaults import (
    default_driver,
    default_flow_schema,
    default_priority_level,
)
from runbook.practice.apiserver.pod_defaults import default_pod, default_pod_spec

JSON = dict[str, Any]
Defaulter = Callable[[JSON], None]

_ROLLING_QUARTER = {"maxSurge": "25%", "maxUnavailable": "25%"}
TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
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


def on_status(resource: str, obj: JSON) -> None:
    """What a status says even where it is nothing."""
    if resource == "horizontalpodautoscalers.autoscaling" and "status" in obj:
        obj["status"] = {"currentMetrics": None, "desiredReplicas": 0, **obj["status"]}


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


def _replication_controller(obj: JSON) -> None:
    """Labels and selector are those of the template, where they say nothing themselves."""
    _replica_set(obj)
    labels = obj["spec"]["template"]["metadata"].get("labels")
    if labels:
        obj["spec"].setdefault("selector", dict(labels))
        obj["metadata"].setdefault("labels", dict(labels))


def _pod_template(obj: JSON) -> None:
    _template(obj)


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
    annotations = obj["metadata"].get("annotations") or {}
    obj["metadata"]["annotations"] = {**annotations, TEMPLATE_GENERATION: "1"}


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
    of_jobs = spec.setdefault("jobTemplate", {})
    of_jobs.setdefault("metadata", {})
    _template(of_jobs.setdefault("spec", {}))


def _service(obj: JSON) -> None:
    spec = obj.setdefault("spec", {})
    kind = spec.setdefault("type", "ClusterIP")
    if spec.setdefault("sessionAffinity", "None") == "ClientIP":
        affinity = spec.setdefault("sessionAffinityConfig", {})
        affinity.setdefault("clientIP", {}).setdefault("timeoutSeconds", 10_800)
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in {None, 0, ""}:
            port["targetPort"] = port.get("port")
    if kind != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
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
    if "hostPath" in spec:
        spec["hostPath"].setdefault("type", "")
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


def _role(obj: JSON) -> None:
    obj.setdefault("rules", None)  # written even when there are none


def _event(obj: JSON) -> None:
    obj.setdefault("source", {})
    for field in ("firstTimestamp", "lastTimestamp", "eventTime"):
        obj.setdefault(field, None)
    obj.setdefault("reportingComponent", "")
    obj.setdefault("reportingInstance", "")


def _limit_range(obj: JSON) -> None:
    """A container's limits and requests default to its maximum, then to its minimum."""
    for limit in (obj.get("spec") or {}).get("limits") or ():
        if limit.get("type") != "Container":
            continue
        defaults = {**(limit.get("max") or {}), **(limit.get("default") or {})}
        if defaults:
            limit["default"] = defaults
        asked = {**(limit.get("min") or {}), **defaults, **(limit.get("defaultRequest") or {})}
        if asked:
            limit["defaultRequest"] = asked


def _endpoints(obj: JSON) -> None:
    for subset in obj.get("subsets") or ():
        for port in subset.get("ports") or ():
            port.setdefault("protocol", "TCP")


def _endpoint_slice(obj: JSON) -> None:
    for endpoint in obj.get("endpoints") or ():
        endpoint.setdefault("conditions", {})
    for port in obj.get("ports") or ():
        port.setdefault("name", "")
        port.setdefault("protocol", "TCP")


def _ingress_class(obj: JSON) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters:
        parameters.setdefault("scope", "Cluster")


def _api_service(obj: JSON) -> None:
    service = (obj.get("spec") or {}).get("service")
    if isinstance(service, dict):
        service.setdefault("port", 443)


def _webhooks(obj: JSON) -> None:
    for webhook in obj.get("webhooks") or ():
        webhook.setdefault("failurePolicy", "Fail")
        webhook.setdefault("matchPolicy", "Equivalent")
        webhook.setdefault("namespaceSelector", {})
        webhook.setdefault("objectSelector", {})
        webhook.setdefault("timeoutSeconds", 10)
        if obj["kind"] == "MutatingWebhookConfiguration":
            webhook.setdefault("reinvocationPolicy", "Never")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service:
            service.setdefault("port", 443)
        for rule in webhook.get("rules") or ():
            rule.setdefault("scope", "*")


_DEFAULTS: Mapping[str, Defaulter] = {
    "pods": default_pod,
    "namespaces": _namespace,
    "services": _service,
    "secrets": _secret,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "replicationcontrollers": _replication_controller,
    "podtemplates": _pod_template,
    "events": _event,
    "limitranges": _limit_range,
    "endpoints": _endpoints,
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
    "horizontalpodautoscalers.autoscaling": default_autoscaler,
    "customresourcedefinitions.apiextensions.k8s.io": _custom_resource_definition,
    "priorityclasses.scheduling.k8s.io": _priority_class,
    "csidrivers.storage.k8s.io": default_driver,
    "flowschemas.flowcontrol.apiserver.k8s.io": default_flow_schema,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": default_priority_level,
    "roles.rbac.authorization.k8s.io": _role,
    "clusterroles.rbac.authorization.k8s.io": _role,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
    "ingressclasses.networking.k8s.io": _ingress_class,
    "apiservices.apiregistration.k8s.io": _api_service,
    "validatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks,
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": _webhooks,
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
        "horizontalpodautoscalers.autoscaling",
    ]
)
