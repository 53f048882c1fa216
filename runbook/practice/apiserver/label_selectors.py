"""Label selectors: from the text of a query parameter to a test of an object's labels.

A lexer and a parser in the shape of the real server's, because their complaints are shown to people.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping

from runbook.practice.apiserver.errors import bad_request
from runbook.practice.apiserver.metadata import key_problem, label_value_problem

Requirement = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_SETS = {"in", "notin"}
_SIGNS = {"=", "==", "!=", "<", ">"}
_SPECIAL = _SIGNS | {"!", "(", ")", ","}
_OPERATORS = "in, notin, =, ==, !=, gt, lt"
_END = ""


def requirements(text: str) -> list[Requirement]:
    """What a selector asks for, all of it; nothing for an empty one."""
    try:
        return list(_Parser(text).requirements())
    except _Refused as refused:
        raise bad_request(str(refused)) from None


class _Refused(Exception):
    pass


class _Parser:
    """Reads tokens from left to right; the last one is the empty text."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(text)
        self._at = 0

    def _ahead(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else _END

    def _next(self) -> str:
        token = self._ahead()
        self._at += 1
        return token

    def requirements(self) -> list[Requirement]:
        found: list[Requirement] = []
        while (ahead := self._ahead()) != _END:
            if ahead != "!" and not _is_word(ahead):
                raise _Refused(f"found '{ahead}', expected: !, identifier, or 'end of string'")
            try:
                found.append(self._requirement())
            except _Refused as refused:
                raise _Refused(f"unable to parse requirement: {refused}") from None
            symbol = self._next()
            if symbol == _END:
                break
            if symbol != ",":
                raise _Refused(f"found '{symbol}', expected: ',' or 'end of string'")
            if self._ahead() != "!" and not _is_word(self._ahead()):
                raise _Refused(f"found '{self._ahead()}', expected: identifier after ','")
        return found

    def _requirement(self) -> Requirement:
        negated = self._ahead() == "!"
        if negated:
            self._next()
        key = self._next()
        if not _is_word(key):
            raise _Refused(f"found '{key}', expected: identifier")
        problem = key_problem(key)
        if problem:
            raise _Refused(f'<nil>: Invalid value: "{key}": {problem}')
        if negated or self._ahead() in {_END, ","}:
            return _present(key, negated=negated)
        sign = self._next()
        if sign in _SETS:
            return _one_of(key, self._values(key), negated=sign == "notin")
        if sign not in _SIGNS:
            raise _Refused(f"found '{sign}', expected: {_OPERATORS}")
        value = self._value()
        if sign in {"<", ">"}:
            return _compared(key, sign, value)
        _check_value(key, 0, value)
        return _one_of(key, frozenset({value}), negated=sign == "!=")

    def _value(self) -> str:
        if self._ahead() in {_END, ","}:
            return ""
        value = self._next()
        if not _is_word(value):
            raise _Refused(f"found '{value}', expected: identifier")
        return value

    def _values(self, key: str) -> frozenset[str]:
        opened = self._next()
        if opened != "(":
            raise _Refused(f"found '{opened}' expected: '('")
        values: list[str] = []
        word = True  # whether a value may come next; between two commas stands an empty one
        while (symbol := self._next()) != ")":
            if symbol == ",":
                if word:
                    values.append("")
                word = True
            elif _is_word(symbol) and word:
                values.append(symbol)
                word = False
            else:
                raise _Refused(f"found '{symbol}', expected: ',' or ')'")
        if word:
            values.append("")
        for index, value in enumerate(sorted(set(values))):
            _check_value(key, index, value)
        return frozenset(values)


def _is_word(token: str) -> bool:
    return token != _END and token not in _SPECIAL


def _check_value(key: str, index: int, value: str) -> None:
    problem = label_value_problem(value)
    if problem:
        raise _Refused(f'values[{index}][{key}]: Invalid value: "{value}": {problem}')


def _one_of(key: str, values: frozenset[str], *, negated: bool) -> Requirement:
    # `!=` and `notin` also match objects without the label.
    return lambda labels: (labels.get(key) in values) != negated


def _present(key: str, *, negated: bool) -> Requirement:
    return lambda labels: (key in labels) != negated


def _compared(key: str, sign: str, text: str) -> Requirement:
    if re.fullmatch(r"-?\d+", text) is None:
        why = "for 'Gt', 'Lt' operators, the value must be an integer"
        raise _Refused(f'values[0]: Invalid value: "{text}": {why}')
    compare = operator.gt if sign == ">" else operator.lt
    bound = int(text)

    def match(labels: Mapping[str, str]) -> bool:
        try:
            return bool(compare(int(labels[key]), bound))
        except (KeyError, ValueError):
            return False

    return match
