"""ControllerRevisions: the numbered templates of a StatefulSet or DaemonSet.

When a template is new it gets the next number; when an old one is wanted again, its revision is
renumbered to the newest. `kubectl rollout history` and `undo` read them.
"""

from __future__ import annotations

import copy

from runbook.practice.cluster import JSON, Cluster
from runbook.practice.controllers.objects import (
    dig,
    name_of,
    namespace_of,
    owner_reference,
    uid_of,
)
from runbook.practice.controllers.templates import template_hash
from runbook.practice.controllers.writing import delete_if_there

CONTROLLER_REVISIONS = "controllerrevisions.apps"
HASH_LABEL = "controller-revision-hash"


def revisions_of(cluster: Cluster, owner: JSON) -> list[JSON]:
    """Oldest first."""
    owned = cluster.owned_by(uid_of(owner))
    revisions = [obj for resource, obj in owned if resource == CONTROLLER_REVISIONS]
    return sorted(revisions, key=lambda revision: int(revision["revision"]))


async def current_revision(cluster: Cluster, owner: JSON) -> str:
    """The name of the revision of the owner's present template, recorded if it is new."""
    template = owner["spec"]["template"]
    name = f"{name_of(owner)}-{template_hash(template)}"
    revisions = revisions_of(cluster, owner)
    newest = int(revisions[-1]["revision"]) if revisions else 0
    known = next((one for one in revisions if name_of(one) == name), None)
    if known is None:
        await cluster.create(CONTROLLER_REVISIONS, _revision(owner, name, newest + 1))
    elif int(known["revision"]) != newest:
        renumbered = {"revision": newest + 1}
        await cluster.patch(CONTROLLER_REVISIONS, namespace_of(owner), name, renumbered)
    return name


async def prune_revisions(cluster: Cluster, owner: JSON, *, used: set[str]) -> None:
    """Old templates beyond the history limit are forgotten."""
    limit = int(dig(owner, "spec", "revisionHistoryLimit", default=10))
    unused = [one for one in revisions_of(cluster, owner) if name_of(one) not in used]
    for revision in unused[: max(0, len(unused) - limit)]:
        await delete_if_there(cluster, CONTROLLER_REVISIONS, revision)


def _revision(owner: JSON, name: str, number: int) -> JSON:
    template = {**copy.deepcopy(owner["spec"]["template"]), "$patch": "replace"}
    labels = dig(owner, "spec", "template", "metadata", "labels", default={})
    return {
        "apiVersion": "apps/v1",
        "kind": "ControllerRevision",
        "metadata": {
            "name": name,
            "namespace": namespace_of(owner),
            "labels": {**labels, HASH_LABEL: name},
            "ownerReferences": [owner_reference(owner)],
        },
        "data": {"spec": {"template": template}},
        "revision": number,
    }
