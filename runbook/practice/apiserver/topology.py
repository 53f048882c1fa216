"""The shape of an object as ownership sees it: which lists have keyed items, what is one piece.

A node stands for a place in an object of one kind. Built-in kinds answer from the table of list types,
custom resources from their schema; metadata is the same for all.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, Protocol

from runbook.practice.apiserver.builtin import builtin_rows
from runbook.practice.apiserver.list_types import has_atomic_items, is_atomic_map, list_type

JSON = dict[str, Any]

_BUILTIN_GROUPS = frozenset(row.group for row in builtin_rows())


# Older versions of which the tables say something else.
_NAMED = {"autoscaling/v1": {"HorizontalPodAutoscaler": "HorizontalPodAutoscaler/v1"}}


class Node(Protocol):
    """One place: what its children are, and how it merges."""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of a list's items; () where it has none."""
        ...

    @property
    def is_set(self) -> bool: ...

    @property
    def is_atomic(self) -> bool:
        """Whether an object at this place is owned as a whole."""
        ...

    @property
    def item_is_atomic(self) -> bool:
        """Whether an item of a keyed list is owned as a whole."""
        ...

    def child(self, field: str) -> Node: ...

    def item(self) -> Node: ...


@dataclass(frozen=True, slots=True)
class BuiltinNode:
    """A place in an object of a built-in kind, with what the tables say about it."""

    kind: str
    field: str | None
    keys: tuple[str, ...]
    is_set: bool
    is_atomic: bool
    item_is_atomic: bool

    def child(self, field: str) -> Node:
        return _builtin_node(self.kind, self.field, field)

    def item(self) -> Node:
        return self


@functools.lru_cache(maxsize=4096)  # label keys are fields too, so there is no end of them
def _builtin_node(kind: str, parent: str | None, field: str | None) -> BuiltinNode:
    found = list_type(kind, parent, field or "")
    return BuiltinNode(
        kind,
        field,
        keys=found.apply_keys,
        is_set=found.is_set,
        item_is_atomic=has_atomic_items(kind, field),
        is_atomic=field is not None and is_atomic_map(kind, field),
    )


@dataclass(frozen=True, slots=True, eq=False)
class SchemaNode:
    """A place in a custom resource; `schema` is {} where nothing is specified."""

    schema: JSON
    is_root: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        if self.schema.get("x-kubernetes-list-type") != "map":
            return ()
        return tuple(self.schema.get("x-kubernetes-list-map-keys") or ())

    @property
    def is_set(self) -> bool:
        return self.schema.get("x-kubernetes-list-type") == "set"

    @property
    def is_atomic(self) -> bool:
        return self.schema.get("x-kubernetes-map-type") == "atomic"

    @property
    def item_is_atomic(self) -> bool:
        items = self.schema.get("items")
        return isinstance(items, dict) and items.get("x-kubernetes-map-type") == "atomic"

    def child(self, field: str) -> Node:
        if self.is_root and field == "metadata":
            return _builtin_node("", None, field)
        properties: JSON = self.schema.get("properties") or {}
        found = properties.get(field, self.schema.get("additionalProperties"))
        return SchemaNode(found if isinstance(found, dict) else {})

    def item(self) -> Node:
        items = self.schema.get("items")
        return SchemaNode(items if isinstance(items, dict) else {})


def topology(kind: str, api_version: str, schema: JSON | None = None) -> Node:
    """The root node of a kind. `schema` is a custom resource's openAPIV3Schema, where it is known."""
    group = api_version.rpartition("/")[0]
    if schema is None and group in _BUILTIN_GROUPS:
        return _builtin_node(_NAMED.get(api_version, {}).get(kind, kind), None, None)
    return SchemaNode(schema or {}, is_root=True)
