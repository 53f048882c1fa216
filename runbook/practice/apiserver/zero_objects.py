"""The object of each built-in kind that says nothing: what Go's encoder writes of an empty struct.

Whoever creates an object manages what differs from this one, not what every object of the kind has.
"""

from __future__ import annotations

from typing import Any

JSON = dict[str, Any]

_PODS: JSON = {"metadata": {}, "spec": {"containers": None}}
_JOBS: JSON = {"template": _PODS}
_SCHEDULED = ("currentNumberScheduled", "desiredNumberScheduled", "numberMisscheduled")
_HEALTH = ("currentHealthy", "desiredHealthy", "disruptionsAllowed", "expectedPods")
_NODE_INFO = (
    *("architecture", "bootID", "containerRuntimeVersion", "kernelVersion", "kubeProxyVersion"),
    *("kubeletVersion", "machineID", "operatingSystem", "osImage", "systemUUID"),
)
NODE_STATUS: JSON = {
    "daemonEndpoints": {"kubeletEndpoint": {"Port": 0}},
    "nodeInfo": dict.fromkeys(_NODE_INFO, ""),
}
BUDGET_STATUS: JSON = dict.fromkeys(_HEALTH, 0)
DAEMON_SET_STATUS: JSON = dict.fromkeys((*_SCHEDULED, "numberReady"), 0)
AUTOSCALER_STATUS: JSON = {"currentMetrics": None, "desiredReplicas": 0}
_BINDING: JSON = {"roleRef": {"apiGroup": "", "kind": "", "name": ""}}
_SPEC_AND_STATUS: JSON = {"spec": {}, "status": {}}
_NAMES: JSON = {"kind": "", "plural": ""}

_ZERO: dict[str, JSON] = {
    "Namespace": _SPEC_AND_STATUS,
    "APIService": {
        "spec": {"groupPriorityMinimum": 0, "versionPriority": 0},
        "status": {},
    },
    "Node": {"spec": {}, "status": NODE_STATUS},
    "PersistentVolume": _SPEC_AND_STATUS,
    "PersistentVolumeClaim": {"spec": {"resources": {}}, "status": {}},
    "Pod": {"spec": {"containers": None}, "status": {}},
    "PodTemplate": {"template": _PODS},
    "Service": {"spec": {}, "status": {"loadBalancer": {}}},
    "ResourceQuota": _SPEC_AND_STATUS,
    "LimitRange": {"spec": {"limits": None}},
    "Event": {
        **dict.fromkeys(("firstTimestamp", "lastTimestamp", "eventTime")),
        **dict.fromkeys(("deprecatedFirstTimestamp", "deprecatedLastTimestamp")),
        "involvedObject": {},
        "source": {},
        "regarding": {},
        "deprecatedSource": {},
        "reportingComponent": "",
        "reportingInstance": "",
    },
    "ReplicationController": {"spec": {}, "status": {"replicas": 0}},
    "Deployment": {"spec": {"selector": None, "strategy": {}, "template": _PODS}, "status": {}},
    "ReplicaSet": {"spec": {"selector": None, "template": _PODS}, "status": {"replicas": 0}},
    "StatefulSet": {
        "spec": {"selector": None, "serviceName": "", "template": _PODS, "updateStrategy": {}},
        "status": {"availableReplicas": 0, "replicas": 0},
    },
    "DaemonSet": {
        "spec": {"selector": None, "template": _PODS, "updateStrategy": {}},
        "status": DAEMON_SET_STATUS,
    },
    "ControllerRevision": {"revision": 0},
    "Job": {"spec": _JOBS, "status": {}},
    "CronJob": {
        "spec": {"jobTemplate": {"metadata": {}, "spec": _JOBS}, "schedule": ""},
        "status": {},
    },
    "HorizontalPodAutoscaler": {
        "spec": {"maxReplicas": 0, "scaleTargetRef": {"kind": "", "name": ""}},
        "status": {**AUTOSCALER_STATUS, "currentReplicas": 0},
    },
    "Ingress": {"spec": {}, "status": {"loadBalancer": {}}},
    "IngressClass": {"spec": {}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "PodDisruptionBudget": {"spec": {}, "status": BUDGET_STATUS},
    "Role": {"rules": None},
    "ClusterRole": {"rules": None},
    "RoleBinding": _BINDING,
    "ClusterRoleBinding": _BINDING,
    "StorageClass": {"provisioner": ""},
    "PriorityClass": {"value": 0},
    "RuntimeClass": {"handler": ""},
    "CSIDriver": {"spec": {}},
    "CSINode": {"spec": {"drivers": None}, "status": {}},
    "CSIStorageCapacity": {"storageClassName": ""},
    "VolumeAttachment": {
        "spec": {"attacher": "", "nodeName": "", "source": {}},
        "status": {"attached": False},
    },
    "FlowSchema": {
        "spec": {"matchingPrecedence": 0, "priorityLevelConfiguration": {"name": ""}},
        "status": {},
    },
    "PriorityLevelConfiguration": {"spec": {"type": ""}, "status": {}},
    "Lease": {"spec": {}},
    "EndpointSlice": {"addressType": "", "endpoints": None, "ports": None},
    "CustomResourceDefinition": {
        "spec": {"group": "", "names": _NAMES, "scope": "", "versions": None},
        "status": {"acceptedNames": _NAMES, "conditions": None, "storedVersions": None},
    },
}


def zero_object(kind: str) -> JSON:
    """Not to be changed. A kind that is not built in has only its metadata."""
    return {"metadata": {}, **_ZERO.get(kind, {})}
