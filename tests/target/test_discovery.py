from __future__ import annotations

from typing import Any

import pytest

from runbook.errors import TargetUnreachable
from runbook.target.api import ApiStatusError, ResourceRef, UnknownResource
from runbook.target.discovery import Discovery

MODELS = ResourceRef("mlops.seldon.io", "v1alpha1", "models", "Model", namespaced=True)
PODS = ResourceRef("", "v1", "pods", "Pod", namespaced=True)
NODES = ResourceRef("", "v1", "nodes", "Node", namespaced=False)

OLD_SERVER: dict[str, Any] = {
    "/api": {"kind": "APIVersions", "versions": ["v1"]},
    "/api/v1": {
        "groupVersion": "v1",
        "resources": [
            {"name": "pods", "kind": "Pod", "namespaced": True, "shortNames": ["po"]},
            {"name": "pods/log", "kind": "Pod", "namespaced": True},
            {"name": "nodes", "kind": "Node", "namespaced": False, "singularName": "node"},
        ],
    },
    "/apis": {
        "kind": "APIGroupList",
        "groups": [
            {
                "name": "metrics.k8s.io",
                "preferredVersion": {"groupVersion": "metrics.k8s.io/v1beta1"},
                "versions": [{"groupVersion": "metrics.k8s.io/v1beta1"}],
            },
            {
                "name": "mlops.seldon.io",
                "preferredVersion": {"groupVersion": "mlops.seldon.io/v1alpha1"},
                "versions": [{"groupVersion": "mlops.seldon.io/v1alpha1"}],
            },
        ],
    },
    "/apis/mlops.seldon.io/v1alpha1": {
        "groupVersion": "mlops.seldon.io/v1alpha1",
        "resources": [
            {"name": "models", "kind": "Model", "namespaced": True, "shortNames": ["mlm"]}
        ],
    },
}

NEW_SERVER: dict[str, Any] = {
    "/api": {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {},
                "versions": [
                    {
                        "version": "v1",
                        "resources": [
                            {
                                "resource": "pods",
                                "responseKind": {"kind": "Pod"},
                                "scope": "Namespaced",
                                "singularResource": "pod",
                                "shortNames": ["po"],
                            },
                            {
                                "resource": "nodes",
                                "responseKind": {"kind": "Node"},
                                "scope": "Cluster",
                                "singularResource": "node",
                            },
                        ],
                    }
                ],
            }
        ],
    },
    "/apis": {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": "metrics.k8s.io"},
                "versions": [
                    {
                        "version": "v1beta1",
                        "resources": [
                            {
                                "resource": "pods",
                                "responseKind": {"kind": "PodMetrics"},
                                "scope": "Namespaced",
                                "singularResource": "",
                            }
                        ],
                    }
                ],
            },
            {
                "metadata": {"name": "mlops.seldon.io"},
                "versions": [
                    {
                        "version": "v1alpha1",
                        "resources": [
                            {
                                "resource": "models",
                                "responseKind": {"kind": "Model"},
                                "scope": "Namespaced",
                                "singularResource": "model",
                                "shortNames": ["mlm"],
                            }
                        ],
                    }
                ],
            },
        ],
    },
}


class Server:
    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def fetch(self, path: str, accept: str) -> Any:
        self.asked.append(path)
        if path not in self.answers:
            raise ApiStatusError(503, "ServiceUnavailable", "the server is currently unable")
        return self.answers[path]


@pytest.mark.parametrize("answers", [OLD_SERVER, NEW_SERVER], ids=["per group", "aggregated"])
@pytest.mark.parametrize(
    ("name", "group", "expected"),
    [
        ("Model", None, MODELS),
        ("model.mlops.seldon.io", None, MODELS),
        ("models.mlops.seldon.io", None, MODELS),
        ("mlm", None, MODELS),
        ("MODELS", "mlops.seldon.io", MODELS),
        ("pods", None, PODS),
        ("Pod", "", PODS),
        ("po", None, PODS),
        ("node", None, NODES),
    ],
)
async def test_a_resource_is_found_by_every_name_kubectl_takes(
    answers: dict[str, Any], name: str, group: str | None, expected: ResourceRef
) -> None:
    if answers is OLD_SERVER and name == "model.mlops.seldon.io":
        name = "models.mlops.seldon.io"  # this old server tells no singular name
    assert await Discovery(Server(answers).fetch).resolve(name, group) == expected


async def test_what_is_known_is_not_asked_for_again() -> None:
    server = Server(NEW_SERVER)
    discovery = Discovery(server.fetch)
    for name in ("pods", "models", "nodes"):
        await discovery.resolve(name)
    assert server.asked == ["/api", "/apis"]


async def test_a_kind_that_appears_later_is_found() -> None:
    server = Server({"/api": NEW_SERVER["/api"], "/apis": {**NEW_SERVER["/apis"], "items": []}})
    discovery = Discovery(server.fetch)
    with pytest.raises(UnknownResource) as unknown:
        await discovery.resolve("Model")
    assert "no kind 'Model'" in str(unknown.value)
    assert "CRD" in str(unknown.value)
    server.answers = NEW_SERVER
    assert await discovery.resolve("Model") == MODELS


async def test_a_group_tells_kinds_of_one_name_apart() -> None:
    other = ResourceRef("example.com", "v1", "pods", "Pod", namespaced=True)
    mine = {
        "metadata": {"name": "example.com"},
        "versions": [
            {
                "version": "v1",
                "resources": [
                    {"resource": "pods", "responseKind": {"kind": "Pod"}, "scope": "Namespaced"}
                ],
            }
        ],
    }
    server = Server({**NEW_SERVER, "/apis": {**NEW_SERVER["/apis"], "items": [mine]}})
    discovery = Discovery(server.fetch)
    assert await discovery.resolve("pods") == PODS
    assert await discovery.resolve("pods.example.com") == other
    assert await discovery.resolve("Pod", "example.com") == other
    with pytest.raises(UnknownResource):
        await discovery.resolve("pods.other.com")


async def test_a_subresource_is_no_kind_of_its_own() -> None:
    resources = [
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
    ]
    core = {**OLD_SERVER["/api/v1"], "resources": resources}
    with pytest.raises(UnknownResource):
        await Discovery(Server({**OLD_SERVER, "/api/v1": core}).fetch).resolve("Scale")


async def test_a_misspelt_kind_is_told_the_nearest_one() -> None:
    with pytest.raises(UnknownResource) as unknown:
        await Discovery(Server(NEW_SERVER).fetch).resolve("Modle")
    assert "did you mean Model?" in str(unknown.value)


async def test_a_group_whose_backend_is_down_hides_no_other() -> None:
    server = Server(OLD_SERVER)
    assert await Discovery(server.fetch).resolve("Model") == MODELS
    assert "/apis/metrics.k8s.io/v1beta1" in server.asked


async def test_a_server_that_has_just_started_is_not_believed_that_it_lacks_a_kind() -> None:
    answers: dict[str, Any] = {**NEW_SERVER, "/apis": {**NEW_SERVER["/apis"], "items": []}}
    ready = False

    async def fetch(path: str, _accept: str) -> Any:
        return answers[path]

    async def is_ready() -> bool:
        return ready

    discovery = Discovery(fetch, is_ready)
    assert await discovery.resolve("pods") == PODS
    with pytest.raises(TargetUnreachable, match="is starting"):
        await discovery.resolve("models")
    ready = True
    with pytest.raises(UnknownResource):
        await discovery.resolve("models")
    answers["/apis"] = NEW_SERVER["/apis"]
    assert await discovery.resolve("models") == MODELS
