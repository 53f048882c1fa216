"""The JSONPath of printer columns and scale paths: names, indexes, `[*]` and one-comparison filters.

A path that cannot be parsed finds nothing, as a column whose field is absent. Refuses to know scripts,
recursive descent and slices: a CRD's columns and scale paths have no use for them.
"""

from __future__ import annotations

import functools
import json
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

Step = Callable[[Any], Iterator[Any]]

_STEP = re.compile(
    r"""
      \.?(?P<name>(?:[^.\[\]\\\s'"]|\\.)+)            # .name, with \. for a dot inside it
    | \.?\[\s*(?:'(?P<single>[^']*)'|"(?P<double>[^"]*)")\s*\]   # ['name']
    | \.?\[\s*(?P<index>-?\d+|\*)\s*\]                # [0], [-1], [*]
    | \.?\[\?\(\s*@(?P<field>(?:\.[\w./\\-]+)*)       # [?(@.type=="Ready")]
        \s*(?P<operator>==|!=|<=|>=|<|>)\s*(?P<value>[^)]*?)\s*\)\]
    """,
    re.VERBOSE,
)
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def find(value: Any, path: str) -> list[Any]:
    """Everything the path points at, in order."""
    steps = _compiled(path)
    if steps is None:
        return []
    found = [value]
    for step in steps:
        found = [result for one in found for result in step(one)]
    return found


@functools.lru_cache(maxsize=1024)
def _compiled(path: str) -> tuple[Step, ...] | None:
    text = path.strip()
    if text.startswith("{") and text.endswith("}"):
        text = text[1:-1].strip()
    text = text.removeprefix("$")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        match = _STEP.match(text, at)
        if match is None:
            return None if text[at:] != "." else tuple(steps)
        steps.append(_step(match))
        at = match.end()
    return tuple(steps)


def _step(match: re.Match[str]) -> Step:
    if match["operator"]:
        return _filter(match["field"], match["operator"], match["value"])
    if match["index"] is not None:
        return _all if match["index"] == "*" else functools.partial(_item, int(match["index"]))
    name = match["name"]
    if name is None:
        name = match["single"] if match["single"] is not None else match["double"]
    elif name == "*":
        return _all
    else:
        name = re.sub(r"\\(.)", r"\1", name)
    return functools.partial(_field, name)


def _field(name: str, value: Any) -> Iterator[Any]:
    if isinstance(value, dict) and name in value:
        yield value[name]


def _item(index: int, value: Any) -> Iterator[Any]:
    if isinstance(value, list) and -len(value) <= index < len(value):
        yield value[index]


def _all(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _filter(field: str, sign: str, literal: str) -> Step:
    wanted = _literal(literal)
    compare = _OPERATORS[sign]

    def matching(value: Any) -> Iterator[Any]:
        for one in _all(value):
            for found in find(one, field):
                try:
                    if compare(found, wanted):
                        yield one
                except TypeError:  # a number against a text: no match
                    continue

    return matching


def _literal(text: str) -> Any:
    if text[:1] in {"'", '"'} and text[-1:] == text[:1]:
        return text[1:-1]
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text
