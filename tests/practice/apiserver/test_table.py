"""Tables: the columns of every kind, and what `kubectl get` shows in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from runbook.practice.apiserver import table
from runbook.practice.apiserver.registry import Registry, Resource

JSON = dict[str, Any]

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
REGISTRY = Registry()


def at(minutes_ago: int) -> str:
    return datetime(2026, 1, 1, 11, 60 - minutes_ago, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def resource(name: str) -> Resource:
    found = REGISTRY.named(name)
    assert found is not None
    return found


def render(
    name: str,
    *objects: JSON,
    include: str = "Metadata",
    continue_token: str | None = None,
    remaining: int | None = None,
    with_columns: bool = True,
) -> JSON:
    made = [
        {**one, "metadata": {"name": "x", "creationTimestamp": at(5), **one.get("metadata", {})}}
        for one in objects
    ]
    return table.render(
        resource(name),
        made,
        resource_version=7,
        now=NOW,
        include=include,
        continue_token=continue_token,
        remaining=remaining,
        with_columns=with_columns,
    )


def shown(name: str, obj: JSON, *, wide: bool = False) -> dict[str, Any]:
    """Heading -> cell, as kubectl prints them without or with -o wide."""
    found = render(name, obj)
    columns, cells = found["columnDefinitions"], found["rows"][0]["cells"]
    assert len(columns) == len(cells)
    return {
        column["name"]: cell
        for column, cell in zip(columns, cells, strict=True)
        if wide or not column["priority"]
    }


COLUMNS = {
    "namespaces": "Name Status Age",
    "nodes": "Name Status Roles Age Version",
    "persistentvolumes": "Name Capacity Access_Modes Reclaim_Policy Status Claim StorageClass VolumeAttributesClass Reason Age",
    "pods": "Name Ready Status Restarts Age",
    "services": "Name Type Cluster-IP External-IP Port(s) Age",
    "configmaps": "Name Data Age",
    "secrets": "Name Type Data Age",
    "serviceaccounts": "Name Age",
    "persistentvolumeclaims": "Name Status Volume Capacity Access_Modes StorageClass VolumeAttributesClass Age",
    "events": "Last_Seen Type Reason Object Message",
    "endpoints": "Name Endpoints Age",
    "resourcequotas": "Name Request Limit Age",
    "limitranges": "Name Created_At",
    "podtemplates": "Name Containers Images Pod_Labels",
    "replicationcontrollers": "Name Desired Current Ready Age",
    "deployments.apps": "Name Ready Up-to-date Available Age",
    "replicasets.apps": "Name Desired Current Ready Age",
    "statefulsets.apps": "Name Ready Age",
    "daemonsets.apps": "Name Desired Current Ready Up-to-date Available Node_Selector Age",
    "controllerrevisions.apps": "Name Controller Revision Age",
    "jobs.batch": "Name Status Completions Duration Age",
    "cronjobs.batch": "Name Schedule Timezone Suspend Active Last_Schedule Age",
    "horizontalpodautoscalers.autoscaling": "Name Reference Targets MinPods MaxPods Replicas Age",
    "ingresses.networking.k8s.io": "Name Class Hosts Address Ports Age",
    "ingressclasses.networking.k8s.io": "Name Controller Parameters Age",
    "networkpolicies.networking.k8s.io": "Name Pod-Selector Age",
    "poddisruptionbudgets.policy": "Name Min_Available Max_Unavailable Allowed_Disruptions Age",
    "roles.rbac.authorization.k8s.io": "Name Created_At",
    "rolebindings.rbac.authorization.k8s.io": "Name Role Age",
    "clusterroles.rbac.authorization.k8s.io": "Name Created_At",
    "clusterrolebindings.rbac.authorization.k8s.io": "Name Role Age",
    "storageclasses.storage.k8s.io": "Name Provisioner ReclaimPolicy VolumeBindingMode AllowVolumeExpansion Age",
    "runtimeclasses.node.k8s.io": "Name Handler Age",
    "csidrivers.storage.k8s.io": "Name AttachRequired PodInfoOnMount StorageCapacity TokenRequests RequiresRepublish Modes Age",
    "csinodes.storage.k8s.io": "Name Drivers Age",
    "csistoragecapacities.storage.k8s.io": "Name Created_At",
    "volumeattachments.storage.k8s.io": "Name Attacher PV Node Attached Age",
    "flowschemas.flowcontrol.apiserver.k8s.io": "Name PriorityLevel MatchingPrecedence DistinguisherMethod Age MissingPL",
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": "Name Type NominalConcurrencyShares Queues HandSize QueueLengthLimit Age",
    "leases.coordination.k8s.io": "Name Holder Age",
    "endpointslices.discovery.k8s.io": "Name AddressType Ports Endpoints Age",
    "priorityclasses.scheduling.k8s.io": "Name Value Global-Default Age PreemptionPolicy",
    "customresourcedefinitions.apiextensions.k8s.io": "Name Scope Versions Created_At",
    "apiservices.apiregistration.k8s.io": "Name Service Available Age",
    "validatingwebhookconfigurations.admissionregistration.k8s.io": "Name Webhooks Age",
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": "Name Webhooks Age",
}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_kind_has_its_real_columns_even_when_the_object_is_empty(name: str) -> None:
    assert [one.replace(" ", "_") for one in shown(name, {})] == COLUMNS[name].split()


def test_every_kind_that_can_be_listed_has_columns_here() -> None:
    listed = {one.name for one in REGISTRY.all() if "list" in one.verbs and one.crd is None}
    assert listed == set(COLUMNS)


# ---- the shape of a table


def test_a_row_carries_what_the_client_asked_for() -> None:
    config = {"data": {"a": "1"}}
    assert render("configmaps", config, include="None")["rows"][0]["object"] is None
    metadata = render("configmaps", config)["rows"][0]["object"]
    assert (metadata["kind"], metadata["metadata"]["name"]) == ("PartialObjectMetadata", "x")
    assert "data" not in metadata
    assert render("configmaps", config, include="Object")["rows"][0]["object"]["data"] == {"a": "1"}


def test_a_table_carries_the_lists_metadata() -> None:
    found = render("configmaps", continue_token="next", remaining=3, with_columns=False)
    assert found["metadata"] == {
        "resourceVersion": "7",
        "continue": "next",
        "remainingItemCount": 3,
    }
    assert found["columnDefinitions"] is None
    assert found["rows"] == []


# ---- workloads


TEMPLATE = {"spec": {"containers": [{"name": "a", "image": "i:1"}, {"name": "b", "image": "j"}]}}
SELECTOR = {
    "matchLabels": {"app": "x"},
    "matchExpressions": [
        {"key": "tier", "operator": "In", "values": ["b", "a"]},
        {"key": "old", "operator": "DoesNotExist"},
    ],
}


def test_a_deployment() -> None:
    obj = {
        "spec": {"replicas": 3, "template": TEMPLATE, "selector": SELECTOR},
        "status": {"readyReplicas": 1, "updatedReplicas": 2, "availableReplicas": 1},
    }
    assert shown("deployments.apps", obj, wide=True) == {
        "Name": "x",
        "Ready": "1/3",
        "Up-to-date": 2,
        "Available": 1,
        "Age": "5m",
        "Containers": "a,b",
        "Images": "i:1,j",
        "Selector": "app=x,tier in (a,b),!old",
    }


@pytest.mark.parametrize(
    ("spec", "status", "cells"),
    [
        ({"completions": 3}, {"succeeded": 1, "startTime": at(3)}, ["Running", "1/3", "3m"]),
        ({"parallelism": 4}, {}, ["Running", "0/1 of 4", ""]),
        (
            {"completions": 1},
            {
                "succeeded": 1,
                "startTime": at(4),
                "completionTime": at(1),
                "conditions": [{"type": "Complete", "status": "True"}],
            },
            ["Complete", "1/1", "3m"],
        ),
        ({}, {"conditions": [{"type": "Failed", "status": "True"}]}, ["Failed", "0/1", ""]),
        ({}, {"conditions": [{"type": "Suspended", "status": "True"}]}, ["Suspended", "0/1", ""]),
    ],
)
def test_a_job(spec: JSON, status: JSON, cells: list[str]) -> None:
    found = shown("jobs.batch", {"spec": spec, "status": status})
    assert [found[name] for name in ("Status", "Completions", "Duration")] == cells


def test_a_cron_job() -> None:
    spec = {"schedule": "@daily", "suspend": False}
    status = {"active": [{}], "lastScheduleTime": at(2)}
    found = shown("cronjobs.batch", {"spec": spec, "status": status})
    assert list(found.values()) == ["x", "@daily", "<none>", "False", 1, "2m", "5m"]


@pytest.mark.parametrize(
    ("spec", "status", "targets"),
    [
        ({}, {}, "<none>"),
        (
            {
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"averageUtilization": 80}},
                    }
                ]
            },
            {},
            "cpu: <unknown>/80%",
        ),
        (
            {
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {"name": "cpu", "target": {"averageUtilization": 80}},
                    }
                ]
            },
            {"currentMetrics": [{"resource": {"current": {"averageUtilization": 12}}}]},
            "cpu: 12%/80%",
        ),
        (
            {"metrics": [{"type": "Pods", "pods": {"target": {"averageValue": "5"}}}] * 3},
            {},
            "<unknown>/5, <unknown>/5 + 1 more...",
        ),
        (
            {"metrics": [{"type": "External", "external": {"target": {"averageValue": "5"}}}]},
            {},
            "<unknown>/5 (avg)",
        ),
    ],
)
def test_an_autoscaler_shows_its_targets(spec: JSON, status: JSON, targets: str) -> None:
    found = shown("horizontalpodautoscalers.autoscaling", {"spec": spec, "status": status})
    assert found["Targets"] == targets


def test_a_disruption_budget() -> None:
    found = shown("poddisruptionbudgets.policy", {"spec": {"minAvailable": "50%"}})
    assert list(found.values()) == ["x", "50%", "N/A", 0, "5m"]


def test_a_controller_revision_names_its_controller() -> None:
    owner = {"controller": True, "apiVersion": "apps/v1", "kind": "StatefulSet", "name": "s"}
    found = shown(
        "controllerrevisions.apps", {"metadata": {"ownerReferences": [owner]}, "revision": 2}
    )
    assert (found["Controller"], found["Revision"]) == ("statefulset.apps/s", 2)


# ---- the rest of the platform


def test_a_node() -> None:
    obj = {
        "metadata": {
            "labels": {"node-role.kubernetes.io/control-plane": "", "kubernetes.io/role": "w"}
        },
        "spec": {"unschedulable": True},
        "status": {
            "conditions": [{"type": "Ready", "status": "True"}],
            "addresses": [{"type": "InternalIP", "address": "127.0.0.1"}],
            "nodeInfo": {"kubeletVersion": "v1.32.4"},
        },
    }
    found = shown("nodes", obj, wide=True)
    assert found["Status"] == "Ready,SchedulingDisabled"
    assert found["Roles"] == "control-plane,w"
    assert (found["Internal-IP"], found["External-IP"]) == ("127.0.0.1", "<none>")
    assert found["OS-Image"] == "<unknown>"


@pytest.mark.parametrize(
    ("spec", "status", "external"),
    [
        ({"type": "ClusterIP"}, {}, "<none>"),
        ({"type": "ExternalName", "externalName": "a.example.com"}, {}, "a.example.com"),
        ({"type": "LoadBalancer"}, {}, "<pending>"),
        ({"type": "LoadBalancer"}, {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}}, "1.2.3.4"),
        ({"type": "NodePort", "externalIPs": ["4.3.2.1"]}, {}, "4.3.2.1"),
    ],
)
def test_a_service_shows_where_it_is_reached_from_outside(
    spec: JSON, status: JSON, external: str
) -> None:
    assert shown("services", {"spec": spec, "status": status})["External-IP"] == external


def test_a_service() -> None:
    ports = [{"port": 80, "nodePort": 30080, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}]
    spec = {"type": "NodePort", "clusterIP": "10.0.0.1", "ports": ports, "selector": {"a": "b"}}
    found = shown("services", {"spec": spec}, wide=True)
    assert found["Port(s)"] == "80:30080/TCP,53/UDP"
    assert (found["Cluster-IP"], found["Selector"]) == ("10.0.0.1", "a=b")


def test_an_ingress_shows_three_hosts() -> None:
    rules = [{"host": f"{name}.example.com"} for name in "abcd"]
    found = shown("ingresses.networking.k8s.io", {"spec": {"rules": rules, "tls": [{}]}})
    assert found["Hosts"] == "a.example.com,b.example.com,c.example.com + 1 more..."
    assert found["Ports"] == "80, 443"
    assert shown("ingresses.networking.k8s.io", {})["Hosts"] == "*"


def test_endpoints_show_three_addresses() -> None:
    addresses = [{"ip": f"10.0.0.{n}"} for n in range(1, 6)]
    obj = {"subsets": [{"addresses": addresses, "ports": [{"port": 80}]}]}
    assert shown("endpoints", obj)["Endpoints"] == (
        "10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 2 more..."
    )
    slices = {
        "addressType": "IPv4",
        "ports": [{"port": 80}],
        "endpoints": [{"addresses": ["10.0.0.1"]}],
    }
    found = shown("endpointslices.discovery.k8s.io", slices)
    assert list(found.values()) == ["x", "IPv4", "80", "10.0.0.1", "5m"]
    assert shown("endpointslices.discovery.k8s.io", {})["Ports"] == "<unset>"


def test_a_claim_before_and_after_it_is_bound() -> None:
    spec = {"storageClassName": "nfs-shared", "volumeMode": "Filesystem"}
    waiting = shown("persistentvolumeclaims", {"spec": spec, "status": {"phase": "Pending"}})
    assert list(waiting.values()) == ["x", "Pending", "", "", "", "nfs-shared", "<unset>", "5m"]
    status = {"phase": "Bound", "capacity": {"storage": "5Gi"}, "accessModes": ["ReadWriteMany"]}
    bound = shown(
        "persistentvolumeclaims", {"spec": {**spec, "volumeName": "pv-1"}, "status": status}
    )
    assert list(bound.values())[1:5] == ["Bound", "pv-1", "5Gi", "RWX"]
    going = {"metadata": {"deletionTimestamp": at(1)}, "spec": spec, "status": status}
    assert shown("persistentvolumeclaims", going)["Status"] == "Terminating"


def test_a_volume_names_its_claim() -> None:
    spec = {
        "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteMany", "ReadWriteOnce"],
        "persistentVolumeReclaimPolicy": "Retain",
        "claimRef": {"namespace": "n", "name": "c"},
    }
    found = shown("persistentvolumes", {"spec": spec, "status": {"phase": "Released"}})
    assert list(found.values())[:6] == ["x", "1Gi", "RWO,RWX", "Retain", "Released", "n/c"]


def test_the_default_storage_class_says_so() -> None:
    annotations = {"storageclass.kubernetes.io/is-default-class": "true"}
    obj = {"metadata": {"annotations": annotations}, "provisioner": "p"}
    found = shown("storageclasses.storage.k8s.io", obj)
    assert list(found.values()) == ["x (default)", "p", "Delete", "Immediate", False, "5m"]


def test_a_quota_splits_requests_from_limits() -> None:
    hard = {"requests.cpu": "4", "limits.cpu": "8", "count/models.mlops.seldon.io": "50"}
    found = shown("resourcequotas", {"status": {"hard": hard, "used": {"requests.cpu": "1"}}})
    assert found["Request"] == "count/models.mlops.seldon.io: 0/50, requests.cpu: 1/4"
    assert found["Limit"] == "limits.cpu: 0/8"


def test_a_role_binding_names_its_subjects() -> None:
    obj = {
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [
            {"kind": "User", "name": "u"},
            {"kind": "Group", "name": "g"},
            {"kind": "ServiceAccount", "name": "s", "namespace": "n"},
        ],
    }
    found = shown("rolebindings.rbac.authorization.k8s.io", obj, wide=True)
    assert list(found.values()) == ["x", "Role/r", "5m", "u", "g", "n/s"]


def test_an_event() -> None:
    obj = {
        "type": "Warning",
        "reason": "BackOff",
        "message": "Back-off restarting\n",
        "firstTimestamp": at(5),
        "lastTimestamp": at(2),
        "count": 3,
        "involvedObject": {"kind": "Pod", "name": "p", "fieldPath": "spec.containers{a}"},
        "source": {"component": "kubelet", "host": "node-1"},
    }
    assert list(shown("events", obj, wide=True).values()) == [
        *("2m", "Warning", "BackOff", "pod/p", "spec.containers{a}", "kubelet, node-1"),
        *("Back-off restarting", "5m", 3, "x"),
    ]


def test_an_event_of_the_new_api_has_no_count_of_its_own() -> None:
    series = {"count": 9, "lastObservedTime": at(1)}
    obj = {"eventTime": at(4), "reportingComponent": "c", "series": series}
    found = shown("events", obj, wide=True)
    assert (found["Last Seen"], found["First Seen"], found["Count"]) == ("60s", "4m", 9)
    assert found["Source"] == "c"


# ---- custom resources


def gadgets(columns: list[JSON] | None) -> Resource:
    version: JSON = {"name": "v1"}
    if columns is not None:
        version["additionalPrinterColumns"] = columns
    registry = Registry()
    registry.put_crd(
        {
            "metadata": {"name": "gadgets.example.com"},
            "spec": {
                "group": "example.com",
                "names": {"kind": "Gadget", "plural": "gadgets"},
                "versions": [version],
            },
        }
    )
    found = registry.named("gadgets.example.com")
    assert found is not None
    return found


def test_a_custom_resource_without_columns_shows_its_age() -> None:
    obj = {"metadata": {"name": "g", "creationTimestamp": at(5)}}
    found = table.render(gadgets(None), [obj], resource_version="1", now=NOW)
    assert [one["name"] for one in found["columnDefinitions"]] == ["Name", "Age"]
    assert found["rows"][0]["cells"] == ["g", "5m"]


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("string", "x", "x"),
        ("string", 5, "5"),
        ("string", True, "true"),
        ("string", ["a", {"b": 1}], '["a",{"b":1}]'),
        ("integer", 5, 5),
        ("integer", 5.0, 5),
        ("integer", "5", None),
        ("integer", True, None),
        ("number", 5, 5.0),
        ("boolean", False, False),
        ("boolean", "no", None),
        ("date", "2026-01-01T11:55:00Z", "5m"),
        ("date", "yesterday", "<invalid>"),
        ("date", 5, None),
        ("string", None, None),
    ],
)
def test_a_declared_column_shows_a_value_of_its_type(kind: str, value: Any, cell: Any) -> None:
    column = {"name": "C", "type": kind, "jsonPath": ".spec.c", "priority": 1}
    obj = {"metadata": {"name": "g"}, "spec": {"c": value}}
    found = table.render(gadgets([column]), [obj], resource_version="1", now=NOW)
    assert found["rows"][0]["cells"] == ["g", cell]
    assert found["columnDefinitions"][1]["priority"] == 1
    assert found["columnDefinitions"][1]["description"] == (
        "Custom resource definition column (in JSONPath format): .spec.c"
    )


def test_a_declared_column_finds_a_condition() -> None:
    path = '.status.conditions[?(@.type=="Ready")].status'
    column = {"name": "Ready", "type": "string", "jsonPath": path}
    conditions = [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]
    objects: list[JSON] = [
        {"metadata": {"name": "a"}, "status": {"conditions": conditions}},
        {"metadata": {"name": "b"}},
    ]
    found = table.render(gadgets([column]), objects, resource_version="1", now=NOW)
    assert [row["cells"] for row in found["rows"]] == [["a", "True"], ["b", None]]
