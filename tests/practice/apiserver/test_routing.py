from __future__ import annotations

import pytest

from runbook.practice.apiserver.registry import Registry
from runbook.practice.apiserver.routing import GroupPath, ResourcePath, route


@pytest.mark.parametrize(
    ("path", "resource", "namespace", "name", "subresource", "rest"),
    [
        ("/api/v1/pods", "pods", None, "", "", ""),
        ("/api/v1/namespaces/n/pods", "pods", "n", "", "", ""),
        ("/api/v1/namespaces/n/pods/p", "pods", "n", "p", "", ""),
        ("/api/v1/namespaces/n/pods/p/log", "pods", "n", "p", "log", ""),
        ("/api/v1/namespaces", "namespaces", None, "", "", ""),
        ("/api/v1/namespaces/n", "namespaces", None, "n", "", ""),
        ("/api/v1/namespaces/n/finalize", "namespaces", None, "n", "finalize", ""),
        (
            "/apis/apps/v1/namespaces/status/deployments/d",
            "deployments.apps",
            "status",
            "d",
            "",
            "",
        ),
        (
            "/apis/rbac.authorization.k8s.io/v1/clusterroles/a%2Fb",
            "clusterroles.rbac.authorization.k8s.io",
            None,
            "a/b",
            "",
            "",
        ),
        (
            "/api/v1/namespaces/n/services/s:80/proxy/a%2Fb/c",
            "services",
            "n",
            "s:80",
            "proxy",
            "a%2Fb/c",
        ),
        ("/api/v1/namespaces/n/services/s/proxy/", "services", "n", "s", "proxy", ""),
        ("/api/v1/namespaces/n/services/s/proxy/a/", "services", "n", "s", "proxy", "a/"),
    ],
)
def test_a_path_names_its_target(
    path: str, resource: str, namespace: str | None, name: str, subresource: str, rest: str
) -> None:
    found = route(Registry(), path)
    assert isinstance(found, ResourcePath)
    target = found.target
    assert (target.resource.name, target.namespace, target.name, target.subresource) == (
        resource,
        namespace,
        name,
        subresource,
    )
    assert found.rest == rest


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/nothing",
        "/api",
        "/apis",
        "/api/v1/nothing",
        "/api/v1/pods/p",
        "/api/v1/namespaces/n/nodes/x",
        "/api/v1/namespaces/n/pods/p/dance",
        "/api/v1/namespaces/n/pods/p/log/more",
        "/apis/apps/v9/deployments",
    ],
)
def test_other_paths_lead_nowhere(path: str) -> None:
    assert route(Registry(), path) is None


def test_a_group_and_its_version_are_paths_too() -> None:
    assert route(Registry(), "/apis/apps") == GroupPath("apps")
    assert route(Registry(), "/apis/apps/v1/") == GroupPath("apps", "v1")
    assert route(Registry(), "/api/v1") == GroupPath("", "v1")
