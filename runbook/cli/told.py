"""Problems of files as people and other programs read them: text, JSON, SARIF 2.1.0, GitHub commands."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from runbook import __version__
from runbook.errors import Problem
from runbook.model.lint_rules import LEVELS, Level, Rule

FORMATS = ("text", "json", "sarif", "github")
SARIF = "https://json.schemastore.org/sarif-2.1.0.json"
INVALID = Rule(
    "invalid-runbook",
    "error",
    "the file is no runbook",
    "A run would not start with it.",
    "what the message says",
)
"""What `runbook validate` finds, as a rule among those of `runbook lint`."""
_ENDS = {"error": "error", "warning": "warning", "note": "notice"}
"""Levels as GitHub calls them."""


@dataclass(frozen=True, slots=True)
class Told:
    """A problem and the rule that it is about."""

    rule: Rule
    problem: Problem

    @property
    def level(self) -> Level:
        return self.rule.level


def add_format(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--format",
        choices=FORMATS,
        default="text",
        help="text (default), json, sarif (2.1.0, for code scanning) or github (annotations)",
    )


def in_text(told: Sequence[Told]) -> str:
    """As compilers do: file:line:column, the level, the line itself, what to do."""
    return "".join(f"{_titled(one)}\n" for one in told)


def _titled(told: Told) -> str:
    first, *rest = str(told.problem).splitlines()
    return "\n".join([f"{first} [{told.level}: {told.rule.id}]", *rest])


def counted(told: Sequence[Told]) -> str:
    """`1 error, 2 warnings`; empty when there is nothing."""
    parts = []
    for level in LEVELS:
        count = sum(one.level == level for one in told)
        if count:
            parts.append(f"{count} {level}{'s' if count != 1 else ''}")
    return ", ".join(parts)


def in_json(told: Sequence[Told], files: Sequence[dict[str, Any]]) -> str:
    """One object: what was looked at, and every problem with its place (counted from 1; 0: none)."""
    problems = [
        {
            "file": _relative(one.problem.file),
            "line": one.problem.line,
            "column": one.problem.column,
            "level": one.level,
            "rule": one.rule.id,
            "message": one.problem.message,
            "hint": one.problem.hint,
        }
        for one in told
    ]
    return json.dumps({"files": list(files), "problems": problems}, indent=2) + "\n"


def in_sarif(told: Sequence[Told], rules: Sequence[Rule]) -> str:
    """A SARIF 2.1.0 log of one run. Columns count code points."""
    index = {rule.id: number for number, rule in enumerate(rules)}
    driver = {
        "name": "runbook",
        "version": __version__,
        "rules": [
            {
                "id": rule.id,
                "shortDescription": {"text": rule.title},
                "fullDescription": {"text": rule.why},
                "help": {"text": f"What to do: {rule.do}."},
                "defaultConfiguration": {"level": rule.level},
            }
            for rule in rules
        ],
    }
    results = [
        {
            "ruleId": one.rule.id,
            "ruleIndex": index[one.rule.id],
            "level": one.level,
            "message": {"text": _whole(one.problem)},
            "locations": [{"physicalLocation": _location(one.problem)}],
        }
        for one in told
    ]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _location(problem: Problem) -> dict[str, Any]:
    place: dict[str, Any] = {"artifactLocation": {"uri": _uri(problem.file)}}
    if problem.line:
        column = {"startColumn": problem.column} if problem.column else {}
        place["region"] = {"startLine": problem.line, **column}
    return place


def _uri(file: str) -> str:
    path = Path(_relative(file))
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())


def in_github(told: Sequence[Told]) -> str:
    """Workflow commands that GitHub shows beside the lines of a change."""
    lines = []
    for one in told:
        problem = one.problem
        fields = {"file": _relative(problem.file)}
        if problem.line:
            fields |= {"line": str(problem.line), "col": str(problem.column)}
        fields["title"] = one.rule.id
        written = ",".join(f"{key}={_property(value)}" for key, value in fields.items())
        lines.append(f"::{_ENDS[one.level]} {written}::{_data(_whole(problem))}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _whole(problem: Problem) -> str:
    return f"{problem.message} ({problem.hint})" if problem.hint else problem.message


def _relative(file: str) -> str:
    """As seen from here, where other programs look for it; what lies elsewhere keeps its whole path."""
    try:
        return str(Path(file).relative_to(Path.cwd()))
    except ValueError:
        return file
