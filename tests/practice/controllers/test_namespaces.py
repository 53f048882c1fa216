from __future__ import annotations

from typing import Any

import pytest

from tests.practice.controllers.lab import Lab

WIDGETS: dict[str, Any] = {
    "metadata": {"name": "widgets.example.com"},
    "spec": {
        "group": "example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "x-kubernetes-preserve-unknown-fields": True,
                    }
                },
            }
        ],
    },
}
CRDS = "customresourcedefinitions.apiextensions.k8s.io"


@pytest.fixture
async def space(lab: Lab) -> Lab:
    """A namespace that holds a widget with a finalizer."""
    await lab.create(CRDS, WIDGETS)
    await lab.create("namespaces", {"metadata": {"name": "work"}})
    metadata = {"name": "w", "namespace": "work", "finalizers": ["example.com/hold"]}
    await lab.create("widgets.example.com", {"metadata": metadata})
    await lab.run(1)
    return lab


async def test_a_namespace_has_a_service_account_and_the_root_certificate(space: Lab) -> None:
    assert space.has("serviceaccounts", "default", "work")
    assert space.get("configmaps", "kube-root-ca.crt", "work")["data"] == {"ca.crt": "-----BEGIN"}


async def test_what_every_namespace_has_comes_back(space: Lab) -> None:
    await space.delete("serviceaccounts", "default", "work")
    await space.run(1)
    assert space.has("serviceaccounts", "default", "work")


async def test_the_controller_is_four_seconds_behind(space: Lab) -> None:
    await space.delete("namespaces", "work", None)
    await space.run(3.9)
    assert "deletionTimestamp" not in space.get("widgets.example.com", "w", "work")["metadata"]
    await space.run(0.2)
    assert "deletionTimestamp" in space.get("widgets.example.com", "w", "work")["metadata"]


async def test_an_empty_namespace_goes_by_itself(lab: Lab) -> None:
    await lab.create("namespaces", {"metadata": {"name": "work"}})
    await lab.create("configmaps", {"metadata": {"name": "c", "namespace": "work"}})
    await lab.run(1)
    await lab.delete("namespaces", "work", None)
    await lab.run(6)
    assert not lab.has("namespaces", "work", None)
    assert lab.names("configmaps", "work") == []


async def test_finalizers_that_remain_are_reported_in_five_conditions(space: Lab) -> None:
    await space.delete("namespaces", "work", None)
    await space.run(10)
    namespace = space.get("namespaces", "work", None)
    assert namespace["status"]["phase"] == "Terminating"
    told = [
        (condition["type"], condition["status"], condition["reason"], condition["message"])
        for condition in namespace["status"]["conditions"]
    ]
    assert told == [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        (
            "NamespaceContentRemaining",
            "True",
            "SomeResourcesRemain",
            "Some resources are remaining: widgets.example.com has 1 resource instances",
        ),
        (
            "NamespaceFinalizersRemaining",
            "True",
            "SomeFinalizersRemain",
            "Some content in the namespace has finalizers remaining: "
            "example.com/hold in 1 resource instances",
        ),
    ]


async def test_core_resources_are_counted_with_a_trailing_dot(space: Lab) -> None:
    held = {"name": "c", "namespace": "work", "finalizers": ["example.com/hold"]}
    await space.create("configmaps", {"metadata": held})
    await space.delete("namespaces", "work", None)
    await space.run(5)
    message = space.conditions("namespaces", "work", None)["NamespaceContentRemaining"]["message"]
    assert message == (
        "Some resources are remaining: configmaps. has 1 resource instances, "
        "widgets.example.com has 1 resource instances"
    )


async def test_the_namespace_goes_soon_after_the_last_finalizer(space: Lab) -> None:
    await space.delete("namespaces", "work", None)
    await space.run(60)
    await space.patch("widgets.example.com", "w", {"metadata": {"finalizers": None}}, "work")
    assert space.has("namespaces", "work", None)
    await space.run(15)
    assert not space.has("namespaces", "work", None)


async def test_a_group_whose_server_is_gone_holds_even_an_empty_namespace(lab: Lab) -> None:
    service = {
        "metadata": {"name": "v1beta1.metrics.k8s.io"},
        "spec": {
            "group": "metrics.k8s.io",
            "version": "v1beta1",
            "groupPriorityMinimum": 100,
            "versionPriority": 100,
            "service": {"name": "m", "namespace": "default"},
        },
    }
    await lab.create("apiservices.apiregistration.k8s.io", service)
    await lab.create("namespaces", {"metadata": {"name": "work"}})
    await lab.run(1)
    await lab.delete("namespaces", "work", None)
    await lab.run(30)
    condition = lab.conditions("namespaces", "work", None)["NamespaceDeletionDiscoveryFailure"]
    assert condition["reason"] == "DiscoveryFailed"
    assert "metrics.k8s.io/v1beta1" in condition["message"]
    await lab.delete("apiservices.apiregistration.k8s.io", "v1beta1.metrics.k8s.io", None)
    await lab.run(20)
    assert not lab.has("namespaces", "work", None)


async def test_a_namespace_waits_for_pods_that_stop_gracefully(lab: Lab) -> None:
    await lab.create("namespaces", {"metadata": {"name": "work"}})
    pod = lab.pod("p")
    pod["metadata"]["namespace"] = "work"
    await lab.create("pods", pod)
    await lab.run(20)
    await lab.delete("namespaces", "work", None)
    await lab.run(4.5)
    message = lab.conditions("namespaces", "work", None)["NamespaceContentRemaining"]["message"]
    assert message == "Some resources are remaining: pods. has 1 resource instances"
    await lab.run(10)
    assert not lab.has("namespaces", "work", None)
