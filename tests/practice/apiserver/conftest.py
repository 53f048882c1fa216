"""A cluster without controllers, and a client that speaks to it without HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from runbook.practice.apiserver.api import ApiServer
from runbook.practice.timeline import Timeline
from tests.practice.apiserver.client import JSON, Client

WIDGET_SCHEMA: JSON = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "required": ["size"],
            "properties": {
                "size": {"type": "integer", "minimum": 1},
                "colour": {"type": "string", "default": "red"},
                "replicas": {"type": "integer"},
                "tags": {"type": "array", "items": {"type": "string"}},
            },
        },
        "status": {
            "type": "object",
            "properties": {
                "phase": {"type": "string"},
                "replicas": {"type": "integer"},
                "selector": {"type": "string"},
            },
        },
    },
}


def widget_crd() -> JSON:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.org"},
        "spec": {
            "group": "example.org",
            "scope": "Namespaced",
            "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": WIDGET_SCHEMA},
                    "subresources": {
                        "status": {},
                        "scale": {
                            "specReplicasPath": ".spec.replicas",
                            "statusReplicasPath": ".status.replicas",
                            "labelSelectorPath": ".status.selector",
                        },
                    },
                }
            ],
        },
    }


@pytest.fixture
async def api() -> AsyncIterator[ApiServer]:
    server = ApiServer(Timeline(datetime(2026, 1, 1, tzinfo=UTC)), seed=1, inspect_controllers=True)
    for name in ("default", "kube-system"):
        await server.create("namespaces", {"metadata": {"name": name}})
    yield server
    assert server.store.watchers() == 0, "a test left a watcher behind"
    await server.close()


@pytest.fixture
async def widgets(api: ApiServer) -> ApiServer:
    """The same cluster with a custom resource."""
    await api.create("customresourcedefinitions.apiextensions.k8s.io", widget_crd())
    return api


@pytest.fixture
def client(api: ApiServer) -> Client:
    return Client(api)


@pytest.fixture
def deployment() -> JSON:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}},
                "spec": {"containers": [{"name": "a", "image": "nginx:1"}]},
            },
        },
    }


@pytest.fixture
def widget() -> JSON:
    return {
        "apiVersion": "example.org/v1",
        "kind": "Widget",
        "metadata": {"name": "w", "namespace": "default"},
        "spec": {"size": 3},
    }
