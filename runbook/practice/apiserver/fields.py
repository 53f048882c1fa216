"""Sets of fields: what `managedFields` records in its FieldsV1 form.

A path is a tuple of segments as FieldsV1 spells them: `f:name` for a field, `k:{"name":"a"}` for an item
of a keyed list, `v:"x"` for an element of a set. A set of paths names every leaf it holds, and every
item as such. Refuses to know who owns what.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from runbook.practice.apiserver.topology import Node

JSON = dict[str, Any]
Path = tuple[str, ...]

_compact = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode

PRESENT = object()  # the value of an item or a map that is there, whatever it holds

_UNOWNED = {("f:apiVersion",), ("f:kind",)} | {
    ("f:metadata", f"f:{name}")
    for name in (
        *("name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp"),
        *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "selfLink"),
    )
}
_DEFAULT_KEYS = {"protocol": "TCP"}  # the only list key that the server fills in


def leaves(obj: JSON, root: Node, *, with_maps: bool) -> dict[Path, Any]:
    """Every path of an object with its value.

    `with_maps` adds the maps and lists themselves, as updates own them; an applied configuration owns
    only what it holds.
    """
    found: dict[Path, Any] = {}
    _walk(found, obj, root, (), with_maps)
    return found


def _walk(found: dict[Path, Any], value: Any, node: Node, path: Path, with_maps: bool) -> None:
    if path in _UNOWNED:
        return
    if isinstance(value, dict) and value and not node.is_atomic:
        if with_maps and path:
            found.setdefault(path, PRESENT)
        for key, one in value.items():
            _walk(found, one, node.child(key), (*path, f"f:{key}"), with_maps)
    elif isinstance(value, list) and value and (node.keys or node.is_set):
        if with_maps:
            found[path] = PRESENT
        for one in value:
            place = (*path, segment(one, node))
            found[place] = PRESENT
            if node.keys and not node.item_is_atomic:
                _walk(found, one, node.item(), place, with_maps)
            elif node.keys:
                found[place] = one
    elif path:
        found[path] = value


def segment(item: Any, node: Node) -> str:
    """How a list's item is named."""
    if not node.keys or not isinstance(item, dict):
        return "v:" + _compact(item)
    named = {key: item.get(key, _DEFAULT_KEYS.get(key)) for key in node.keys}
    named = {key: value for key, value in named.items() if value is not None}
    return "k:" + _compact(named)


def duplicate(obj: Any, node: Node, path: str = "") -> str:
    """The first keyed list that has two items of one key, and the key; "" where none has."""
    if isinstance(obj, dict) and not node.is_atomic:
        for key, one in obj.items():
            if found := duplicate(one, node.child(key), f"{path}.{key}"):
                return found
    if isinstance(obj, list) and node.keys:
        seen: set[str] = set()
        for one in obj:
            name = segment(one, node)
            if name in seen:
                return f"{path}: duplicate entries for key {dotted((name,))}"
            seen.add(name)
            if found := duplicate(one, node.item(), path):
                return found
    return ""


def to_fields_v1(paths: Iterable[Path]) -> JSON:
    """The nested form: `.` marks a place that is a member itself and has members below."""
    root: JSON = {}
    members = set(paths)
    for path in sorted(members):
        place = root
        for part in path:
            place = place.setdefault(part, {})
    for path in members:
        place = root
        for part in path:
            place = place[part]
        if place:
            place["."] = {}
    return root


def from_fields_v1(fields: JSON) -> set[Path]:
    return set(_members(fields, ()))


def is_fields_v1(fields: JSON) -> bool:
    """Whether every part of it is one that `to_fields_v1` could have written."""
    return all(
        (part == "." or _is_part(part)) and isinstance(inner, dict) and is_fields_v1(inner)
        for part, inner in fields.items()
    )


def _is_part(part: str) -> bool:
    kind, rest = part[:2], part[2:]
    if kind in {"k:", "v:"}:
        try:
            found = json.loads(rest)
        except (ValueError, RecursionError):
            return False
        return kind == "v:" or isinstance(found, dict)
    return kind == "f:" or (kind == "i:" and rest.isascii() and rest.lstrip("-").isdigit())


def _members(fields: JSON, path: Path) -> Iterator[Path]:
    if path and (not fields or "." in fields):
        yield path
    for part, inner in fields.items():
        if part != ".":
            yield from _members(inner, (*path, part))


def dotted(path: Path) -> str:
    """A path for people: `.spec.containers[name="a"].image`."""
    text = ""
    for part in path:
        kind, rest = part[:2], part[2:]
        if kind == "f:":
            text += "." + rest
        elif kind == "k:":
            keys = json.loads(rest).items()
            text += "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys) + "]"
        else:
            text += f"[={rest}]"
    return text


def prefixes(paths: Iterable[Path]) -> set[Path]:
    """The paths and all places above them."""
    return {path[:length] for path in paths for length in range(1, len(path) + 1)}


def without(value: Any, paths: set[Path], node: Node, path: Path = ()) -> Any:
    """A copy without these leaves and items; what becomes empty by that goes too, but not the spec."""
    if not paths:
        return value
    if isinstance(value, dict) and not node.is_atomic:
        kept = {}
        for key, one in value.items():
            place = (*path, f"f:{key}")
            if place in paths:
                continue
            left = without(one, paths, node.child(key), place)
            if left or not one or len(place) == 1:
                kept[key] = left
        return kept
    if isinstance(value, list) and (node.keys or node.is_set):
        return [
            without(one, paths, node.item(), (*path, segment(one, node)))
            if node.keys and not node.item_is_atomic
            else one
            for one in value
            if (*path, segment(one, node)) not in paths
        ]
    return value


def overlay(live: Any, config: Any, node: Node) -> Any:
    """The configuration laid over the live value: maps and keyed lists merge, the rest is replaced."""
    if isinstance(config, dict) and isinstance(live, dict) and not node.is_atomic:
        merged = dict(live)
        for key, one in config.items():
            merged[key] = overlay(live.get(key), one, node.child(key))
        return merged
    if isinstance(config, list) and isinstance(live, list) and (node.keys or node.is_set):
        return _overlay_list(live, config, node)
    return config


def _overlay_list(live: list[Any], config: list[Any], node: Node) -> list[Any]:
    """Items in the order of the configuration; those only live stay before what followed them."""
    have = {segment(one, node): one for one in live}
    want = {segment(one, node): one for one in config}
    merged: dict[str, Any] = {}
    left, right = list(have), list(want)
    while left or right:
        if left and (left[0] in merged or left[0] not in want):
            merged.setdefault(left[0], have[left[0]])
            left.pop(0)
        elif right:
            name = right.pop(0)
            both = node.keys and name in have and not node.item_is_atomic
            merged[name] = overlay(have[name], want[name], node.item()) if both else want[name]
        else:
            left.pop(0)
    return list(merged.values())
