"""What only a new object gets: its first status, and what admission adds to it.

Changes the given dict: callers hand over their own copy. None of it is the writer's: it is filled in
after the fields that the writer manages were noted.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from runbook.practice.apiserver import zero_objects
from runbook.practice.apiserver.pod_admission import admit_pod
from runbook.practice.apiserver.pod_defaults import quality_of_service

JSON = dict[str, Any]
Completer = Callable[[JSON], None]


def on_create(resource: str, obj: JSON) -> None:
    """`metadata` is already complete, uid and name too."""
    complete = _FIRST.get(resource)
    if complete is not None:
        complete(obj)


def _first_namespace(obj: JSON) -> None:
    obj["spec"] = {"finalizers": ["kubernetes"]}
    obj["status"] = {"phase": "Active"}


def _first_pod(obj: JSON) -> None:
    admit_pod(obj)
    obj["status"] = {"phase": "Pending", "qosClass": quality_of_service(obj["spec"])}


def _first_claim(obj: JSON) -> None:
    obj["status"] = {"phase": "Pending"}
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if "kubernetes.io/pvc-protection" not in finalizers:
        finalizers.append("kubernetes.io/pvc-protection")


def _first_volume(obj: JSON) -> None:
    since = obj["metadata"]["creationTimestamp"]
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": since}
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if "kubernetes.io/pv-protection" not in finalizers:
        finalizers.append("kubernetes.io/pv-protection")


def _first_service(obj: JSON) -> None:
    obj["status"] = {"loadBalancer": {}}


def _first_ingress(obj: JSON) -> None:
    obj["status"] = {"loadBalancer": {}}


def _first_replica_set(obj: JSON) -> None:
    obj["status"] = {"replicas": 0}


def _empty_status(obj: JSON) -> None:
    obj["status"] = {}


def _first_stateful_set(obj: JSON) -> None:
    obj["status"] = {"replicas": 0, "availableReplicas": 0}


def _first_daemon_set(obj: JSON) -> None:
    obj["status"] = dict(zero_objects.DAEMON_SET_STATUS)


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
    if not metadata.get("labels"):
        metadata["labels"] = dict(labels)  # a Job without labels of its own has its template's
    selected = {"batch.kubernetes.io/controller-uid": metadata["uid"]}
    given = (spec.get("selector") or {}).get("matchLabels") or {}
    spec["selector"] = {**(spec.get("selector") or {}), "matchLabels": {**given, **selected}}


def _first_custom_resource_definition(obj: JSON) -> None:
    spec = obj["spec"]
    stored = [version["name"] for version in spec["versions"] if version.get("storage")]
    obj["status"] = {
        "acceptedNames": {"kind": "", "plural": ""},
        "conditions": None,
        "storedVersions": stored,
    }


def _first_api_service(obj: JSON) -> None:
    """One of this server itself is available at once."""
    obj["status"] = {}
    if not obj["spec"].get("service"):
        local: JSON = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": obj["metadata"]["creationTimestamp"],
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        obj["status"] = {"conditions": [local]}


def _first_autoscaler(obj: JSON) -> None:
    obj["status"] = dict(zero_objects.AUTOSCALER_STATUS)


def _first_attachment(obj: JSON) -> None:
    obj["status"] = {"attached": False}


def _first_budget(obj: JSON) -> None:
    obj["status"] = dict(zero_objects.BUDGET_STATUS)


def _first_node(obj: JSON) -> None:
    obj.setdefault("status", copy.deepcopy(zero_objects.NODE_STATUS))


_FIRST: Mapping[str, Completer] = {
    "namespaces": _first_namespace,
    "nodes": _first_node,
    "pods": _first_pod,
    "persistentvolumeclaims": _first_claim,
    "persistentvolumes": _first_volume,
    "services": _first_service,
    "resourcequotas": _empty_status,
    "replicationcontrollers": _first_replica_set,
    "ingresses.networking.k8s.io": _first_ingress,
    "deployments.apps": _empty_status,
    "replicasets.apps": _first_replica_set,
    "statefulsets.apps": _first_stateful_set,
    "daemonsets.apps": _first_daemon_set,
    "jobs.batch": _first_job,
    "cronjobs.batch": _empty_status,
    "horizontalpodautoscalers.autoscaling": _first_autoscaler,
    "poddisruptionbudgets.policy": _first_budget,
    "apiservices.apiregistration.k8s.io": _first_api_service,
    "csinodes.storage.k8s.io": _empty_status,
    "volumeattachments.storage.k8s.io": _first_attachment,
    "flowschemas.flowcontrol.apiserver.k8s.io": _empty_status,
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": _empty_status,
    "customresourcedefinitions.apiextensions.k8s.io": _first_custom_resource_definition,
}
