from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.immutable import causes

JSON = dict[str, Any]
RBAC = "rolebindings.rbac.authorization.k8s.io"


@pytest.mark.parametrize(
    ("resource", "old", "new", "says"),
    [
        ("deployments.apps", {"spec": {"replicas": 1}}, {"spec": {"replicas": 2}}, ""),
        (
            "statefulsets.apps",
            {"spec": {"serviceName": "a", "replicas": 1}},
            {"spec": {"serviceName": "a", "replicas": 2}},
            "",
        ),
        (
            "statefulsets.apps",
            {"spec": {"extra": 1}},
            {"spec": {"extra": 2}},
            "updates to statefulset spec for fields other than 'replicas'",
        ),
        (
            "statefulsets.apps",
            {"spec": {"serviceName": "a"}},
            {"spec": {"serviceName": "b"}},
            'Invalid value: "b": field is immutable',
        ),
        (
            "persistentvolumeclaims",
            {
                "spec": {"volumeName": "v", "resources": {"requests": {"storage": "2Gi"}}},
                "status": {"capacity": {"storage": "2Gi"}},
            },
            {"spec": {"volumeName": "v", "resources": {"requests": {"storage": "1Gi"}}}},
            "field can not be less than status.capacity",
        ),
        ("jobs.batch", {"spec": {"template": 1}}, {"spec": {"template": 2}}, "field is immutable"),
        (
            "jobs.batch",
            {"spec": {"template": 1, "suspend": True}},
            {"spec": {"template": 2, "suspend": False}},
            "",
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"accessModes": ["a"]}},
            {"spec": {"accessModes": ["b"]}},
            "spec is immutable after creation except resources.requests",
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"accessModes": ["a"]}},
            {"spec": {"accessModes": ["a"], "volumeName": "v"}},
            "",
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"volumeName": "v", "resources": {"requests": {"storage": "1Gi"}}}},
            {"spec": {"volumeName": "v", "resources": {"requests": {"storage": "2Gi"}}}},
            "",
        ),
        (
            "persistentvolumeclaims",
            {"spec": {"volumeName": "v"}},
            {"spec": {"volumeName": "w"}},
            "spec is immutable",
        ),
        (
            "persistentvolumes",
            {"spec": {"nfs": {"path": "/a"}}},
            {"spec": {"nfs": {"path": "/b"}}},
            "spec.persistentvolumesource is immutable after creation",
        ),
        ("persistentvolumes", {"spec": {}}, {"spec": {"claimRef": {"name": "c"}}}, ""),
        (
            "pods",
            {"spec": {"containers": [{"name": "a", "image": "x:1"}]}},
            {"spec": {"containers": [{"name": "a", "image": "x:2"}]}},
            "",
        ),
        (
            "pods",
            {"spec": {"containers": [{"name": "a"}]}},
            {"spec": {"containers": [{"name": "b"}]}},
            "pod updates may not change fields other than",
        ),
        ("pods", {"spec": {}}, {"spec": {"nodeName": "n"}}, ""),
        ("pods", {"spec": {"nodeName": "n"}}, {"spec": {"nodeName": "m"}}, "pod updates"),
        ("pods", {"spec": {"tolerations": [{"key": "a"}]}}, {"spec": {}}, "pod updates"),
        (
            "services",
            {"spec": {"clusterIP": "10.96.0.2"}},
            {"spec": {"clusterIP": "10.96.0.3"}},
            "may not change once set",
        ),
        ("configmaps", {"data": {"a": "1"}}, {"data": {"a": "2"}}, ""),
        (
            "configmaps",
            {"immutable": True, "data": {"a": "1"}},
            {"immutable": True, "data": {"a": "2"}},
            "field is immutable when `immutable` is set",
        ),
        ("secrets", {"type": "Opaque"}, {"type": "x"}, 'Invalid value: "x": field is immutable'),
        (RBAC, {"roleRef": {"name": "a"}}, {"roleRef": {"name": "b"}}, "field is immutable"),
        (RBAC, {"roleRef": {"name": "a"}}, {"roleRef": {"name": "a"}}, ""),
        (
            "storageclasses.storage.k8s.io",
            {"provisioner": "a"},
            {"provisioner": "b"},
            "field is immutable",
        ),
        ("events", {"reason": "a"}, {"reason": "b"}, ""),
    ],
)
def test_what_may_not_change_is_refused(resource: str, old: JSON, new: JSON, says: str) -> None:
    found = causes(resource, old, new)
    assert [says in cause.message for cause in found] == ([True] if says else [])


@pytest.mark.parametrize(
    ("resource", "old", "new", "says"),
    [
        (
            "priorityclasses.scheduling.k8s.io",
            {"value": 1, "preemptionPolicy": "Never"},
            {"value": 2, "preemptionPolicy": "PreemptLowerPriority"},
            {
                "value": "Forbidden: may not be changed in an update.",
                "preemptionPolicy": ('Invalid value: "PreemptLowerPriority": field is immutable'),
            },
        ),
        (
            "endpointslices.discovery.k8s.io",
            {"addressType": "IPv4"},
            {"addressType": "IPv6"},
            {"addressType": "Invalid value: null: field is immutable"},
        ),
        (
            "resourcequotas",
            {"spec": {"scopes": ["BestEffort"]}},
            {"spec": {}},
            {"spec.scopes": "Invalid value: null: field is immutable"},
        ),
        (
            "controllerrevisions.apps",
            {"data": {"a": 1}},
            {"data": {"a": 2}},
            {"data": 'Invalid value: {"a":2}: field is immutable'},
        ),
        (
            "ingressclasses.networking.k8s.io",
            {"spec": {"controller": "a"}},
            {"spec": {"controller": "b"}},
            {"spec.controller": 'Invalid value: "b": field is immutable'},
        ),
        (
            "persistentvolumes",
            {"spec": {"volumeMode": "Filesystem"}},
            {"spec": {"volumeMode": "Block"}},
            {"volumeMode": 'Invalid value: "Block": field is immutable'},
        ),
    ],
)
def test_each_kind_has_words_of_its_own(
    resource: str, old: JSON, new: JSON, says: dict[str, str]
) -> None:
    assert {one.field: one.message for one in causes(resource, old, new)} == says
