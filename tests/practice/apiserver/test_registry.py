from __future__ import annotations

import copy
from typing import Any

from runbook.practice.apiserver.registry import Registry, version_order

JSON = dict[str, Any]


def _crd(*versions: str, group: str = "example.org", plural: str = "widgets") -> JSON:
    return {
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": {"plural": plural, "kind": "Widget", "shortNames": ["wd"]},
            "versions": [
                {"name": name, "served": True, "subresources": {"status": {}}} for name in versions
            ],
        },
    }


def test_versions_are_preferred_as_kubernetes_prefers_them() -> None:
    names = ["v1beta1", "foo10", "v10", "v1alpha1", "v2", "v1", "v11beta2", "foo1", "v3beta1"]
    assert sorted(names, key=version_order) == [
        "v10",
        "v2",
        "v1",
        "v11beta2",
        "v3beta1",
        "v1beta1",
        "v1alpha1",
        "foo1",
        "foo10",
    ]


def test_a_crd_is_served_until_it_is_dropped() -> None:
    registry = Registry()
    before = registry.generation
    registry.put_crd(_crd("v1beta1", "v1"))
    found = registry.find("example.org", "v1", "widgets")
    assert found is not None
    assert (found.list_kind, found.singular, found.namespaced) == ("WidgetList", "widget", False)
    assert found.short_names == ("wd",)
    assert registry.named("widgets.example.org") is found
    assert registry.generation > before

    registry.put_crd(_crd("v1beta1"))
    assert registry.find("example.org", "v1", "widgets") is None
    registry.drop_crd("widgets.example.org")
    assert registry.named("widgets.example.org") is None


def test_a_version_that_is_not_served_is_not_found() -> None:
    crd = _crd("v1")
    crd["spec"]["versions"].append({"name": "v2", "served": False})
    registry = Registry()
    registry.put_crd(copy.deepcopy(crd))
    assert registry.find("example.org", "v2", "widgets") is None


def test_no_crd_takes_a_built_in_s_place() -> None:
    registry = Registry()
    registry.put_crd(_crd("v1", group="apps", plural="deployments"))
    found = registry.find("apps", "v1", "deployments")
    assert found is not None
    assert found.crd is None


def test_stored_resources_are_listed_once_and_reviews_never() -> None:
    registry = Registry()
    registry.put_crd(_crd("v1beta1", "v1"))
    names = [resource.name for resource in registry.stored()]
    assert len(names) == len(set(names))
    assert "widgets.example.org" in names
    assert not any("selfsubject" in name for name in names)
