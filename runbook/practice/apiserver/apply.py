"""Who owns which field, and server-side apply.

Every entry of `managedFields` is a manager, an operation and a set of fields. An update takes the
fields it changes from everybody. An apply states the whole intent of its manager: fields it names are
set (a conflict, if another manager owns one and wants a different value), fields it named before and
no longer names are removed if nobody else owns them. Arguments are never changed.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import Any

from runbook.practice.apiserver import fields
from runbook.practice.apiserver.conversion import in_form
from runbook.practice.apiserver.fields import (
    PRESENT,
    Path,
    dotted,
    from_fields_v1,
    leaves,
    overlay,
    prefixes,
    to_fields_v1,
    without,
)
from runbook.practice.apiserver.topology import Node, topology
from runbook.practice.apiserver.zero_objects import zero_object

__all__ = [
    "Applied",
    "Conflict",
    "applied_fields",
    "apply",
    "dotted",
    "duplicate",
    "owner_text",
    "track_update",
]

JSON = dict[str, Any]

_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MIGRATING_MANAGER = "kubectl"  # whose first server-side apply inherits what client-side apply set


@dataclass(frozen=True, slots=True)
class Conflict:
    """A field that somebody else owns with another value: their entry, and the path."""

    manager: JSON
    path: Path


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of an apply; with conflicts, object and managed fields are the live ones."""

    object: JSON
    managed_fields: list[JSON]
    conflicts: tuple[Conflict, ...] = ()


@dataclass(frozen=True, slots=True)
class _Owner:
    entry: JSON
    paths: set[Path]

    def keeping(self, paths: set[Path]) -> _Owner:
        return _Owner(self.entry, paths)

    def is_manager(self, name: str, operation: str, subresource: str) -> bool:
        entry = self.entry
        return (
            entry.get("manager") == name
            and entry.get("operation") == operation
            and entry.get("subresource", "") == subresource
        )

    def written(self) -> JSON:
        return {**self.entry, "fieldsV1": to_fields_v1(self.paths)}


def duplicate(config: JSON, kind: str, api_version: str, schema: JSON | None) -> str:
    """What a configuration names twice; "" when nothing."""
    return fields.duplicate(config, topology(kind, api_version, schema))


def owner_text(entry: JSON) -> str:
    """A manager as the server names it in a conflict; when it wrote is not part of who it is."""
    text = json.dumps(entry.get("manager", ""))
    if entry.get("subresource"):
        text += f' with subresource "{entry["subresource"]}"'
    if entry.get("operation") == "Update":
        text += f" using {entry.get('apiVersion', '')}"
    return text


def track_update(
    old: JSON | None,
    new: JSON,
    *,
    kind: str,
    api_version: str,
    manager: str | None,
    time: str | None,
    subresource: str = "",
    schema: JSON | None = None,
) -> list[JSON]:
    """`managedFields` after a write that is not an apply: the writer owns every field it changed.

    A writer without a name takes those fields from the others and owns nothing.
    """

    @functools.cache
    def seen(version: str) -> tuple[set[Path], set[Path]]:
        """What is there after the write, and what it changed, in this version's form."""
        root = topology(kind, version, schema)
        before = leaves(zero_object(kind), root, with_maps=True)
        if old is not None:
            before |= leaves(in_form(version, old), root, with_maps=True)
        after = leaves(in_form(version, new), root, with_maps=True)
        return set(after), {path for path, value in after.items() if _changes(before, path, value)}

    changed = seen(api_version)[1]
    others: list[_Owner] = []
    mine: _Owner | None = None
    for owner in _owners(old, api_version):
        version = owner.entry.get("apiVersion", api_version)
        there, moved = seen(version)
        left = owner.keeping(owner.paths & there)
        same = version == api_version
        if same and manager is not None and left.is_manager(manager, "Update", subresource):
            mine = left
        else:
            others.append(left.keeping(left.paths - moved))
    if manager is not None and (changed or mine is not None):
        previous = mine.paths if mine is not None else set()
        stamp = time if changed or mine is None else mine.entry.get("time", time)
        entry = _entry(manager, "Update", api_version, stamp, subresource)
        others.append(_Owner(entry, previous | changed))
    return _written(others)


def _changes(before: dict[Path, Any], path: Path, value: Any) -> bool:
    """Whether a leaf is new or another one. A map that was empty is still the same map."""
    if path not in before:
        return True
    known = before[path]
    return bool(known != value) and not (known in ({}, None) and value is PRESENT)


def applied_fields(
    config: JSON,
    *,
    kind: str,
    api_version: str,
    manager: str,
    time: str,
    schema: JSON | None = None,
) -> list[JSON]:
    """`managedFields` of an object that comes into being by an apply."""
    root = topology(kind, api_version, schema)
    paths = set(leaves(config, root, with_maps=False))
    return _written([_Owner(_entry(manager, "Apply", api_version, time), paths)])


def apply(
    live: JSON | None,
    config: JSON,
    *,
    kind: str,
    api_version: str,
    manager: str,
    force: bool,
    time: str,
    schema: JSON | None = None,
) -> Applied:
    """Lay a manager's configuration over the live object."""
    root = topology(kind, api_version, schema)
    config = _without_managed_fields(config)
    want = leaves(config, root, with_maps=False)
    if live is None:
        entry = _entry(manager, "Apply", api_version, time)
        return Applied(config, _written([_Owner(entry, set(want))]))
    owners = _owners(live, api_version)
    mine = next((one for one in owners if one.is_manager(manager, "Apply", "")), None)
    others = [one for one in owners if one is not mine]
    different = _different(live, want, root)
    conflicts = tuple(
        Conflict(owner.entry, path) for owner in others for path in sorted(owner.paths & different)
    )
    if conflicts and not force and manager == _MIGRATING_MANAGER:
        allowed = _unchanged_since_client_side_apply(live, root)
        conflicts = tuple(one for one in conflicts if one.path not in allowed)
        force = not conflicts
    if conflicts and not force:
        return Applied(live, live["metadata"].get("managedFields") or [], conflicts)
    given_up = (mine.paths if mine else set()) - _kept(others, want)
    merged = overlay(without(live, given_up, root), config, root)
    others = [owner.keeping(owner.paths - different) for owner in others]
    stamp: str | None = time
    if merged == live:  # only a change has a time: a newcomer who agrees with all has none
        stamp = mine.entry.get("time") if mine is not None else None
    entry = _entry(manager, "Apply", api_version, stamp)
    return Applied(merged, _written([*others, _Owner(entry, set(want))]))


def _kept(others: list[_Owner], want: dict[Path, Any]) -> set[Path]:
    """What an applier cannot remove: what others own, what it still asks for, and all that holds it."""
    owned: set[Path] = set().union(*(owner.paths for owner in others))
    return prefixes(owned) | prefixes(want)


def _different(live: JSON, want: dict[Path, Any], root: Node) -> set[Path]:
    """Wanted fields whose live value is another one. An empty map adds nothing to a full one."""
    have = leaves(live, root, with_maps=True)
    return {
        path
        for path, value in want.items()
        if value is not PRESENT
        and have.get(path) != value
        and not (value == {} and have.get(path) is PRESENT)
    }


def _unchanged_since_client_side_apply(live: JSON, root: Node) -> set[Path]:
    """Fields that stand as kubectl's own annotation says it set them."""
    text = (live["metadata"].get("annotations") or {}).get(_LAST_APPLIED)
    try:
        applied = json.loads(text or "")
    except (ValueError, RecursionError):
        return set()
    if not isinstance(applied, dict):
        return set()
    want = leaves(applied, root, with_maps=False)
    annotation = ("f:metadata", "f:annotations", f"f:{_LAST_APPLIED}")
    return (set(want) - _different(live, want, root)) | {annotation}


def _owners(obj: JSON | None, api_version: str) -> list[_Owner]:
    """Who owns something, but for those who wrote in a version of another group: upstream cannot
    convert what they own, and forgets them at the next write.
    """
    entries = obj["metadata"].get("managedFields") or [] if obj is not None else []
    group = api_version.rpartition("/")[0]
    return [
        _Owner(entry, from_fields_v1(entry.get("fieldsV1") or {}))
        for entry in entries
        if entry and entry.get("apiVersion", api_version).rpartition("/")[0] == group
    ]


def _entry(
    manager: str, operation: str, api_version: str, time: str | None, subresource: str = ""
) -> JSON:
    entry = {"manager": manager, "operation": operation, "apiVersion": api_version}
    if time is not None:
        entry["time"] = time
    entry["fieldsType"] = "FieldsV1"
    return {**entry, "subresource": subresource} if subresource else entry


def _written(owners: list[_Owner]) -> list[JSON]:
    """The entries that own something, in the server's order."""
    entries = [owner.written() for owner in owners if owner.paths]
    return sorted(
        entries,
        key=lambda one: (
            one["operation"],
            one.get("time", ""),
            one["manager"],
            one["apiVersion"],
            one.get("subresource", ""),
        ),
    )


def _without_managed_fields(config: JSON) -> JSON:
    metadata = config.get("metadata") or {}
    if "managedFields" not in metadata:
        return config
    kept = {key: value for key, value in metadata.items() if key != "managedFields"}
    return {**config, "metadata": kept}
