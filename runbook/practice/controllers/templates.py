"""Pods made from a template, and the claims of a workload controller on pods that are there.

A pod belongs to the controller that its owner reference names. One without a controller is adopted
when it matches the selector; one that no longer matches is released. Never by name or label alone.
"""

from __future__ import annotations

import copy
import json
import random

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import (
    being_deleted,
    controller_of,
    dig,
    has_condition,
    is_controlled_by,
    labels_of,
    matches,
    name_of,
    namespace_of,
    owner_reference,
    owner_references_of,
    uid_of,
)

SUFFIX_LETTERS = "bcdfghjklmnpqrstvwxz2456789"  # no vowels: a suffix is never a word
FNV_OFFSET, FNV_PRIME = 0x811C9DC5, 0x01000193


def template_hash(template: JSON) -> str:
    """The value of `pod-template-hash`: FNV-32a of the template in the suffix alphabet."""
    value = FNV_OFFSET
    for byte in json.dumps(template, sort_keys=True).encode():
        value = (value ^ byte) * FNV_PRIME % 2**32
    return "".join(SUFFIX_LETTERS[ord(digit) % len(SUFFIX_LETTERS)] for digit in str(value))


def random_suffix(chance: random.Random) -> str:
    return "".join(chance.choices(SUFFIX_LETTERS, k=5))


def new_pod(owner: JSON, template: JSON, name: str, *, generate_name: str = "") -> JSON:
    """A pod of this template that its owner controls."""
    pod: JSON = copy.deepcopy(template)
    metadata = pod.setdefault("metadata", {})
    metadata |= {
        "name": name,
        "namespace": namespace_of(owner),
        "ownerReferences": [owner_reference(owner)],
    }
    if generate_name:
        metadata["generateName"] = generate_name
    return {"apiVersion": "v1", "kind": "Pod", **pod}


def is_ready(pod: JSON) -> bool:
    return has_condition(pod, "Ready") and not being_deleted(pod)


def is_active(pod: JSON) -> bool:
    """Neither finished nor on its way out."""
    return not being_deleted(pod) and dig(pod, "status", "phase") not in {"Succeeded", "Failed"}


async def claim(cluster: Cluster, resource: str, owner: JSON, selector: JSON | None) -> list[JSON]:
    """The owner's objects of one resource, orphans that match adopted, strangers released.

    Without a selector an object is the owner's by its reference alone.
    """
    claimed: list[JSON] = []
    for obj in cluster.select(resource, namespace_of(owner)):
        fits = matches(selector, labels_of(obj))
        if is_controlled_by(obj, owner):
            if fits or selector is None or being_deleted(owner):
                claimed.append(obj)
            else:
                await _release(cluster, resource, obj, owner)
        elif (
            fits and controller_of(obj) is None and not (being_deleted(obj) or being_deleted(owner))
        ):
            claimed.append(await _adopt(cluster, resource, obj, owner))
    return claimed


async def _adopt(cluster: Cluster, resource: str, obj: JSON, owner: JSON) -> JSON:
    references = [*owner_references_of(obj), owner_reference(owner)]
    return await _refer(cluster, resource, obj, references)


async def _release(cluster: Cluster, resource: str, obj: JSON, owner: JSON) -> None:
    references = [ref for ref in owner_references_of(obj) if ref["uid"] != uid_of(owner)]
    await _refer(cluster, resource, obj, references)


async def _refer(cluster: Cluster, resource: str, obj: JSON, references: list[JSON]) -> JSON:
    patch = {"metadata": {"ownerReferences": references or None}}
    return await cluster.patch(resource, namespace_of(obj), name_of(obj), patch)
