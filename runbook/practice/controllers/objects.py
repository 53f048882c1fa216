"""Pure functions over Kubernetes objects that every controller needs.

Nothing here changes its arguments: objects are read, and what is to be different comes back as a copy.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from runbook.practice.cluster import JSON

Key = tuple[str, str | None, str]  # as in the work queue: resource, namespace, name


def dig(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at a path of keys and indexes; the default where the path ends early or is null."""
    for step in path:
        if isinstance(obj, dict):
            obj = obj.get(step)
        elif isinstance(obj, list) and isinstance(step, int) and -len(obj) <= step < len(obj):
            obj = obj[step]
        else:
            return default
    return default if obj is None else obj


def name_of(obj: JSON) -> str:
    return str(obj["metadata"]["name"])


def namespace_of(obj: JSON) -> str | None:
    namespace = obj["metadata"].get("namespace")
    return None if namespace is None else str(namespace)


def uid_of(obj: JSON) -> str:
    return str(obj["metadata"]["uid"])


def key_of(resource: str, obj: JSON) -> Key:
    return resource, namespace_of(obj), name_of(obj)


def labels_of(obj: JSON) -> dict[str, str]:
    return dict(dig(obj, "metadata", "labels", default={}))


def annotations_of(obj: JSON) -> dict[str, str]:
    return dict(dig(obj, "metadata", "annotations", default={}))


def finalizers_of(obj: JSON) -> list[str]:
    return list(dig(obj, "metadata", "finalizers", default=[]))


def being_deleted(obj: JSON) -> bool:
    return bool(dig(obj, "metadata", "deletionTimestamp"))


def owner_reference(owner: JSON, *, controller: bool = True) -> JSON:
    """What a dependent carries to name this object as its owner."""
    reference: JSON = {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
    }
    if controller:
        reference |= {"controller": True, "blockOwnerDeletion": True}
    return reference


def owner_references_of(obj: JSON) -> list[JSON]:
    return list(dig(obj, "metadata", "ownerReferences", default=[]))


def controller_of(obj: JSON) -> JSON | None:
    """The owner reference marked as controller, if there is one."""
    return next((ref for ref in owner_references_of(obj) if ref.get("controller")), None)


def is_controlled_by(obj: JSON, owner: JSON) -> bool:
    reference = controller_of(obj)
    return reference is not None and reference["uid"] == uid_of(owner)


def controller_key(obj: JSON, kind: str, resource: str) -> list[Key]:
    """The key of the object's controller if that is of this kind, else nothing."""
    reference = controller_of(obj)
    if reference is None or reference["kind"] != kind:
        return []
    return [(resource, namespace_of(obj), reference["name"])]


def matches(selector: JSON | None, labels: Mapping[str, str]) -> bool:
    """A LabelSelector against labels. No selector matches nothing; an empty one everything."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(name) != value for name, value in wanted.items()):
        return False
    return all(_holds(term, labels) for term in selector.get("matchExpressions") or [])


def _holds(term: JSON, labels: Mapping[str, str]) -> bool:
    name, values = term["key"], term.get("values") or []
    match term["operator"]:
        case "In":
            return labels.get(name) in values
        case "NotIn":
            return labels.get(name) not in values
        case "Exists":
            return name in labels
        case "DoesNotExist":
            return name not in labels
        case unknown:
            raise ValueError(
                f"selector operator {unknown!r}; allowed: In, NotIn, Exists, DoesNotExist"
            )


def condition_of(obj: JSON, type_: str) -> JSON | None:
    conditions = dig(obj, "status", "conditions", default=[])
    return next((condition for condition in conditions if condition.get("type") == type_), None)


def has_condition(obj: JSON, type_: str, status: str = "True") -> bool:
    condition = condition_of(obj, type_)
    return condition is not None and condition["status"] == status


def with_condition(
    conditions: Iterable[JSON],
    type_: str,
    status: str | bool,
    *,
    now: str,
    reason: str | None = None,
    message: str | None = None,
    **more: Any,
) -> list[JSON]:
    """The list with this condition put in its place (or at the end).

    `lastTransitionTime` stays while the status stays. A reason or message of None is left out.
    """
    condition: JSON = {"type": type_, "status": _status(status), "lastTransitionTime": now, **more}
    if reason is not None:
        condition["reason"] = reason
    if message is not None:
        condition["message"] = message
    result = [dict(earlier) for earlier in conditions]
    for index, earlier in enumerate(result):
        if earlier["type"] == type_:
            if earlier["status"] == condition["status"]:
                condition["lastTransitionTime"] = earlier.get("lastTransitionTime", now)
            result[index] = condition
            return result
    return [*result, condition]


def _status(status: str | bool) -> str:
    return status if isinstance(status, str) else ("True" if status else "False")


def with_status(obj: JSON, status: JSON) -> JSON:
    """A copy whose status is exactly this, ready for `update_status`."""
    return {**obj, "status": status}


def with_status_fields(obj: JSON, **fields: Any) -> JSON:
    """A copy with some fields of the status replaced, the others kept."""
    return {**obj, "status": {**(obj.get("status") or {}), **fields}}


def with_finalizer(obj: JSON, finalizer: str) -> JSON:
    changed = copy.deepcopy(obj)
    changed["metadata"]["finalizers"] = [*finalizers_of(obj), finalizer]
    return changed


def without_finalizer(obj: JSON, finalizer: str) -> JSON:
    changed = copy.deepcopy(obj)
    changed["metadata"]["finalizers"] = [f for f in finalizers_of(obj) if f != finalizer]
    return changed
