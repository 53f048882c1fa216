from __future__ import annotations

from tests.practice.controllers.lab import Lab

CRDS = "customresourcedefinitions.apiextensions.k8s.io"
GADGETS = "gadgets.example.com"


async def _define(
    lab: Lab, group: str = "example.com", annotations: dict[str, str] | None = None
) -> None:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": schema},
    }
    spec = {
        "group": group,
        "scope": "Namespaced",
        "names": {"plural": "gadgets", "kind": "Gadget"},
        "versions": [version],
    }
    await lab.create(
        CRDS,
        {"metadata": {"name": f"gadgets.{group}", "annotations": annotations or {}}, "spec": spec},
    )
    await lab.run(1)


async def _instance(lab: Lab, name: str, *finalizers: str) -> None:
    metadata = {"name": name, "namespace": "default", "finalizers": list(finalizers)}
    await lab.create(GADGETS, {"metadata": metadata})


async def test_a_definition_is_accepted_and_established(lab: Lab) -> None:
    await _define(lab)
    conditions = lab.conditions(CRDS, GADGETS, None)
    told = {name: (one["status"], one["reason"]) for name, one in conditions.items()}
    assert told == {
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "InitialNamesAccepted"),
    }
    assert lab.get(CRDS, GADGETS, None)["status"]["acceptedNames"]["kind"] == "Gadget"


async def test_a_definition_goes_after_its_instances(lab: Lab) -> None:
    await _define(lab)
    await _instance(lab, "one")
    await lab.delete(CRDS, GADGETS, None)
    await lab.run(1)
    assert not lab.has(CRDS, GADGETS, None)
    assert lab.names(GADGETS) == []


async def test_an_instance_with_a_finalizer_holds_its_definition(lab: Lab) -> None:
    await _define(lab)
    await _instance(lab, "one", "example.com/hold")
    await lab.delete(CRDS, GADGETS, None)
    await lab.run(60)
    terminating = lab.conditions(CRDS, GADGETS, None)["Terminating"]
    assert terminating["status"] == "True"
    assert terminating["message"] == "CustomResource deletion is in progress"
    assert "deletionTimestamp" in lab.get(GADGETS, "one")["metadata"]
    await lab.patch(GADGETS, "one", {"metadata": {"finalizers": None}})
    await lab.run(1)
    assert not lab.has(CRDS, GADGETS, None)


async def test_a_changed_definition_is_looked_at_again(lab: Lab) -> None:
    await _define(lab)
    crd = lab.get(CRDS, GADGETS, None)
    (first,) = crd["spec"]["versions"]
    names = {**crd["spec"]["names"], "shortNames": ["gd"]}
    versions = [{**first, "storage": False}, {**first, "name": "v2"}]
    await lab.patch(CRDS, GADGETS, {"spec": {"names": names, "versions": versions}}, None)
    await lab.run(1)
    status = lab.get(CRDS, GADGETS, None)["status"]
    assert status["acceptedNames"]["shortNames"] == ["gd"]
    assert status["storedVersions"] == ["v1", "v2"]


async def test_a_definition_in_a_group_of_the_community_says_who_approved_it(lab: Lab) -> None:
    await _define(lab, group="x.k8s.io", annotations={"api-approved.kubernetes.io": "unapproved"})
    told = lab.conditions(CRDS, "gadgets.x.k8s.io", None)["KubernetesAPIApprovalPolicyConformant"]
    assert (told["status"], told["reason"]) == ("False", "UnapprovedAnnotation")
    assert told["message"] == 'not approved: "unapproved"'
