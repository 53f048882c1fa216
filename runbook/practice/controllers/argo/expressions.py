"""Conditions of workflows: `when` ("a == b && c != d") and `depends` ("A.Succeeded || !B"). Pure.

Comparison is of text, or of numbers where both sides are numbers. A bare word is asked of the caller:
for `depends` it is a task's state, for `when` it stands for itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_TOKEN = re.compile(
    r"\s*(&&|\|\||==|!=|<=|>=|=~|[()<>!]|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|[^\s()&|=!<>'\"]+)"
)
_NAME = re.compile(r"([a-zA-Z0-9][-a-zA-Z0-9]*?\.[A-Z][a-zA-Z]+)|([a-zA-Z0-9][-a-zA-Z0-9]*)")
_COMPARISONS = frozenset({"==", "!=", "<", ">", "<=", ">=", "=~"})


class BadExpression(ValueError):
    """The text cannot be read as a condition; says why."""


def evaluate(expression: str, word: Callable[[str], str | bool] = str) -> bool:
    parser = _Parser(_tokens(expression), word)
    result = parser.either()
    if parser.rest:
        raise BadExpression(f"Unexpected '{parser.rest[0]}'")
    return _truth(result)


def words(expression: str) -> list[str]:
    """Every bare word, in order: the tasks a `depends` names."""
    return [t for t in _tokens(expression) if t[0] not in "&|=!<>()'\""]


def expanded(expression: str, name: Callable[[str], str]) -> str:
    """The text of a `depends` with every bare task name spelt out; `A.Failed` stays."""
    return _NAME.sub(lambda found: found[1] or name(found[2]), expression)


def _tokens(expression: str) -> list[str]:
    found, position = [], 0
    stripped = expression.rstrip()
    while position < len(stripped):
        match = _TOKEN.match(stripped, position)
        if match is None:
            raise BadExpression(f"Unexpected '{stripped[position:]}'")
        found.append(match[1])
        position = match.end()
    return found


def _truth(value: str | bool) -> bool:
    return value if isinstance(value, bool) else value.strip().lower() == "true"


class _Parser:
    def __init__(self, rest: list[str], word: Callable[[str], str | bool]) -> None:
        self.rest = rest
        self._word = word

    def either(self) -> str | bool:
        left = self.both()
        while self._take("||"):
            right = self.both()
            left = _truth(left) or _truth(right)
        return left

    def both(self) -> str | bool:
        left = self.negated()
        while self._take("&&"):
            right = self.negated()
            left = _truth(left) and _truth(right)
        return left

    def negated(self) -> str | bool:
        if self._take("!"):
            return not _truth(self.negated())
        return self.comparison()

    def comparison(self) -> str | bool:
        left = self.atom()
        if self.rest and self.rest[0] in _COMPARISONS:
            operator = self.rest.pop(0)
            return _compare(operator, _text(left), _text(self.atom()))
        return left

    def atom(self) -> str | bool:
        if not self.rest:
            raise BadExpression("Unexpected end of expression")
        first = self.rest.pop(0)
        if first == "(":
            inner = self.either()
            if not self._take(")"):
                raise BadExpression("Unbalanced parenthesis")
            return inner
        if first[0] in "'\"":
            return first[1:-1]
        if first in _COMPARISONS or first in {"&&", "||", ")"}:
            raise BadExpression(f"Unexpected '{first}'")
        return self._word(first)

    def _take(self, token: str) -> bool:
        if self.rest and self.rest[0] == token:
            self.rest.pop(0)
            return True
        return False


def _text(value: str | bool) -> str:
    return value if isinstance(value, str) else ("true" if value else "false")


def _compare(operator: str, left: str, right: str) -> bool:
    if operator == "=~":
        return re.search(right, left) is not None
    try:
        order = float(left) - float(right)
    except ValueError:
        order = float((left > right) - (left < right))
    outcomes = {
        "==": order == 0,
        "!=": order != 0,
        "<": order < 0,
        ">": order > 0,
        "<=": order <= 0,
        ">=": order >= 0,
    }
    return outcomes[operator]
