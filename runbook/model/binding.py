"""Values put into a whole model: every text of it is looked at, and what exists by now is filled in. Pure."""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterator
from functools import cache
from types import NoneType
from typing import Any, TypeVar

from runbook.model.base import FormatModel
from runbook.model.expressions import Lookup, as_text, partially, renamed

KEPT = frozenset({"run", "rollback", "when"})
"""Fields whose expressions stay, with literals for names: a script's become variables, a condition is
evaluated when its step is reached."""

M = TypeVar("M", bound=FormatModel)


def walk_texts(model: FormatModel) -> Iterator[tuple[tuple[str | int, ...], str]]:
    """Every text of a model that may hold expressions, with its path; keys as the author writes them."""
    yield from _walk(model, ())


def _walk(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, FormatModel):
        for name, field in type(value).model_fields.items():
            yield from _walk(getattr(value, name), (*path, field.alias or name))
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from _walk(item, (*path, key))
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _walk(item, (*path, index))


def bind(model: M, lookup: Lookup) -> M:
    """A copy of a model with every value filled in that exists by now."""
    bound = _bind(model, lookup, keep=False)
    assert isinstance(bound, type(model))
    return bound


def rename(model: M, new_name: Callable[[str], str]) -> M:
    """A copy of a model with every name in its expressions changed."""
    changed = _map_texts(model, lambda text: renamed(text, new_name))
    assert isinstance(changed, type(model))
    return changed


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value) if "${{" in value else value
    if isinstance(value, FormatModel):
        changes = {
            name: new
            for name in type(value).model_fields
            if (new := _map_texts(old := getattr(value, name), change)) is not old
        }
        return value.model_copy(update=changes) if changes else value
    if isinstance(value, dict):
        return {key: _map_texts(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_map_texts(item, change) for item in value]
    return value


def _bind(value: Any, lookup: Lookup, *, keep: bool) -> Any:
    if isinstance(value, str):
        return partially(value, lookup, keep=keep) if "${{" in value else value
    if isinstance(value, FormatModel):
        changes = {}
        for name in type(value).model_fields:
            old = getattr(value, name)
            new = _bind(old, lookup, keep=name in KEPT)
            if new is not old:
                changes[name] = _fitting(new, _kinds(type(value), name))
        return value.model_copy(update=changes) if changes else value
    if isinstance(value, dict):
        return {key: _bind(item, lookup, keep=keep) for key, item in value.items()}
    if isinstance(value, list):
        return [_bind(item, lookup, keep=keep) for item in value]
    return value


def _fitting(value: Any, kinds: frozenset[Any]) -> Any:
    """A value as its field takes it: where only a text may stand, a number becomes one."""
    if kinds & {int, float, bool, Any} or (value is None and NoneType in kinds):
        return value
    if isinstance(value, dict):
        return {key: _fitting(item, kinds) for key, item in value.items()}
    if isinstance(value, list):
        return [_fitting(item, kinds) for item in value]
    return as_text(value) if value is None or isinstance(value, int | float) else value


@cache
def _kinds(model: type[FormatModel], name: str) -> frozenset[Any]:
    """The plain types that may stand in a field, at any depth."""
    waiting, found = [model.model_fields[name].annotation], set()
    while waiting:
        kind = waiting.pop()
        waiting += typing.get_args(kind)
        if kind in (str, int, float, bool, NoneType, Any):
            found.add(kind)
    return frozenset(found)
