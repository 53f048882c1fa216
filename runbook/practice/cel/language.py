"""CEL as the API server speaks it: expressions are checked against types, then evaluated.

Two environments: the checker knows exact types, the evaluator works on plain values. What neither knows
is refused when it is compiled. Importing this loads the libraries, so it is imported where a rule is.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel
from cel_expr_python.ext import ext_bindings, ext_optional, ext_strings

from runbook.practice.cel import functions

JSON = dict[str, Any]
Type = cel.Type

_GIVEN = "oldSelfGiven"
"""Holds the value that an optional `oldSelf` is made of."""

_UNDECLARED = re.compile(r"undeclared reference to '([\w.]+)'")
_PATH = re.compile(
    r"ERROR: <input>:(?P<line>\d+):(?P<column>\d+): undeclared reference to "
    r"'(?P<path>\w+(?:\.\w+)+)' \(in container ''\)\n \| (?P<source>[^\n]*)\n \| \.*\^"
)
_TWO_VARIABLES = re.compile(
    r"\.(all|exists|existsOne|transformList|transformMap|transformMapEntry)"
    r"\(\s*\w+\s*,\s*\w+\s*,"
)
_CALL = re.compile(
    r"//.*|\b(?P<name>duration|timestamp|(?<=\.)matches)\(\s*(?P<literal>r?(?:'(?:[^'\\\n]|\\.)*'|"
    r'"(?:[^"\\\n]|\\.)*"))\s*\)|\'(?:[^\'\\\n]|\\.)*\'|"(?:[^"\\\n]|\\.)*"'
)
_SOURCE = re.compile(r"<input>:(\d+):")
_EXPECTED = (
    (re.compile(r"^INVALID_ARGUMENT: |\s*\[INVALID_ARGUMENT\]$"), ""),
    (re.compile(r"(undefined field '[^']*') not found in struct '[^']*'"), r"\1"),
    (
        re.compile(r"expression of type '([^']*)' cannot be the operand of a select operation"),
        r"type '\1' does not support field selection",
    ),
    (re.compile(r"\bnull_type\b"), "null"),
    (re.compile(r"\bgoogle\.protobuf\.Timestamp\b"), "timestamp"),
    (re.compile(r"\bgoogle\.protobuf\.Duration\b"), "duration"),
    (re.compile(r"\bkubernetes\.(IP|CIDR)\b"), r"net.\1"),
    # What follows from an error is none of its own.
    (re.compile(r"ERROR: [^\n]*'\*error\*'[^\n]*\n[^\n]*\n \| \.*\^\n?"), ""),
    # A function that was called on a value has that before its arguments.
    (
        re.compile(
            r"(overload for '(\w+)' applied to ')\((.*?(?:\(.*?\))?), (.*)\)"
            r"('\n [^\n]*\.\2\()"
        ),
        r"\1\3.(\4)\5",
    ),
    (
        re.compile(r"(overload for '(\w+)' applied to ')\(([^,']*)\)('\n [^\n]*[^\s(]\.\2\(\))"),
        r"\1\3.()\4",
    ),
    (re.compile(r"\n$"), ""),
)
_FAILURES = (
    (re.compile(r'^Key not found in map : "(.*)"$'), r"no such key: \1"),
    (re.compile(r"^divide by zero$"), "division by zero"),
    (
        re.compile(r"^cannot convert (?!value)(\w+) to (\w+)$"),
        r"type conversion error from '\1' to '\2'",
    ),
    (re.compile(r"^Index error: index=(-?\d+) size=\d+$"), r"index out of bounds: \1"),
    (re.compile(r"^No matching overloads found.*$"), "no such overload"),
    (re.compile(r"^Applying SELECT to non-message type$"), "no such overload"),
)
_CODE = re.compile(r"^[A-Z_]+: | \[[A-Z_]+\]$")


class Refused(Exception):
    """An expression that does not compile, in the server's words."""


class Failed(Exception):
    """An expression that has no value, in the server's words."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression."""

    expression: Any
    returns: str
    """The type of its value: `BOOL`, `STRING`, `DYN` and so on."""

    def value(self, variables: Mapping[str, Any]) -> Any:
        """What it comes to; Failed when it comes to nothing."""
        try:
            found = self.expression.eval(data=dict(variables))
        except (RuntimeError, OverflowError, TypeError, ValueError) as error:
            raise Failed(_failure(str(error))) from None
        if found.type().name() == "ERROR":
            raise Failed(_failure(str(found.plain_value())))
        return found.plain_value()


class Scope:
    """The variables that expressions may use, with their types."""

    def __init__(self, variables: Mapping[str, Any], pool: Any = None) -> None:
        self._variables = dict(variables)
        self._pool = pool if pool is not None else _only_own_types()
        self._checker = _checker(self._variables, self._pool)

    def compile(self, text: str, *, optional_old: bool = False) -> Program:
        """Raises Refused. `optional_old` makes an optional value of `oldSelf`."""
        checked = self._checked(_with_optional(text, "oldSelf") if optional_old else text, text)
        self._check_literals(text)
        names = frozenset((*self._variables, _GIVEN))
        run = _evaluator(names)
        try:
            given = _with_optional(text, _GIVEN) if optional_old else text
            missing = _with_optional(text, "") if optional_old else text
            expression = run.compile(given)
            if optional_old:
                expression = _Either(expression, run.compile(missing))
        except RuntimeError as error:
            raise Refused(_words(str(error), text)) from None
        return Program(expression, checked.return_type().name())

    def uses(self, name: str, text: str, *, optional_old: bool = False) -> bool:
        """Whether a text refers to this variable; one that does not compile refers to none."""
        if name not in text:
            return False
        try:
            self.compile(text, optional_old=optional_old)
            others = {key: kind for key, kind in self._variables.items() if key != name}
            _checker(others, self._pool).compile(text)
        except Refused:
            return False
        except RuntimeError:
            return True
        return False

    def _checked(self, wrapped: str, text: str) -> Any:
        checker = self._checker
        if wrapped != text:
            checker = _checker(self._variables, self._pool, bindings=True)
        try:
            return checker.compile(wrapped)
        except RuntimeError as error:
            words = _words(str(error), text)
            if wrapped != text:
                words = _SOURCE.sub(lambda place: f"<input>:{int(place[1]) - 1}:", words)
            raise Refused(words) from None

    def _check_literals(self, text: str) -> None:
        """A pattern, time or duration that is written out is read when the rule is compiled."""
        found = []
        for call in _CALL.finditer(text):
            if call["name"] is None:
                continue
            name, literal = call["name"], call["literal"]
            tried = f"''.matches({literal})" if name == "matches" else f"{name}({literal})"
            program = Program(_evaluator(frozenset()).compile(tried), "")
            try:
                program.value({})
            except Failed:
                found.append(_marked(text, call.start("literal"), f"invalid {name} argument"))
        if found:
            raise Refused("\n".join(found))


def _marked(text: str, place: int, why: str) -> str:
    before = text[:place]
    line, column = before.count("\n"), place - (before.rfind("\n") + 1)
    return f"ERROR: <input>:{line + 1}:{column + 1}: {why}\n | {text.splitlines()[line]}\n | {'.' * column}^"


class _Either:
    """One expression for an `oldSelf` that is there, another for none."""

    def __init__(self, given: Any, missing: Any) -> None:
        self._given, self._missing = given, missing

    def eval(self, data: JSON) -> Any:
        old = data.get("oldSelf")
        if old is None:
            return self._missing.eval(data=data)
        return self._given.eval(data={**data, _GIVEN: old})


def _with_optional(text: str, given: str) -> str:
    old = f"optional.of({given})" if given else "optional.none()"
    return f"cel.bind(oldSelf, {old},\n{text}\n)"


def _extensions(*, bindings: bool) -> list[Any]:
    """`bindings` are ours alone, to make an optional value of `oldSelf`."""
    found = [ext_strings.ExtStrings(2), ext_optional.ExtOptional()]
    return [*found, ext_bindings.ExtBindings()] if bindings else found


def _only_own_types() -> Any:
    from runbook.practice.cel.schema_types import Types

    return Types().pool()


def _checker(variables: Mapping[str, Any], pool: Any, *, bindings: bool = False) -> Any:
    return cel.NewEnv(
        descriptor_pool=pool,
        variables=dict(variables),
        extensions=[*_extensions(bindings=bindings), functions.checked()],
    )


@functools.lru_cache(maxsize=32)
def _evaluator(names: frozenset[str]) -> Any:
    return cel.NewEnv(
        variables=dict.fromkeys(names, Type.DYN),
        extensions=[*_extensions(bindings=True), functions.evaluated()],
    )


def _words(text: str, source: str) -> str:
    unknown = set(_UNDECLARED.findall(text))
    for name in functions.NOT_HERE:
        if name in unknown:
            return f"the practice cluster does not evaluate '{name}'"
    if unknown and _TWO_VARIABLES.search(source):
        return "the practice cluster does not evaluate comprehensions with two variables"
    for pattern, words in _EXPECTED:
        text = pattern.sub(words, text)
    return _PATH.sub(_first_name, text)


def _first_name(found: re.Match[str]) -> str:
    """A path that begins with an unknown name is that name's fault."""
    column = int(found["column"]) - len(found["path"].rpartition(".")[0])
    head = f"ERROR: <input>:{found['line']}:{column}: undeclared reference to"
    name = found["path"].partition(".")[0]
    return f"{head} '{name}' (in container '')\n | {found['source']}\n | {'.' * (column - 1)}^"


def _failure(text: str) -> str:
    text = _CODE.sub("", _CODE.sub("", text))
    for pattern, words in _FAILURES:
        text = pattern.sub(words, text)
    return text
