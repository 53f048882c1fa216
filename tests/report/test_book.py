"""A runbook as a document and as a chart: everything it says is there, and nothing in it can break out."""

from __future__ import annotations

import re
from typing import Any

import pytest

from runbook.cli.show import shown_plan
from runbook.model.document import Runbook
from runbook.model.parts import Composed
from runbook.report import book, mermaid
from runbook.report.planned import phases_of

HOSTILE = '"]; end\n``` | <script> # \x1b[2J &quot;'


def composed(*steps: dict[str, Any], **more: Any) -> Composed:
    document = {
        "apiVersion": "runbook/v1",
        "name": "test",
        "title": "Try it",
        "phases": [{"id": "one", "title": HOSTILE, "budget": "5m", "steps": list(steps)}],
        **more,
    }
    return Composed(Runbook.model_validate(document), b"")


PART = composed(
    {"id": "x", "run": "true"},
    {"id": "l", "wait": "1s", "parallel": "both"},
    {"id": "r", "wait": "1s", "parallel": "both"},
)
MAIN = composed(
    {"id": "go", "title": HOSTILE, "approve": {"message": "Delete?", "approvers": ["leads"]}},
    {
        "id": "delete",
        "run": "kubectl delete ns ${{ inputs.namespace }}\necho '```'",
        "effect": "destroy",
        "rollback": "kubectl create ns x",
        "on_failure": {"goto": "after"},
    },
    {"id": "part", "uses": "./part.yaml"},
    {"id": "after", "check": {"run": "true"}, "when": "run.mode == 'drill'"},
    {"id": "by-hand", "manual": {"instructions": "look"}},
    inputs={
        "namespace": {"required": True, "pattern": "[a-z]+", "description": "which | one"},
        "count": {"type": "integer", "options": [1, 2], "default": 1},
    },
    secrets={"pw": {"from": "file", "path": "/run/pw"}},
    health={"web": {"title": "The web", "check": {"tcp": {"host": "h", "port": 80}}}},
    objectives={"rto": "45m", "recovered_when": ["web"]},
    description="What it is\nfor.",
    owner="sre",
    always=[{"id": "tidy", "run": "true"}],
)
MAIN = Composed(MAIN.runbook, b"", parts={"./part.yaml": PART})


def document(**given: str) -> str:
    return book.render(MAIN.runbook, shown_plan(MAIN, given))


def test_the_document_says_everything() -> None:
    said = document()
    for line in (
        "# Try it",
        "What it is for.",
        "| Owner | sre |",
        "| Objective | recovered within 45m from when a step first destroys |",
        "| namespace | string | \\<namespace> | which \\| one; required; matches \\[a-z\\]+ |",
        "| count | integer | 1 | one of 1, 2 |",
        "| pw | file /run/pw |",
        "| web | The web | tcp: host h, port 80 | 5s |",
        "`go`, gate, only reads",
        "- opened by one of leads, never the operator, with an SSH key",
        "`delete`, run, **destroys**",
        "- a failure leads to after",
        "### 1.3.1 part.x",
        "- when '\\<mode>' == 'drill'",
        "## 2 Always, at the end",
        "Performed only when an operator asks, of what was started, last first.",
    ):
        assert f"\n{line}\n" in f"\n{said}", line
    assert "````sh\nkubectl delete ns <namespace>\necho '```'\n````" in said
    assert "\x1b" not in said


def test_a_value_that_is_given_is_shown() -> None:
    assert "kubectl delete ns prod\n" in document(namespace="prod")


def test_no_text_ends_a_block_a_table_or_a_heading() -> None:
    said = document()
    assert len(re.findall(r"^`{3,}", said, re.MULTILINE)) % 2 == 0
    outside = re.sub(r"^(`{3,})\w*\n.*?^\1$", "", said, flags=re.MULTILINE | re.DOTALL)
    assert "<script>" not in outside.replace("\\<", "")
    headings = [line for line in outside.split("\n") if line.startswith("## ")]
    assert headings[:4] == ["## Overview", "## Inputs", "## Secrets", "## Health"]


@pytest.fixture
def chart() -> str:
    return mermaid.render(phases_of(shown_plan(MAIN, {})))


def test_the_chart_has_every_step_and_way(chart: str) -> None:
    nodes = dict(re.findall(r"^ +(s\d+)[\[({/]+\"(.*?)\"", chart, re.MULTILINE))
    by_title = {label.split(" ")[0]: name for name, label in nodes.items()}
    assert list(by_title) == ["1.1", "1.2", "1.3.1", "1.3.2", "1.3.3", "1.4", "1.5", "2.1"]
    edges = re.findall(r"^  (\w+) (-->|-\. \w+ \.->) (\w+)$", chart, re.MULTILINE)
    ways = {(a, b) for a, arrow, b in edges if arrow == "-->"}
    step = by_title
    assert {(step["1.3.1"], step["1.3.2"]), (step["1.3.1"], step["1.3.3"])} <= ways
    assert {(step["1.3.2"], step["1.4"]), (step["1.3.3"], step["1.4"])} <= ways
    assert (step["1.3.2"], step["1.3.3"]) not in ways
    assert (step["1.2"], "-. failed .->", step["1.4"]) in edges
    assert (step["1.1"], "-. refused .->", "refused") in edges
    assert f"  class {step['1.2']} destroy\n" in chart
    assert f"  class {step['1.1']} gate\n" in chart
    assert f'{step["1.5"]}[/"1.5 by-hand"/]' in chart
    assert '["uses: part"]' in chart
    assert '["at the same time: part.both"]' in chart


def test_the_charts_boxes_are_closed_and_its_labels_cannot_end_early(chart: str) -> None:
    lines = [line.strip() for line in chart.split("\n")]
    assert sum(line.startswith("subgraph ") for line in lines) == lines.count("end") == 4
    for line in lines:
        assert line.count('"') in (0, 2), line
    assert "<script" not in chart
    assert "\x1b" not in chart


def test_a_long_label_is_cut() -> None:
    assert len(mermaid.label("x" * 500)) == mermaid.LONGEST
