"""Values that no schema expects, and ways to spoil an object that was right.

A change is two numbers and a word, whatever object it falls on: that is what Hypothesis can shrink.
"""

from __future__ import annotations

import copy
import functools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import Any

import yaml
from hypothesis import strategies as st

JSON = dict[str, Any]
Path = tuple[str | int, ...]


def _nested(levels: int) -> Any:
    value: Any = "deep"
    for level in range(levels):
        value = [value] if level % 2 else {"a": value}
    return value


TEXTS = (
    "",
    " ",
    "a",
    "A_b.c/d",
    "-",
    "..",
    "a/b/c",
    "%2F%00",
    "\x00",
    "\r\nX: y",
    "\ud800",
    "ﷺ🂡é",
    "a" * 64,
    "b" * 254,
    "0",
    "-1",
    "1.5",
    "007",
    "1e999",
    "9" * 30,
    "9" * 5000,
    "²",
    "٣",
    "1_0",
    "50%",
    "-5%",
    "999999999999%",
    "1Gi",
    "1.5Ei",
    "1e400Ki",
    "999999999999Ei",
    "-1m",
    "0s",
    "1h",
    "-5m",
    "9" * 20 + "h",
    "true",
    "null",
    "None",
    "2026-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "2026-13-41T25:61:61Z",
    "2026-01-01",
    "10.0.0.1",
    "999.1.1.1",
    "10.0.0.0/99",
    "::1",
    "fe80::1%eth0",
    "(",
    "[",
    "(a+)+$",
    "{{item}}",
    "{{workflow.name}}",
    "{{=1/0}}",
    "{{",
    "$(A)",
    "{.a[?(@.b==1)]}",
    "*/0 * * * *",
    "* * 31 2 *",
    "sample",
    "default",
    "s3://",
    "s3://[",
    "http://[::1",
    "http://127.0.0.1:99999/",
    "AgBy",
    "=",
    "\ufeff",
)
VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    2**31 - 1,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63) - 1,
    10**30,
    0.5,
    -0.0,
    1e308,
    5e-324,
    [],
    {},
    [[]],
    [{}],
    [None],
    [""],
    ["a", "a"],
    ["a", 1, None, {}],
    {"": ""},
    {"a": None},
    {"a": {"b": []}},
    {"$patch": "delete"},
    {"name": "sample"},
    [{"name": "sample"}, {"name": "sample"}],
    _nested(30),
    *TEXTS,
)
DOINGS = ("replace", "remove", "grow", "grow", "key", "again", "wrap", "empty", "swap")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing done to an object: what, at which of its places, with which value."""

    doing: str
    place: int
    value: int


changes = st.lists(
    st.builds(
        Change, st.sampled_from(DOINGS), st.integers(0, 200), st.integers(0, 20 * len(VALUES))
    ),
    max_size=4,
)


@functools.cache
def samples() -> tuple[JSON, ...]:
    """An accepted object of every kind."""
    text = File(__file__).with_name("samples.yaml").read_text(encoding="utf-8")
    return tuple(yaml.safe_load_all(text))


def changed(obj: JSON, made: list[Change], schema: Schema | None = None) -> Any:
    """A copy of the object after the changes, in their order."""
    found: Any = copy.deepcopy(obj)
    for change in made:
        found = _change(found, change, schema)
    return found


def places(value: Any, at: Path = ()) -> Iterator[Path]:
    """Every place of an object, from the outside in."""
    yield at
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places(item, (*at, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from places(item, (*at, index))


def at(value: Any, path: Path) -> Any:
    for part in path:
        value = value[part]
    return value


def _change(obj: Any, change: Change, schema: Schema | None) -> Any:
    found = list(places(obj))
    path = found[change.place % len(found)]
    value = copy.deepcopy(VALUES[change.value % len(VALUES)])
    if not path:
        # Nothing stands above it: the whole object is what would be replaced.
        return value if change.doing == "replace" and change.value % 7 == 0 else obj
    parent, last, here = at(obj, path[:-1]), path[-1], at(obj, path)
    match change.doing:
        case "replace":
            parent[last] = value
        case "remove":
            del parent[last]
        case "grow":
            _grow(obj, path, change, schema)
        case "key" if isinstance(parent, dict):
            parent[TEXTS[change.value % len(TEXTS)]] = parent.pop(last)
        case "again" if isinstance(parent, list):
            parent.insert(0, copy.deepcopy(here))
        case "wrap":
            parent[last] = [here] if change.value % 2 else {"a": here}
        case "empty":
            parent[last] = {dict: {}, list: [], str: "", int: 0}.get(type(here))
        case "swap":
            other = at(obj, found[change.value % len(found)])
            parent[last] = copy.deepcopy(other)
        case _:
            pass
    return obj


def _grow(obj: Any, path: Path, change: Change, schema: Schema | None) -> None:
    """Put in a field that the schema knows here and the object does not have."""
    here = at(obj, path)
    if not isinstance(here, dict):
        path = path[:-1]
        here = at(obj, path)
    if schema is None or not isinstance(here, dict):
        return
    known = schema.at(path).get("properties") or {}
    missing = sorted(set(known) - set(here))
    if missing:
        chance = random.Random(change.value)
        name = missing[change.value % len(missing)]
        here[name] = schema.value(schema.resolved(known[name]), chance)


class Schema:
    """One kind's part of an OpenAPI document."""

    def __init__(self, root: JSON, components: JSON) -> None:
        self._root = root
        self._components = components

    def resolved(self, node: JSON) -> JSON:
        while True:
            if len(node.get("allOf", ())) == 1:
                node = node["allOf"][0]
            elif "$ref" in node:
                node = self._components[node["$ref"].rpartition("/")[2]]
            else:
                return node

    def at(self, path: Path) -> JSON:
        """The schema of a place; {} where there is none."""
        node = self.resolved(self._root)
        for part in path:
            if isinstance(part, int):
                inner = node.get("items")
            else:
                inner = (node.get("properties") or {}).get(part, node.get("additionalProperties"))
            node = self.resolved(inner) if isinstance(inner, dict) else {}
        return node

    def value(self, node: JSON, chance: random.Random, levels: int = 3) -> Any:
        """Something that fits more or less, and now and then does not."""
        if chance.random() < 0.1:
            return copy.deepcopy(chance.choice(VALUES))
        match node.get("type"):
            case "object" if levels and node.get("properties"):
                wanted = set(node.get("required", ()))
                wanted |= {name for name in node["properties"] if chance.random() < 0.3}
                return {
                    name: self.value(self.resolved(node["properties"][name]), chance, levels - 1)
                    for name in sorted(wanted & set(node["properties"]))
                }
            case "object" | "array" if levels <= 0:
                return [] if node["type"] == "array" else {}
            case "object":
                inner = node.get("additionalProperties")
                if not isinstance(inner, dict):
                    return {}
                return {"a": self.value(self.resolved(inner), chance, levels - 1)}
            case "array":
                item = self.resolved(node.get("items") or {})
                count = chance.choice((0, 1, 1, 2))
                return [self.value(item, chance, levels - 1) for _ in range(count)]
            case "integer":
                return chance.choice((0, 1, 2, 80, -1, 2**31 - 1, 2**31, 2**63 - 1))
            case "number":
                return chance.choice((0, 0.5, -1, 1e300))
            case "boolean":
                return chance.random() < 0.5
            case _:
                return chance.choice(node.get("enum") or TEXTS)
