from __future__ import annotations

import pytest

from runbook.practice.cluster import JSON, Propagation
from runbook.practice.controllers.objects import owner_reference
from tests.practice.controllers.lab import Lab


async def _config(lab: Lab, name: str, *owners: JSON, controller: bool = False) -> JSON:
    references = [owner_reference(owner, controller=controller) for owner in owners]
    metadata: JSON = {"name": name, "namespace": "default"}
    if references:
        metadata["ownerReferences"] = references
    made: JSON = await lab.create("configmaps", {"metadata": metadata})
    return made


async def test_a_dependent_goes_when_its_last_owner_is_gone(lab: Lab) -> None:
    first, second = await _config(lab, "first"), await _config(lab, "second")
    await _config(lab, "child", first, second)
    await lab.delete("configmaps", "first")
    await lab.run(1)
    left = lab.get("configmaps", "child")["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in left] == ["second"]
    await lab.delete("configmaps", "second")
    await lab.run(1)
    assert not lab.has("configmaps", "child")


async def test_an_owner_that_came_back_under_its_name_is_another_owner(lab: Lab) -> None:
    parent = await _config(lab, "parent")
    await lab.delete("configmaps", "parent")
    await _config(lab, "parent")
    await _config(lab, "child", parent)
    await lab.run(1)
    assert not lab.has("configmaps", "child")
    assert lab.has("configmaps", "parent")


async def test_a_chain_of_owners_goes_as_a_whole(lab: Lab) -> None:
    grandparent = await _config(lab, "grandparent")
    parent = await _config(lab, "parent", grandparent)
    await _config(lab, "child", parent)
    await lab.delete("configmaps", "grandparent")
    await lab.run(1)
    assert lab.names("configmaps") == ["kube-root-ca.crt"]


async def test_in_the_foreground_dependents_go_before_their_owner(lab: Lab) -> None:
    parent = await _config(lab, "parent")
    child = await _config(lab, "child", parent, controller=True)
    held = {"metadata": {"finalizers": ["example.com/hold"]}}
    await lab.patch("configmaps", "child", held)
    await lab.delete("configmaps", "parent", propagation="Foreground")
    await lab.run(5)
    assert "deletionTimestamp" in lab.get("configmaps", "child")["metadata"]
    assert lab.get("configmaps", "parent")["metadata"]["finalizers"] == ["foregroundDeletion"]
    await lab.patch("configmaps", "child", {"metadata": {"finalizers": None}})
    await lab.run(1)
    assert not lab.has("configmaps", "parent")
    assert not lab.server.exists(child["metadata"]["uid"])


async def test_orphaned_dependents_stay_and_lose_the_reference(lab: Lab) -> None:
    parent = await _config(lab, "parent")
    await _config(lab, "child", parent)
    await lab.delete("configmaps", "parent", propagation="Orphan")
    await lab.run(1)
    assert not lab.has("configmaps", "parent")
    assert "ownerReferences" not in lab.get("configmaps", "child")["metadata"]


@pytest.mark.parametrize("propagation", ["Background", "Foreground"])
async def test_a_deployment_takes_its_pods_along(lab: Lab, propagation: Propagation) -> None:
    await lab.create("deployments.apps", lab.workload("web"))
    await lab.run(30)
    await lab.delete("deployments.apps", "web", propagation=propagation)
    await lab.run(10)
    assert lab.names("replicasets.apps") == []
    assert lab.names("pods") == []
    assert not lab.has("deployments.apps", "web")
