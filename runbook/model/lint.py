"""Advice about a runbook that is valid: what will hurt at 3 a.m. Pure.

`lint_rules` says what each rule is about, `lint_steps`, `lint_scripts` and `lint_whole` find; here the
findings get their places, and `x-lint-ignore` is obeyed. It stands in any mapping, covers what is in it,
and is itself reported when it silences nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any

from runbook.errors import Problem
from runbook.model import lint_scripts, lint_steps, lint_whole
from runbook.model.findings import Path, nearest
from runbook.model.lint_found import Found
from runbook.model.lint_rules import BY_ID, Rule
from runbook.model.parts import Composed
from runbook.model.yaml_nodes import Reader

IGNORE = "x-lint-ignore"
_ABOUT_IGNORES = ("ignore-without-reason", "ignore-unknown", "ignore-unused")


@dataclass(frozen=True, slots=True)
class Advice:
    rule: Rule
    problem: Problem


@dataclass
class _Ignore:
    """One rule silenced for everything in the mapping at `scope`; `path` is where that is written."""

    scope: Path
    path: Path
    rule: str
    reason: str
    used: bool = False


def lint(composed: Composed, file: str, faults: Collection[str] | None = None) -> list[Advice]:
    """Every piece of advice about one file, in the order of its lines. Files that it uses are asked
    only whether they destroy and have gates; lint them by themselves.

    `faults` are the names of practice faults; without them nothing is said about such names.
    """
    reader = Reader(composed.source, file)
    document = reader.read()
    found = chain(
        lint_steps.find(composed, faults), lint_scripts.find(composed), lint_whole.find(composed)
    )
    ignores = list(_ignores(document.value, ()))
    left = [one for one in found if not _silenced(one, ignores)]
    left += _about(ignores)
    advice = [_placed(reader, one) for one in left]
    return sorted(advice, key=lambda one: (one.problem.line, one.problem.column, one.rule.id))


def _silenced(found: Found, ignores: list[_Ignore]) -> bool:
    """Whether it is; every ignore that covers it has been of use."""
    silenced = False
    for ignore in ignores:
        scope = ignore.scope
        if ignore.rule == found.rule and found.path[: len(scope)] == scope:
            ignore.used = silenced = True
    return silenced


def _about(ignores: list[_Ignore]) -> Iterator[Found]:
    for ignore in ignores:
        if ignore.rule not in BY_ID:
            yield Found(
                "ignore-unknown",
                ignore.path,
                f"no rule {ignore.rule!r}",
                nearest(ignore.rule, BY_ID),
            )
        elif not ignore.used:
            yield Found(
                "ignore-unused", ignore.path, f"{ignore.rule!r} has nothing to silence here"
            )
        elif not ignore.reason:
            yield Found(
                "ignore-without-reason", ignore.path, f"{ignore.rule!r} is silenced, and why?"
            )


def _ignores(value: Any, scope: Path) -> Iterator[_Ignore]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == IGNORE:
                yield from _written(item, scope)
            elif not key.startswith("x-"):
                yield from _ignores(item, (*scope, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _ignores(item, (*scope, index))


def _written(value: Any, scope: Path) -> Iterator[_Ignore]:
    """`RULE`, `[RULE, ...]`, `{RULE: reason}` or `[{RULE: reason}, ...]`."""
    listed = value if isinstance(value, list) else [value]
    for index, one in enumerate(listed):
        path = (*scope, IGNORE, index) if isinstance(value, list) else (*scope, IGNORE)
        if isinstance(one, dict):
            for rule, reason in one.items():
                text = reason.strip() if isinstance(reason, str) else ""
                yield _Ignore(scope, (*path, rule), rule, text)
        else:
            yield _Ignore(scope, path, str(one), "")


def _placed(reader: Reader, found: Found) -> Advice:
    rule = BY_ID[found.rule]
    document, path = reader.document, found.path
    line, column = document.at(path, on_key=found.on_key or rule.id in _ABOUT_IGNORES)
    if found.offset is not None:
        line, column = reader.within(path, found.offset)
    problem = reader.made(found.message or rule.title, line, column, found.hint or rule.do)
    return Advice(rule, problem)
