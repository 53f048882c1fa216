"""From a SealedSecret to its Secret: whose it is, what is in it, what the status says. Pure.

A Secret that is there already is taken only if the SealedSecret controls it or its annotations allow
it: `managed` hands it over, `patch` lets the sealed keys be merged into it.
"""

from __future__ import annotations

import base64
import copy
import json
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from runbook.practice.cluster import JSON
from runbook.practice.controllers.objects import (
    annotations_of,
    condition_of,
    dig,
    is_controlled_by,
    name_of,
    namespace_of,
    owner_reference,
)
from runbook.sealing import NotUnsealed, Scope, label, unseal

PREFIX = "sealedsecrets.bitnami.com"
SYNCED = "Synced"
PLACEHOLDER = re.compile(r"{{-?\s*(?:\.(\w+)|index\s+\.\s+\"([^\"]+)\")\s*-?}}")


class NotOwned(Exception):
    """A Secret of that name is there and belongs to somebody else."""


def scope_of(sealed: JSON) -> Scope:
    annotations = annotations_of(sealed)
    if annotations.get(f"{PREFIX}/cluster-wide") == "true":
        return Scope.CLUSTER_WIDE
    if annotations.get(f"{PREFIX}/namespace-wide") == "true":
        return Scope.NAMESPACE_WIDE
    return Scope.STRICT


def change_of(sealed: JSON) -> str:
    """What is new when somebody changed what is sealed; labels and annotations do not count."""
    return json.dumps(sealed.get("spec"), sort_keys=True)


def unsealed_secret(sealed: JSON, keys: Sequence[RSAPrivateKey]) -> JSON:
    """The Secret, owned by the SealedSecret. Raises NotUnsealed with the keys that do not open."""
    namespace, name = str(namespace_of(sealed)), name_of(sealed)
    scope_label = label(namespace, name, scope_of(sealed))
    values: dict[str, bytes] = {}
    failed: dict[str, list[str]] = {}
    newest_first = list(reversed(keys))
    for key, ciphertext in sorted(dig(sealed, "spec", "encryptedData", default={}).items()):
        try:
            values[key] = unseal(ciphertext, newest_first, scope_label)
        except NotUnsealed as fault:
            failed.setdefault(str(fault), []).append(key)
    if failed:
        told = (f"{fault} ({', '.join(names)})" for fault, names in failed.items())
        raise NotUnsealed("; ".join(told))
    template = copy.deepcopy(dig(sealed, "spec", "template", default={}))
    values |= _rendered(template.get("data") or {}, values)
    metadata = {
        **{
            field: template["metadata"][field]
            for field in ("labels", "annotations")
            if dig(template, "metadata", field)
        },
        "name": name,
        "namespace": namespace,
    }
    if dig(metadata, "annotations", f"{PREFIX}/skip-set-owner-references") != "true":
        owner = owner_reference(sealed)
        del owner["blockOwnerDeletion"]
        metadata["ownerReferences"] = [owner]
    secret: JSON = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": metadata,
        "type": template.get("type") or "Opaque",
        "data": {key: base64.b64encode(value).decode() for key, value in values.items()},
    }
    if "immutable" in template:
        secret["immutable"] = template["immutable"]
    return secret


def _rendered(templates: dict[str, str], values: dict[str, bytes]) -> dict[str, bytes]:
    """Data of the template: text in which `{{ .key }}` stands for an unsealed value."""

    def value(found: re.Match[str]) -> str:
        return values.get(found[1] or found[2], b"<no value>").decode(errors="replace")

    return {key: PLACEHOLDER.sub(value, text).encode() for key, text in templates.items()}


def with_unsealed(live: JSON, secret: JSON, sealed: JSON) -> JSON:
    """The Secret that is there, brought to what is sealed. Raises NotOwned if it is another's."""
    annotations = annotations_of(live)
    patched = annotations.get(f"{PREFIX}/patch") == "true"
    managed = annotations.get(f"{PREFIX}/managed") == "true"
    if not (is_controlled_by(live, sealed) or managed or patched):
        raise NotOwned(
            f'Resource "{name_of(live)}" already exists and is not managed by SealedSecret'
        )
    merged = copy.deepcopy(live)
    metadata, wanted = merged["metadata"], secret["metadata"]
    for field in ("labels", "annotations"):
        kept = (metadata.get(field) or {}) if patched else {}
        metadata[field] = {**kept, **(wanted.get(field) or {})}
    merged["data"] = {**((live.get("data") or {}) if patched else {}), **secret["data"]}
    if managed or not patched:
        metadata["ownerReferences"] = wanted.get("ownerReferences") or []
    merged["type"] = secret["type"]
    return merged


def synced_status(sealed: JSON, failure: str, now: str) -> JSON | None:
    """The status after a try; None when there is nothing new to write."""
    status = dict(sealed.get("status") or {})
    generation = sealed["metadata"].get("generation", 1)
    earlier = condition_of(sealed, SYNCED)
    state = "False" if failure else "True"
    flipped = earlier is None or earlier["status"] != state
    if not flipped and status.get("observedGeneration") == generation:
        return None
    since = now if earlier is None or flipped else earlier.get("lastTransitionTime", now)
    condition: JSON = {
        "type": SYNCED,
        "status": state,
        "lastUpdateTime": now,
        "lastTransitionTime": since,
    }
    if failure:
        condition["message"] = failure
    return {**status, "conditions": [condition], "observedGeneration": generation}
