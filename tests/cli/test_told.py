"""What `lint` and `validate` say, to people and to other programs."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runbook.cli import told
from runbook.cli.main import main
from runbook.errors import Problem
from runbook.model.lint_rules import BY_ID, RULES

BAD = "apiVersion: runbook/v1\nname: x\nphases: []\ntyop: 1\n"
POOR = """\
apiVersion: runbook/v1
name: x
title: X
phases:
  - id: one
    title: One
    budget: 5m
    steps:
      - {id: a, title: A, run: "curl https://x | sh"}
"""
GOOD = POOR.replace("curl https://x | sh", "true")
NOTED = GOOD.replace("title: A, ", "")
TEXT = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
LOG = {
    "type": "object",
    "required": ["version", "runs"],
    "properties": {
        "version": {"const": "2.1.0"},
        "$schema": {"type": "string", "format": "uri"},
        "runs": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["tool", "results"],
                "additionalProperties": False,
                "properties": {
                    "columnKind": {"enum": ["utf16CodeUnits", "unicodeCodePoints"]},
                    "tool": {
                        "type": "object",
                        "required": ["driver"],
                        "properties": {
                            "driver": {
                                "type": "object",
                                "required": ["name", "rules"],
                                "properties": {
                                    "rules": {
                                        "type": "array",
                                        "uniqueItems": True,
                                        "items": {
                                            "type": "object",
                                            "required": ["id"],
                                            "properties": {
                                                "shortDescription": TEXT,
                                                "fullDescription": TEXT,
                                                "help": TEXT,
                                            },
                                        },
                                    }
                                },
                            }
                        },
                    },
                    "results": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["message", "ruleId", "ruleIndex", "level", "locations"],
                            "additionalProperties": False,
                            "properties": {
                                "message": TEXT,
                                "ruleId": {"type": "string"},
                                "ruleIndex": {"type": "integer", "minimum": 0},
                                "level": {"enum": ["none", "note", "warning", "error"]},
                                "locations": {
                                    "type": "array",
                                    "items": {
                                        "type": "object",
                                        "required": ["physicalLocation"],
                                        "properties": {
                                            "physicalLocation": {
                                                "type": "object",
                                                "required": ["artifactLocation"],
                                                "properties": {
                                                    "region": {
                                                        "type": "object",
                                                        "required": ["startLine"],
                                                        "properties": {
                                                            "startLine": {"minimum": 1},
                                                            "startColumn": {"minimum": 1},
                                                        },
                                                    }
                                                },
                                            }
                                        },
                                    },
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""What the published schema of SARIF 2.1.0 demands of the parts that are used here."""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in {"bad": BAD, "poor": POOR, "good": GOOD, "noted": NOTED}.items():
        (tmp_path / f"{name}.yaml").write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["lint", "good.yaml"], 0),
        (["lint", "noted.yaml"], 0),
        (["lint", "poor.yaml"], 1),
        (["lint", "good.yaml", "poor.yaml"], 1),
        (["lint", "poor.yaml", "bad.yaml"], 2),
        (["lint", "nowhere.yaml"], 2),
        (["lint", "--rules"], 0),
        (["validate", "good.yaml", "poor.yaml"], 0),
        (["validate", "good.yaml", "bad.yaml"], 2),
        (["validate", "nowhere.yaml"], 2),
    ],
)
@pytest.mark.usefixtures("here")
def test_the_exit_code_says_how_bad_it_is(words: list[str], code: int) -> None:
    assert main(words) == code


def test_a_person_reads_place_line_rule_and_way_out(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["lint", "poor.yaml"])
    out, err = capsys.readouterr()
    assert out == (
        f"{here}/poor.yaml:9:50: what is fetched is run unseen [error: pipe-to-shell]\n"
        '          - {id: a, title: A, run: "curl https://x | sh"}\n'
        f"    {' ' * 49}^\n"
        "    hint: fetch a file, check its digest, run it\n"
    )
    assert err == "1 error\n"


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize("command", ["lint", "validate"])
def test_sarif_is_as_its_schema_demands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([command, "--format", "sarif", "bad.yaml", "poor.yaml", "noted.yaml"])
    log = json.loads(capsys.readouterr().out)
    jsonschema.Draft202012Validator(LOG).validate(log)
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["results"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
    found = {(r["ruleId"], uri(r)) for r in run["results"]}
    wanted = {("invalid-runbook", "bad.yaml")}
    if command == "lint":
        wanted |= {("pipe-to-shell", "poor.yaml"), ("untitled", "noted.yaml")}
    assert found == wanted


def uri(result: dict[str, Any]) -> str:
    return str(result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"])


@pytest.mark.usefixtures("here")
def test_sarif_names_files_as_uris() -> None:
    problems = [
        told.Told(RULES[0], Problem("m", str(Path.cwd() / "a b" / "ü.yaml"), 1, 1)),
        told.Told(RULES[0], Problem("m", "/else where/x.yaml")),
    ]
    results = json.loads(told.in_sarif(problems, RULES))["runs"][0]["results"]
    assert [uri(one) for one in results] == ["a%20b/%C3%BC.yaml", "file:///else%20where/x.yaml"]
    assert "region" not in results[1]["locations"][0]["physicalLocation"]


def unescaped(line: str) -> tuple[str, dict[str, str], str]:
    """A workflow command as GitHub's runner reads it."""
    found = re.fullmatch(r"::(\w+) ([^\n]*?)::([^\n]*)", line)
    assert found is not None

    def plain(text: str) -> str:
        for code, character in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ",")):
            text = text.replace(code, character)
        return text.replace("%25", "%")

    fields = dict(pair.split("=", 1) for pair in found[2].split(","))
    return found[1], {k: plain(v) for k, v in fields.items()}, plain(found[3])


def test_github_reads_back_what_was_said() -> None:
    problem = Problem("50% of a: b,\nc::d", "a,b:c%.yaml", 3, 7, hint="x\r\ny")
    [line] = told.in_github([told.Told(BY_ID["untitled"], problem)]).splitlines()
    assert unescaped(line) == (
        "notice",
        {"file": "a,b:c%.yaml", "line": "3", "col": "7", "title": "untitled"},
        "50% of a: b,\nc::d (x\r\ny)",
    )


@pytest.mark.usefixtures("here")
def test_json_says_what_was_looked_at_and_what_was_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main(["validate", "--format", "json", "good.yaml", "bad.yaml"])
    said = json.loads(capsys.readouterr().out)
    assert [(Path(one["file"]).name, one["valid"]) for one in said["files"]] == [
        ("good.yaml", True),
        ("bad.yaml", False),
    ]
    assert ["bad.yaml", 4, 1] in [[p["file"], p["line"], p["column"]] for p in said["problems"]]


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("words", "text", "code", "said"),
    [
        (["validate", "-"], GOOD, 0, "<stdin>: valid: 1 phase,"),
        (["validate", "-"], BAD, 2, "<stdin>:4:1: unknown key 'tyop'"),
        (["lint", "-"], POOR, 1, "<stdin>:9:50: "),
        (["lint", "-", "good.yaml"], "\xff\udcff", 2, "<stdin>"),
    ],
)
def test_standard_input_is_a_file(
    words: list[str],
    text: str,
    code: int,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = io.TextIOWrapper(io.BytesIO(text.encode("utf-8", "surrogateescape")))
    monkeypatch.setattr(sys, "stdin", given)
    assert main(words) == code
    out, err = capsys.readouterr()
    assert said in out + err
    assert "Traceback" not in err
