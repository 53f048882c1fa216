"""Fields that may not change once an object is there, kind by kind."""

from __future__ import annotations

import secrets

import pytest

from tests.cluster.compare import compare
from tests.cluster.sides import Side
from tests.cluster.talk import JSON, Talk

NS = "/api/v1/namespaces/{ns}"
APPS = "/apis/apps/v1/namespaces/{ns}"
BATCH = "/apis/batch/v1/namespaces/{ns}"
RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces/{ns}"
POD = "{containers: [{name: a, image: nginx}]}"
TEMPLATE = "template: {metadata: {labels: {app: a}}, spec: " + POD + "}"
OTHER: JSON = {"matchLabels": {"app": "b"}}

# name -> (collection, object, what is tried to change)
NAMESPACED: dict[str, tuple[str, str, list[JSON]]] = {
    "config-map": (
        f"{NS}/configmaps",
        "{metadata: {name: a}, immutable: true, data: {a: b}, binaryData: {c: ZA==}}",
        [
            {"data": {"a": "c"}},
            {"binaryData": {"c": "ZQ=="}},
            {"immutable": False},
            {"immutable": None},
            {"metadata": {"labels": {"a": "b"}}},
        ],
    ),
    "secret": (
        f"{NS}/secrets",
        "{metadata: {name: a}, immutable: true, stringData: {a: b}}",
        [{"data": {"a": "Yw=="}}, {"immutable": False}, {"stringData": {"a": "c"}}],
    ),
    "secret-type": (
        f"{NS}/secrets",
        "{metadata: {name: a}, stringData: {a: b}}",
        [{"type": "example.org/b"}, {"data": {"a": "Yw=="}}],
    ),
    "service": (
        f"{NS}/services",
        "{metadata: {name: a}, spec: {ports: [{port: 80}]}}",
        [
            {"spec": {"clusterIP": "10.96.77.7"}},
            {"spec": {"clusterIP": "None"}},
            {"spec": {"clusterIP": ""}},
        ],
    ),
    "claim": (
        f"{NS}/persistentvolumeclaims",
        "{metadata: {name: a}, spec: {storageClassName: x, accessModes: [ReadWriteOnce], "
        "resources: {requests: {storage: 1Gi}}}}",
        [
            {"spec": {"accessModes": ["ReadWriteMany"]}},
            {"spec": {"storageClassName": "y"}},
            {"spec": {"resources": {"requests": {"storage": "2Gi"}}}},
            {"spec": {"volumeMode": "Block"}},
        ],
    ),
    "deployment": (
        f"{APPS}/deployments",
        "{metadata: {name: a}, spec: {paused: true, replicas: 0, selector: {matchLabels: {app: a}}, "
        + TEMPLATE
        + "}}",
        [{"spec": {"selector": OTHER}}],
    ),
    "replica-set": (
        f"{APPS}/replicasets",
        "{metadata: {name: a}, spec: {replicas: 0, selector: {matchLabels: {app: a}}, "
        + TEMPLATE
        + "}}",
        [{"spec": {"selector": OTHER}}],
    ),
    "stateful-set": (
        f"{APPS}/statefulsets",
        "{metadata: {name: a}, spec: {replicas: 0, serviceName: a, selector: {matchLabels: "
        "{app: a}}, " + TEMPLATE + "}}",
        [
            {"spec": {"serviceName": "b"}},
            {"spec": {"podManagementPolicy": "Parallel"}},
            {"spec": {"selector": OTHER}},
        ],
    ),
    "job": (
        f"{BATCH}/jobs",
        "{metadata: {name: a}, spec: {suspend: false, template: {spec: {restartPolicy: Never, "
        "containers: [{name: a, image: nginx}]}}}}",
        [
            {"spec": {"completions": 3}},
            {"spec": {"template": {"spec": {"restartPolicy": "OnFailure"}}}},
            {"spec": {"completionMode": "Indexed"}},
            {"spec": {"backoffLimit": 3}},
            {"spec": {"parallelism": 2}},
        ],
    ),
    "role-binding": (
        f"{RBAC}/rolebindings",
        "{metadata: {name: a}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: a}}",
        [{"roleRef": {"name": "b"}}, {"roleRef": {"kind": "ClusterRole"}}],
    ),
    "controller-revision": (
        f"{APPS}/controllerrevisions",
        "{metadata: {name: a}, revision: 1, data: {a: b}}",
        [{"data": {"a": "c"}}],
    ),
    "endpoint-slice": (
        "/apis/discovery.k8s.io/v1/namespaces/{ns}/endpointslices",
        "{metadata: {name: a}, addressType: IPv4, endpoints: []}",
        [{"addressType": "IPv6"}],
    ),
    "budget": (
        "/apis/policy/v1/namespaces/{ns}/poddisruptionbudgets",
        "{metadata: {name: a}, spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}}",
        [{"spec": {"selector": OTHER}}, {"spec": {"minAvailable": 2}}],
    ),
    "quota": (
        f"{NS}/resourcequotas",
        "{metadata: {name: a}, spec: {hard: {pods: 3}, scopes: [BestEffort]}}",
        [{"spec": {"scopes": ["NotBestEffort"]}}, {"spec": {"scopes": None}}],
    ),
}
STORAGE = "/apis/storage.k8s.io/v1"
CLUSTER_WIDE: dict[str, tuple[str, str, list[JSON]]] = {
    "storage-class": (
        f"{STORAGE}/storageclasses",
        "provisioner: example.org/a, parameters: {a: b}",
        [
            {"provisioner": "example.org/b"},
            {"parameters": {"a": "c"}},
            {"reclaimPolicy": "Retain"},
            {"volumeBindingMode": "WaitForFirstConsumer"},
            {"allowVolumeExpansion": True},
        ],
    ),
    "priority-class": (
        "/apis/scheduling.k8s.io/v1/priorityclasses",
        "value: 3",
        [{"value": 4}, {"preemptionPolicy": "Never"}, {"description": "other"}],
    ),
    "ingress-class": (
        "/apis/networking.k8s.io/v1/ingressclasses",
        "spec: {controller: example.org/a}",
        [{"spec": {"controller": "example.org/b"}}],
    ),
    "driver": (
        f"{STORAGE}/csidrivers",
        "spec: {attachRequired: true}",
        [
            {"spec": {"attachRequired": False}},
            {"spec": {"podInfoOnMount": True}},
            {"spec": {"volumeLifecycleModes": ["Ephemeral"]}},
            {"spec": {"fsGroupPolicy": "File"}},
            {"spec": {"storageCapacity": True}},
        ],
    ),
    "runtime-class": (
        "/apis/node.k8s.io/v1/runtimeclasses",
        "handler: a",
        [{"handler": "b"}],
    ),
    "cluster-role-binding": (
        "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings",
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: a}",
        [{"roleRef": {"name": "b"}}],
    ),
    "volume": (
        "/api/v1/persistentvolumes",
        "spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteOnce], hostPath: {path: /a}}",
        [
            {"spec": {"hostPath": {"path": "/b"}}},
            {"spec": {"volumeMode": "Block"}},
            {"spec": {"capacity": {"storage": "2Gi"}}},
        ],
    ),
}


@pytest.mark.parametrize("kind", NAMESPACED)
def test_of_a_namespace(kind: str, real: Side, practice: Side) -> None:
    path, body, changes = NAMESPACED[kind]

    def scenario(talk: Talk) -> None:
        talk.post(path, body, quiet=True)
        for change in changes:
            _tried(talk, f"{path}/a", change)

    compare(f"immutable/{kind}", scenario, real, practice)


@pytest.mark.parametrize("kind", CLUSTER_WIDE)
def test_of_the_cluster(kind: str, real: Side, practice: Side) -> None:
    path, body, changes = CLUSTER_WIDE[kind]
    name = f"immutable-{secrets.token_hex(4)}"

    def scenario(talk: Talk) -> None:
        talk.post(path, f"{{metadata: {{name: {name}}}, {body}}}", quiet=True)
        try:
            for change in changes:
                _tried(talk, f"{path}/{name}", change)
        finally:
            talk.delete(f"{path}/{name}", quiet=True)

    compare(f"immutable/{kind}", scenario, real, practice)


def _tried(talk: Talk, path: str, change: JSON) -> None:
    """A refusal as it is; of what is taken only that it is, for controllers write the rest."""
    found = talk.merge(path, change, quiet=True, dryRun="All")
    taken = found.get("kind") != "Status"
    talk.note(f"{change}", {"taken": True} if taken else found)
