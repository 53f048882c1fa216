r"""kubectl's JSONPath, as far as checks need it: a path in, the values it finds out.

Understood, with or without braces: `.a.b`, `['a.b']`, `.a\.b`, `[0]`, `[-1]`, `[*]`, `.*`, and filters such
as `[?(@.type=="Ready")]` with `==`, `!=`, `<`, `<=`, `>`, `>=` or the mere presence of a field. A path that
leads nowhere finds nothing; a path that cannot be read is `CheckMisconfigured`. Pure.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from runbook.errors import CheckMisconfigured

_NAME = re.compile(r"(?:[^.\[\]{}\\'\"*?()\s]|\\.)+")
_QUOTED = re.compile(r"\[\s*(?:'([^']*)'|\"([^\"]*)\")\s*\]")
_INDEX = re.compile(r"\[\s*(-?\d+)\s*\]")
_EVERY = re.compile(r"\[\s*\*\s*\]|\.\*")
_FILTER = re.compile(
    r"\[\?\(\s*@(?P<path>(?:\.[\w-]+|\['[^']+'\])*)\s*"
    r"(?:(?P<sign>==|!=|<=|>=|<|>)\s*(?P<value>\"[^\"]*\"|'[^']*'|-?\d+(?:\.\d+)?|true|false))?\s*\)\]"
)

_SIGNS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

Step = Callable[[Any], Iterator[Any]]


@dataclass(frozen=True, slots=True)
class Path:
    text: str
    steps: tuple[Step, ...]

    def find(self, document: Any) -> list[Any]:
        """All values under this path, in the document's order."""
        found = [document]
        for step in self.steps:
            found = [value for parent in found for value in step(parent)]
        return found


@lru_cache(maxsize=512)
def parse(text: str) -> Path:
    bare = text.strip()
    if bare.startswith("{") and bare.endswith("}"):
        bare = bare[1:-1].strip()
    bare = bare.removeprefix("$")
    if bare and bare[0] not in ".[":
        bare = f".{bare}"
    steps: list[Step] = []
    at = 0
    while at < len(bare):
        step, at = _step(text, bare, at)
        steps.append(step)
    return Path(text, tuple(steps))


def _step(text: str, bare: str, at: int) -> tuple[Step, int]:
    if match := _EVERY.match(bare, at):
        return _every, match.end()
    if bare[at] == "." and (match := _NAME.match(bare, at + 1)):
        return _field(re.sub(r"\\(.)", r"\1", match.group())), match.end()
    if match := _QUOTED.match(bare, at):
        return _field(match.group(1) if match.group(1) is not None else match.group(2)), match.end()
    if match := _INDEX.match(bare, at):
        return _element(int(match.group(1))), match.end()
    if match := _FILTER.match(bare, at):
        return _filter(match), match.end()
    if bare == ".":
        return _itself, 1
    raise CheckMisconfigured(
        f"cannot read the JSONPath {text!r} from {bare[at:]!r} on",
        hint="allowed: .a.b  ['a.b']  [0]  [*]  [?(@.type==\"Ready\")]",
    )


def _itself(value: Any) -> Iterator[Any]:
    yield value


def _every(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from value.values()
    elif isinstance(value, list):
        yield from value


def _field(name: str) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, dict) and name in value:
            yield value[name]

    return step


def _element(index: int) -> Step:
    def step(value: Any) -> Iterator[Any]:
        if isinstance(value, list) and -len(value) <= index < len(value):
            yield value[index]

    return step


def _filter(match: re.Match[str]) -> Step:
    inner = parse(match["path"]) if match["path"] else Path("", ())
    sign, written = match["sign"], match["value"]

    def step(value: Any) -> Iterator[Any]:
        for element in _every(value):
            found = inner.find(element)
            if sign is None:
                if found:
                    yield element
            elif found and _compare(sign, found[0], written):
                yield element

    return step


def _compare(sign: str, value: Any, written: str) -> bool:
    if written[0] in "\"'":
        return isinstance(value, str) and _SIGNS[sign](value, written[1:-1])
    if written in ("true", "false"):
        return sign in ("==", "!=") and _SIGNS[sign](value, written == "true")
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and _SIGNS[sign](value, float(written))
