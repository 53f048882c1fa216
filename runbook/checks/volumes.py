"""`volumes`: what becomes of the data when the claims of some namespaces are deleted.

A volume whose reclaim policy is Retain outlives its claim, though a new claim gets a new volume; with any
other policy its data is gone for good. A claim that has no volume has no data.
"""

from __future__ import annotations

from dataclasses import dataclass

from runbook.checks.base import CheckContext
from runbook.model.preflight import VolumesQuery
from runbook.run.readings import Reading, fails, holds
from runbook.target.api import JSON, ResourceRef

CLAIMS = ResourceRef("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", namespaced=True)
VOLUMES = ResourceRef("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False)
PODS = ResourceRef("", "v1", "pods", "Pod", namespaced=True)
CLASSES = ResourceRef("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False)
DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
RETAIN = "Retain"


@dataclass(frozen=True, slots=True)
class Fate:
    """A claim with a volume, and what a delete does to it."""

    where: str
    policy: str
    told: str

    @property
    def lost(self) -> bool:
        return self.policy != RETAIN

    def allowed(self, names: list[str]) -> bool:
        return self.where in names or self.where.rpartition("/")[2] in names


def expects(query: VolumesQuery) -> str:
    but = f" but that of {', '.join(query.allow_loss)}" if query.allow_loss else ""
    return f"no data is lost with the claims of {', '.join(query.namespaces)}{but}"


async def look(query: VolumesQuery, context: CheckContext, expected: str) -> Reading:
    cluster = context.cluster
    volumes = {item["metadata"]["name"]: item for item in (await cluster.list(VOLUMES)).items}
    classes = await cluster.list(CLASSES)
    default = {c["metadata"]["name"] for c in classes.items if is_default(c)}
    fates: list[Fate] = []
    empty = 0
    for namespace in query.namespaces:
        claims = (await cluster.list(CLAIMS, namespace)).items
        pods = (await cluster.list(PODS, namespace)).items if claims else ()
        for claim in claims:
            bound = (claim.get("spec") or {}).get("volumeName")
            volume = volumes.get(bound)
            if volume is None:
                empty += 1
            else:
                fates.append(_fate(claim, volume, pods, default))
    lost = [fate for fate in fates if fate.lost]
    kept = [fate.told for fate in fates if not fate.lost]
    refused = [fate.told for fate in lost if not fate.allowed(query.allow_loss)]
    if refused:
        return fails(expected, f"lost for good: {'; '.join(refused)}")
    told = [f"lost, as allowed: {'; '.join(fate.told for fate in lost)}"] if lost else []
    told += [f"{len(kept)} kept out of reach of new claims: {'; '.join(kept)}"] if kept else []
    told += [f"{empty} without a volume"] if empty else []
    return holds(expected, "; ".join(told) or "no claims there")


def _fate(claim: JSON, volume: JSON, pods: tuple[JSON, ...], default: set[str]) -> Fate:
    metadata, spec = claim["metadata"], volume.get("spec") or {}
    policy = str(spec.get("persistentVolumeReclaimPolicy") or RETAIN)
    size = (spec.get("capacity") or {}).get("storage", "size unknown")
    given = str(spec.get("storageClassName") or "no class")
    words = [str(size), given + (" (default)" if given in default else ""), policy]
    if users := sorted(pod["metadata"]["name"] for pod in pods if _mounts(pod, metadata["name"])):
        more = f" and {len(users) - 1} more" if len(users) > 1 else ""
        words.append(f"used by {users[0]}{more}")
    where = f"{metadata['namespace']}/{metadata['name']}"
    return Fate(where, policy, f"{where} ({', '.join(words)})")


def _mounts(pod: JSON, claim: str) -> bool:
    return any(
        (volume.get("persistentVolumeClaim") or {}).get("claimName") == claim
        for volume in (pod.get("spec") or {}).get("volumes") or ()
    )


def is_default(storage_class: JSON) -> bool:
    return (storage_class["metadata"].get("annotations") or {}).get(DEFAULT_CLASS) == "true"
