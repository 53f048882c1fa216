"""What a pod needs before it can be placed, mounted or started, and the words when it is missing.

Pure reads: which Secrets, ConfigMaps and claims a pod names, and whether they are there.
"""

from __future__ import annotations

from collections.abc import Iterator

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import being_deleted, dig, namespace_of

SOURCES = {"secret": "secrets", "configmap": "configmaps"}


def claims_of(pod: JSON) -> list[str]:
    """Names of the PersistentVolumeClaims a pod mounts."""
    volumes = dig(pod, "spec", "volumes", default=[])
    names = (dig(volume, "persistentVolumeClaim", "claimName") for volume in volumes)
    return [name for name in names if name]


def missing_claim(cluster: Cluster, pod: JSON) -> str | None:
    """The scheduler's complaint about the pod's claims."""
    for name in claims_of(pod):
        claim = cluster.get("persistentvolumeclaims", namespace_of(pod), name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found'
        if being_deleted(claim):
            return f'persistentvolumeclaim "{name}" is being deleted'
        phase = dig(claim, "status", "phase")
        if phase == "Lost":
            return f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{dig(claim, "spec", "volumeName")}"'
        if phase != "Bound" and not _waits_for_consumer(cluster, claim):
            return "pod has unbound immediate PersistentVolumeClaims"
    return None


def _waits_for_consumer(cluster: Cluster, claim: JSON) -> bool:
    name = dig(claim, "spec", "storageClassName", default="")
    storage_class = cluster.get("storageclasses.storage.k8s.io", None, name) if name else None
    mode: str = dig(storage_class, "volumeBindingMode", default="")
    return mode == "WaitForFirstConsumer"


def missing_mount(cluster: Cluster, pod: JSON) -> tuple[str, str] | None:
    """(volume, complaint) of the first volume that cannot be mounted yet."""
    namespace = namespace_of(pod)
    for volume in dig(pod, "spec", "volumes", default=[]):
        for kind, name, keys in _mounted(volume):
            complaint = _absent(cluster, kind, namespace, name, keys, quoted=True)
            if complaint:
                return str(volume["name"]), complaint
        claim = dig(volume, "persistentVolumeClaim", "claimName")
        if claim:
            live = cluster.get("persistentvolumeclaims", namespace, claim)
            if dig(live, "status", "phase") != "Bound":
                return str(volume["name"]), f'persistentvolumeclaim "{claim}" is not bound'
    return None


def _mounted(volume: JSON) -> Iterator[tuple[str, str, list[str]]]:
    """(kind, name, keys) of the objects one volume is filled from, optional ones left out."""
    sources = [volume, *dig(volume, "projected", "sources", default=[])]
    for source in sources:
        for field, kind, naming in (
            ("secret", "secret", ("secretName", "name")),
            ("configMap", "configmap", ("name",)),
        ):
            wanted = source.get(field)
            if not wanted or wanted.get("optional"):
                continue
            name = next((wanted[key] for key in naming if wanted.get(key)), None)
            if name:
                yield kind, str(name), [item["key"] for item in wanted.get("items") or []]


def missing_environment(cluster: Cluster, pod: JSON, container: JSON) -> str | None:
    """The kubelet's complaint about what a container's environment is taken from."""
    namespace = namespace_of(pod)
    for source in container.get("envFrom") or []:
        for field, kind in (("secretRef", "secret"), ("configMapRef", "configmap")):
            wanted = source.get(field)
            if wanted and not wanted.get("optional"):
                complaint = _absent(cluster, kind, namespace, wanted["name"], [], quoted=True)
                if complaint:
                    return complaint
    for variable in container.get("env") or []:
        for field, kind in (("secretKeyRef", "secret"), ("configMapKeyRef", "configmap")):
            wanted = dig(variable, "valueFrom", field)
            if wanted and not wanted.get("optional"):
                name, key = wanted["name"], wanted["key"]
                complaint = _absent(cluster, kind, namespace, name, [key], quoted=False)
                if complaint:
                    return complaint
    return None


def _absent(
    cluster: Cluster, kind: str, namespace: str | None, name: str, keys: list[str], *, quoted: bool
) -> str | None:
    live = cluster.get(SOURCES[kind], namespace, name)
    if live is None:
        return f'{kind} "{name}" not found'
    present = {**(live.get("data") or {}), **(live.get("binaryData") or {})}
    label = "ConfigMap" if kind == "configmap" else "Secret"
    for key in keys:
        if key not in present:
            if quoted:
                return f"references non-existent {kind} key: {key}"
            return f"couldn't find key {key} in {label} {namespace}/{name}"
    return None
