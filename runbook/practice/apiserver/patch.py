"""The four ways to say a change: JSON patch, merge patch, strategic merge patch (and apply, elsewhere).

Every function returns a new value and leaves its arguments as they were; what did not change is shared
between old and new, so neither may be mutated afterwards. Strategic merge follows kubectl's own code,
including the order in which list items come out. Refuses to know about HTTP: a patch that makes no
sense is a `MalformedPatch`, one that does not fit the object a `PatchDoesNotApply`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import jsonpatch

from runbook.practice.apiserver.findings import go_map, go_type
from runbook.practice.apiserver.list_types import list_type, merge_key, replaces_map

__all__ = [
    "MalformedPatch",
    "PatchDoesNotApply",
    "json_patch",
    "merge_key",
    "merge_patch",
    "strategic_merge_patch",
]

JSON = dict[str, Any]

_DIRECTIVE = "$patch"
_RETAIN_KEYS = "$retainKeys"
_ORDER = "$setElementOrder/"
_DELETE = "$deleteFromPrimitiveList/"


class MalformedPatch(ValueError):
    """The patch itself cannot be understood: the server answers 400, or 500 for what it did not
    expect.
    """

    def __init__(self, message: str, code: int = 400) -> None:
        super().__init__(message)
        self.code = code


class PatchDoesNotApply(ValueError):
    """The patch is well formed but does not fit this object: the server answers 422."""


def json_patch(target: JSON, operations: Any) -> JSON:
    """RFC 6902, as leniently as the real server's library reads it."""
    if not isinstance(operations, list):
        raise MalformedPatch(
            f"error decoding patch: json: cannot unmarshal {go_type(operations)} into Go value of "
            "type []handlers.jsonPatchOp"
        )
    patched: Any = target
    try:
        for operation in operations:
            patched = jsonpatch.JsonPatch([_lenient(patched, operation)]).apply(patched)
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException) as error:
        raise PatchDoesNotApply(str(error)) from error
    except (TypeError, KeyError, AttributeError) as error:
        raise PatchDoesNotApply(f"not an operation: {error}") from error
    if not isinstance(patched, dict):
        raise PatchDoesNotApply("the result of the patch is not an object")
    return patched


def _lenient(target: Any, operation: JSON) -> JSON:
    """A field that is not there may be replaced and copied; a value that is missing is null."""
    op, path = operation["op"], operation["path"]
    if op in {"add", "replace"}:
        operation = {"value": None, **operation}
    if op == "replace" and path and isinstance(_parent(target, path), dict):
        return {**operation, "op": "add"}
    if op == "copy" and isinstance(source := _parent(target, operation["from"]), dict):
        key = _last(operation["from"])
        return {"op": "add", "path": path, "value": source.get(key)}
    return operation


def _parent(target: Any, path: str) -> Any:
    """What holds the place that a pointer names, None where there is nothing."""
    found = target
    for part in path.split("/")[1:-1]:
        found = found.get(_last(f"/{part}")) if isinstance(found, dict) else None
    return found


def _last(path: str) -> str:
    return path.rpartition("/")[2].replace("~1", "/").replace("~0", "~")


def merge_patch(target: Any, patch: Any) -> Any:
    """RFC 7386: null removes, objects merge, anything else replaces."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = merge_patch(merged.get(key), value)
    return merged


def strategic_merge_patch(target: JSON, patch: JSON, kind: str) -> JSON:
    """Merge as the built-in `kind` says: keyed lists item by item, with the `$` directives."""
    if not isinstance(patch, dict):
        raise MalformedPatch("invalid JSON document")
    return _Merge(kind).objects(target, patch, None)


class _Merge:
    """One strategic merge; holds the kind, because lists are looked up by it at every depth."""

    def __init__(self, kind: str) -> None:
        self._kind = kind

    def objects(self, target: JSON, patch: JSON, parent: str | None) -> JSON:
        """`parent` is the field that holds this object, None at the root."""
        if _DIRECTIVE in patch:
            return _directed(patch)
        merged = _retained(target, patch)
        for key, order in patch.items():
            if key.startswith(_ORDER):
                self._ordered_list(merged, patch, parent, key.removeprefix(_ORDER), order)
        for key, value in patch.items():
            if key.startswith((_ORDER, _DELETE)) or key == _RETAIN_KEYS or _ORDER + key in patch:
                continue
            if value is None:
                merged.pop(key, None)
            else:
                self._field(merged, parent, key, value)
        for key, gone in patch.items():
            if key.startswith(_DELETE):
                _delete_primitives(merged, key.removeprefix(_DELETE), gone)
        return merged

    def _field(self, merged: JSON, parent: str | None, key: str, value: Any) -> None:
        live = merged.get(key)
        if isinstance(live, dict) and isinstance(value, dict):
            if not replaces_map(self._kind, parent, key):
                merged[key] = self.objects(live, value, key)
                return
        elif isinstance(live, list) and isinstance(value, list):
            if merge_key(self._kind, parent, key) is not None:
                _put_list(merged, key, self._lists(live, value, parent, key))
            else:
                merged[key] = value
            return
        taken = _taken(value)
        if taken is _NOTHING:
            merged.pop(key, None)
        else:
            merged[key] = taken

    def _ordered_list(
        self, merged: JSON, patch: JSON, parent: str | None, field: str, order: Any
    ) -> None:
        """A list that comes with `$setElementOrder`: merge it, then give it that order."""
        live, patched = merged.get(field), patch.get(field)
        if not isinstance(order, list) or not isinstance(patched or [], list):
            raise MalformedPatch("invalid patch format of setElementOrder list")
        key = merge_key(self._kind, parent, field) or ""
        _check_order(patched or [], order, key)
        if field in patch and patched is None:
            merged.pop(field, None)
            return
        if not isinstance(live, list):
            items = _taken(patched) if patched is not None else []
        elif patched is None:
            items = live
        elif list_type(self._kind, parent, field).patch_key is None:
            items = patched
        else:
            items = self._lists(live, patched, parent, field)
            live = _seen_by_upstream(live, items, patched, key)
        if live is not None or patched is not None:
            _put_list(merged, field, _in_order(items, order, live or [], key))

    def _lists(
        self, live: list[Any], patch: list[Any], parent: str | None, field: str
    ) -> list[Any]:
        key = merge_key(self._kind, parent, field)
        if not any(isinstance(item, dict) for item in (*live, *patch)):
            merged = _without_duplicates([*live, *patch])
            return _in_order(merged, patch, live, "")
        if not key:
            raise MalformedPatch(f"cannot merge lists without merge key for {field}")
        live, patch = _special_items(live, patch, key)
        merged = list(live)
        for item in patch:
            value = _key_of(item, key)
            at = next((i for i, one in enumerate(merged) if _key_of(one, key) == value), None)
            if at is None:
                merged.append(_new_item(item))
            else:
                merged[at] = self.objects(merged[at], item, field)
        return _in_order(merged, patch, live, key)


def _directed(patch: JSON) -> JSON:
    directive = patch[_DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    raise MalformedPatch(f"unknown patch type: {directive} in map: {go_map(patch)}", 500)


def _retained(target: JSON, patch: JSON) -> JSON:
    """A copy of the target, with only the keys that `$retainKeys` names if the patch has that."""
    if _RETAIN_KEYS not in patch:
        return dict(target)
    keep = patch[_RETAIN_KEYS]
    given = [
        key
        for key, value in patch.items()
        if value is not None and key != _RETAIN_KEYS and not key.startswith((_ORDER, _DELETE))
    ]
    if not isinstance(keep, list) or not set(given) <= set(keep):
        raise MalformedPatch("invalid patch format of retainKeys")
    return {key: value for key, value in target.items() if key in keep}


def _special_items(live: list[Any], patch: list[Any], key: str) -> tuple[list[Any], list[Any]]:
    """Carry out the items that carry `$patch`; what remains is (live, patch without them)."""
    plain = []
    replace = False
    for item in patch:
        directive = item.get(_DIRECTIVE) if isinstance(item, dict) else None
        if directive is None:
            plain.append(item)
        elif directive == "replace":
            replace = True
        elif directive == "delete":
            value = _key_of(item, key)
            live = [one for one in live if _key_of(one, key) != value]
        elif directive == "merge":
            raise MalformedPatch("merging lists cannot yet be specified in the patch", 500)
        else:
            raise MalformedPatch(f"unknown patch type: {directive} in map: {go_map(item)}", 500)
    return (plain, []) if replace else (live, plain)


def _delete_primitives(merged: JSON, field: str, gone: Any) -> None:
    if not isinstance(gone, list):
        raise MalformedPatch("invalid patch format of primitive list")
    if isinstance(merged.get(field), list):
        _put_list(merged, field, [item for item in merged[field] if item not in gone])


def _put_list(merged: JSON, field: str, items: list[Any]) -> None:
    """An empty list is not written, as in the server's own encoding."""
    if items:
        merged[field] = items
    else:
        merged.pop(field, None)


def _check_order(patched: list[Any], order: list[Any], key: str) -> None:
    """The items of the patch must appear in `$setElementOrder`, in the same order."""
    left = iter([_order_key(item, key) for item in order])
    wanted = [item for item in patched if not (isinstance(item, dict) and _DIRECTIVE in item)]
    if order and not all(_order_key(item, key) in left for item in wanted):
        raise MalformedPatch(
            f"The order in patch list:\n{go_map(patched)}\n"
            f" doesn't match $setElementOrder list:\n{go_map(order)}\n",
            500,
        )


def _in_order(items: Iterable[Any], wanted: list[Any], live: list[Any], key: str) -> list[Any]:
    """Items named in `wanted` in that order; the others keep their live order among them."""
    order = _positions(wanted, key)
    position = _positions(live, key)
    mine = [item for item in items if _identity(item, key) in order]
    others = [item for item in items if _identity(item, key) not in order]
    mine.sort(key=lambda item: order[_identity(item, key)])
    others.sort(key=lambda item: position.get(_identity(item, key), len(live)))
    merged = []
    while mine and others:
        ours = position.get(_identity(mine[0], key))
        theirs = position.get(_identity(others[0], key))
        other_first = ours is not None and theirs is not None and theirs < ours
        merged.append((others if other_first else mine).pop(0))
    return [*merged, *mine, *others]


def _seen_by_upstream(live: list[Any], merged: list[Any], patch: list[Any], key: str) -> list[Any]:
    """The live order that upstream goes by: it deletes and appends in the live list's own memory."""
    if any(isinstance(item, dict) and item.get(_DIRECTIVE) == "replace" for item in patch):
        return live
    left, known = _positions(merged, key), _positions(live, key)
    remaining = [item for item in live if _identity(item, key) in left]
    added = [
        item for item in patch if _identity(item, key) in left and _identity(item, key) not in known
    ]
    return [*remaining, *added][: len(live)]


def _positions(items: list[Any], key: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for index, item in enumerate(items):
        found.setdefault(_identity(item, key), index)
    return found


def _identity(item: Any, key: str) -> str:
    return json.dumps(_order_key(item, key), sort_keys=True)


def _order_key(item: Any, key: str) -> Any:
    return _key_of(item, key) if key and isinstance(item, dict) else item


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        why = f"map: {go_map(item)} does not contain declared merge key: {key}"
        raise MalformedPatch(why, 500)
    return item[key]


def _without_duplicates(items: list[Any]) -> list[Any]:
    found: list[Any] = []
    for item in items:
        if item not in found:
            found.append(item)
    return found


_NOTHING = object()


def _taken(value: Any) -> Any:
    """A value of the patch that meets nothing to merge with: without nulls and without directives."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return _NOTHING
        taken = {key: _taken(one) for key, one in value.items() if one is not None}
        return {key: one for key, one in taken.items() if one is not _NOTHING}
    if isinstance(value, list):
        return [one for one in map(_taken, value) if one is not _NOTHING]
    return value


def _new_item(value: Any) -> Any:
    """A new item of a keyed list. Upstream carries out no directive inside it; decoding drops them."""
    if isinstance(value, dict):
        return {
            key: _new_item(one)
            for key, one in value.items()
            if one is not None and not key.startswith("$")
        }
    if isinstance(value, list):
        return [_new_item(one) for one in value]
    return value
