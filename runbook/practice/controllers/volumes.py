"""PersistentVolumes and their claims: provisioned, bound, released, kept or deleted.

    claim when                              after   then
    deleted, and no running pod uses it     0 s     its protection goes
    bound to a volume that is gone          0 s     Lost
    a fitting volume is available           2 s     bound to it
    its class can provision                 2 s     a volume is made for it, and bound
    nothing can serve it                    0 s     Pending, with an event that says why
    volume when
    its claim is gone                       0 s     Released (Retain) or deleted (Delete)

A released volume keeps the uid of its claim: a claim that comes back under the old name gets a new,
empty volume until somebody clears that reference.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.events import EventRecorder
from runbook.practice.controllers.manager import Key, KeysOf
from runbook.practice.controllers.objects import (
    being_deleted,
    dig,
    finalizers_of,
    key_of,
    name_of,
    namespace_of,
    uid_of,
)
from runbook.practice.controllers.prerequisites import claims_of
from runbook.practice.controllers.stages import Stage, Stages
from runbook.practice.controllers.volume_matching import (
    claim_reference,
    fits,
    refers_to,
    volume_for,
)
from runbook.practice.controllers.writing import (
    annotate,
    delete_if_there,
    drop_finalizer,
    write_status,
)
from runbook.quantities import parse_quantity

CLAIMS = "persistentvolumeclaims"
_PROVISIONED_BY = (
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/storage-provisioner",
)
VOLUMES = "persistentvolumes"
CLASSES = "storageclasses.storage.k8s.io"
CLAIM_PROTECTION = "kubernetes.io/pvc-protection"
VOLUME_PROTECTION = "kubernetes.io/pv-protection"
BIND = 2.0  # seconds a provisioner takes
SOURCE = "persistentvolume-controller"


class PersistentVolumes:
    """Watches claims, volumes, classes, and the pods that use claims."""

    def __init__(self, cluster: Cluster, events: EventRecorder) -> None:
        self._cluster = cluster
        self._events = events
        self._claims = Stages(
            cluster.timeline,
            (
                Stage("unprotect", self._unused, self._unprotect),
                Stage("leave", being_deleted, _nothing),
                Stage("lose", self._has_lost, self._lose),
                Stage("done", _is_bound, _nothing),
                Stage("bind", self._has_volume, self._bind, after=BIND),
                Stage("provision", self._can_provision, self._provision, after=BIND),
                Stage("explain", lambda _: True, self._explain),
            ),
        )
        self.watches: Mapping[str, KeysOf] = {
            CLAIMS: self._of_claim,
            VOLUMES: self._of_volume,
            CLASSES: lambda _: [key_of(CLAIMS, one) for one in cluster.select(CLAIMS)],
            "pods": _of_pod,
        }

    def _of_claim(self, claim: JSON) -> Iterable[Key]:
        yield key_of(CLAIMS, claim)
        if volume := dig(claim, "spec", "volumeName"):
            yield VOLUMES, None, volume

    def _of_volume(self, volume: JSON) -> Iterable[Key]:
        yield key_of(VOLUMES, volume)
        reference = dig(volume, "spec", "claimRef")
        if reference:
            yield CLAIMS, reference.get("namespace"), reference.get("name", "")
        if dig(volume, "status", "phase") == "Available":
            for claim in self._cluster.select(CLAIMS):
                if not dig(claim, "spec", "volumeName"):
                    yield key_of(CLAIMS, claim)

    async def reconcile(self, key: Key) -> float | None:
        obj = self._cluster.get(*key)
        if obj is None:
            return None
        if key[0] == VOLUMES:
            await self._reconcile_volume(obj)
            return None
        return await self._claims.step(uid_of(obj), obj)

    # -- claims

    def _unused(self, claim: JSON) -> bool:
        """Deleted, protected, and mounted by no pod that still runs or will."""
        if not being_deleted(claim) or CLAIM_PROTECTION not in finalizers_of(claim):
            return False
        return not any(
            name_of(claim) in claims_of(pod)
            and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}
            for pod in self._cluster.select("pods", namespace_of(claim))
        )

    async def _unprotect(self, claim: JSON) -> None:
        await drop_finalizer(self._cluster, CLAIMS, claim, CLAIM_PROTECTION)

    def _has_lost(self, claim: JSON) -> bool:
        if dig(claim, "status", "phase") != "Bound":
            return False
        volume = self._cluster.get(VOLUMES, None, claim["spec"]["volumeName"])
        return volume is None or not refers_to(volume, claim)

    async def _lose(self, claim: JSON) -> None:
        status = {**(claim.get("status") or {}), "phase": "Lost"}
        await write_status(self._cluster, CLAIMS, claim, status)
        message = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
        await self._events.record(claim, "ClaimLost", message, "Warning", SOURCE)

    def _volume_of(self, claim: JSON) -> JSON | None:
        """The smallest volume that is free for this claim or already meant for it."""
        fitting = [one for one in self._cluster.select(VOLUMES) if fits(one, claim)]
        meant = [volume for volume in fitting if dig(volume, "spec", "claimRef")]
        return min(meant or fitting, key=_size_then_name, default=None)

    def _has_volume(self, claim: JSON) -> bool:
        return self._volume_of(claim) is not None

    async def _bind(self, claim: JSON) -> None:
        volume = self._volume_of(claim)
        if volume is not None:
            await self._join(volume, claim)

    async def _join(self, volume: JSON, claim: JSON) -> None:
        """Both sides name each other; the volume's side is written first, as it decides."""
        if not refers_to(volume, claim):
            reference = {"spec": {"claimRef": claim_reference(claim)}}
            volume = await self._cluster.patch(VOLUMES, None, name_of(volume), reference)
        await self._set_phase(volume, "Bound")
        bound = {
            "metadata": {
                "annotations": {
                    "pv.kubernetes.io/bind-completed": "yes",
                    "pv.kubernetes.io/bound-by-controller": "yes",
                }
            },
            "spec": {"volumeName": name_of(volume)},
        }
        claim = await self._cluster.patch(CLAIMS, namespace_of(claim), name_of(claim), bound)
        status = {
            "phase": "Bound",
            "accessModes": claim["spec"]["accessModes"],
            "capacity": volume["spec"]["capacity"],
        }
        await write_status(self._cluster, CLAIMS, claim, status)

    def _class_of(self, claim: JSON) -> JSON | None:
        name = dig(claim, "spec", "storageClassName")
        return self._cluster.get(CLASSES, None, name) if name else None

    def _can_provision(self, claim: JSON) -> bool:
        storage_class = self._class_of(claim)
        if storage_class is None or dig(claim, "spec", "volumeName"):
            return False
        if storage_class.get("volumeBindingMode") != "WaitForFirstConsumer":
            return True
        return any(
            name_of(claim) in claims_of(pod) and dig(pod, "spec", "nodeName")
            for pod in self._cluster.select("pods", namespace_of(claim))
        )

    async def _provision(self, claim: JSON) -> None:
        storage_class = self._class_of(claim)
        if storage_class is None:
            return
        provisioner = storage_class["provisioner"]
        wanted: dict[str, str | None] = dict.fromkeys(_PROVISIONED_BY, provisioner)
        claim = await annotate(self._cluster, CLAIMS, claim, wanted)
        waiting = (
            "Waiting for a volume to be created either by the external provisioner "
            f"'{provisioner}' or manually by the system administrator. If volume creation is "
            "delayed, please verify that the provisioner is running and correctly registered."
        )
        await self._events.record(claim, "ExternalProvisioning", waiting, source=SOURCE)
        identity = f"{namespace_of(claim)}/{name_of(claim)}"
        message = f'External provisioner is provisioning volume for claim "{identity}"'
        await self._events.record(claim, "Provisioning", message, source=provisioner)
        volume = await self._cluster.create(VOLUMES, volume_for(claim, storage_class))
        message = f"Successfully provisioned volume {name_of(volume)}"
        await self._events.record(claim, "ProvisioningSucceeded", message, source=provisioner)
        await self._join(volume, claim)

    async def _explain(self, claim: JSON) -> None:
        name = dig(claim, "spec", "storageClassName")
        if not name:
            message = "no persistent volumes available for this claim and no storage class is set"
            await self._events.record(claim, "FailedBinding", message, source=SOURCE)
        elif self._class_of(claim) is None:
            message = f'storageclass.storage.k8s.io "{name}" not found'
            await self._events.record(claim, "ProvisioningFailed", message, "Warning", SOURCE)
        elif not dig(claim, "spec", "volumeName"):
            message = "waiting for first consumer to be created before binding"
            await self._events.record(claim, "WaitForFirstConsumer", message, source=SOURCE)

    # -- volumes

    async def _reconcile_volume(self, volume: JSON) -> None:
        reference = dig(volume, "spec", "claimRef")
        if being_deleted(volume):
            held = VOLUME_PROTECTION in finalizers_of(volume)
            if held and not self._is_claimed(reference):
                await drop_finalizer(self._cluster, VOLUMES, volume, VOLUME_PROTECTION)
        elif not reference or "uid" not in reference:
            await self._set_phase(volume, "Available")
        elif not self._is_claimed(reference):
            await self._set_phase(volume, "Released")
            if dig(volume, "spec", "persistentVolumeReclaimPolicy") == "Delete":
                await delete_if_there(self._cluster, VOLUMES, volume)

    def _is_claimed(self, reference: JSON | None) -> bool:
        if not reference or "uid" not in reference:
            return False
        claim = self._cluster.get(CLAIMS, reference.get("namespace"), reference["name"])
        return claim is not None and uid_of(claim) == reference["uid"]

    async def _set_phase(self, volume: JSON, phase: str) -> None:
        earlier = volume.get("status") or {}
        if earlier.get("phase") != phase:
            stamp = self._cluster.timeline.stamp()
            status = {**earlier, "phase": phase, "lastPhaseTransitionTime": stamp}
            await write_status(self._cluster, VOLUMES, volume, status)


def _of_pod(pod: JSON) -> list[Key]:
    return [(CLAIMS, namespace_of(pod), name) for name in claims_of(pod)]


def _is_bound(claim: JSON) -> bool:
    return dig(claim, "status", "phase") in {"Bound", "Lost"}


async def _nothing(_claim: JSON) -> None:
    """A stage in which a claim only stays."""


def _size_then_name(volume: JSON) -> tuple[Decimal, str]:
    return parse_quantity(dig(volume, "spec", "capacity", "storage")), name_of(volume)
