"""Which volume can serve which claim, and the volume a class makes for one. Pure."""

from __future__ import annotations

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    labels_of,
    matches,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.quantities import parse_quantity


def claim_reference(claim: JSON) -> JSON:
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "namespace": namespace_of(claim),
        "name": name_of(claim),
        "uid": uid_of(claim),
        "resourceVersion": claim["metadata"]["resourceVersion"],
    }


def refers_to(volume: JSON, claim: JSON) -> bool:
    """Whether the volume is bound to exactly this claim."""
    return bool(dig(volume, "spec", "claimRef", "uid") == uid_of(claim))


def fits(volume: JSON, claim: JSON) -> bool:
    """Whether this volume may be bound to this claim: free or meant for it, and good enough."""
    spec, wanted = volume["spec"], claim["spec"]
    reference = spec.get("claimRef")
    if being_deleted(volume) or (reference and not _meant_for(reference, claim)):
        return False
    asked_for = wanted.get("volumeName")
    if asked_for and asked_for != name_of(volume):
        return False
    if not reference and dig(volume, "status", "phase") not in (None, "Pending", "Available"):
        return False
    if (spec.get("storageClassName") or "") != (wanted.get("storageClassName") or ""):
        return False
    if not set(wanted.get("accessModes") or []) <= set(spec.get("accessModes") or []):
        return False
    selector = wanted.get("selector")
    if selector and not matches(selector, labels_of(volume)):
        return False
    requested = dig(wanted, "resources", "requests", "storage")
    return parse_quantity(dig(spec, "capacity", "storage")) >= parse_quantity(requested)


def _meant_for(reference: JSON, claim: JSON) -> bool:
    """A reference without uid reserves the volume for a name; with uid it is for that claim alone."""
    named = (reference.get("namespace"), reference["name"]) == (namespace_of(claim), name_of(claim))
    return named and reference.get("uid") in (None, "", uid_of(claim))


def volume_for(claim: JSON, storage_class: JSON) -> JSON:
    """What the class's provisioner makes for this claim, already reserved for it."""
    name = f"pvc-{uid_of(claim)}"
    provisioner = storage_class["provisioner"]
    parameters = storage_class.get("parameters") or {}
    handle = "#".join(
        [parameters.get("server", "storage"), parameters.get("share", "/"), name, uid_of(claim)]
    )
    spec: JSON = {
        "accessModes": claim["spec"]["accessModes"],
        "capacity": {"storage": claim["spec"]["resources"]["requests"]["storage"]},
        "claimRef": claim_reference(claim),
        "csi": {
            "driver": provisioner,
            "volumeHandle": handle,
            "volumeAttributes": {**parameters, "subdir": name},
        },
        "persistentVolumeReclaimPolicy": storage_class.get("reclaimPolicy", "Delete"),
        "storageClassName": name_of(storage_class),
        "volumeMode": claim["spec"].get("volumeMode", "Filesystem"),
    }
    if options := storage_class.get("mountOptions"):
        spec["mountOptions"] = options
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {
            "name": name,
            "annotations": {"pv.kubernetes.io/provisioned-by": provisioner},
        },
        "spec": spec,
    }
