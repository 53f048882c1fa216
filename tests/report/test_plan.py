"""A plan in its two forms: everything that would be done, in order, and no secret's value."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from runbook.plan import Plan
from runbook.report import plan_json, plan_text
from tests.run.driving import HEALTH, OBJECTIVES, plan_of

STEPS: list[dict[str, Any]] = [
    {
        "id": "go",
        "title": "Delete it?",
        "approve": {
            "message": "All of\n\x1b[2J it",
            "confirm_text": "ctx",
            "approvers": ["leads", "bob"],
            "timeout": "15m",
        },
    },
    {
        "id": "delete",
        "run": "kubectl delete ns ${{ inputs.namespace }}\necho done",
        "effect": "destroy",
        "timeout": "2m",
        "retries": 1,
        "delay": "10s",
        "rollback": "kubectl create ns x",
        "env": {"PW": "${{ secrets.pw }}"},
        "on_failure": {"goto": "gone"},
    },
    {
        "id": "gone",
        "check": {"health": "web"},
        "until": "3m",
        "when": "steps.go.status == 'passed'",
    },
    {"id": "look", "manual": {"instructions": "look", "evidence": "text"}, "skippable": False},
    {"id": "a", "wait": "5s", "parallel": "both"},
    {
        "id": "b",
        "workflow": {"namespace": "n", "template": "t", "parameters": {"k": "v"}},
        "parallel": "both",
    },
]


@pytest.fixture
def plan() -> Plan:
    return plan_of(
        *STEPS,
        health=HEALTH,
        objectives=OBJECTIVES,
        inputs={"namespace": {"default": "prod"}},
        secrets={"pw": {"from": "env", "key": "PASSWORD"}},
        env={"COLOUR": "no"},
        always=[{"id": "tidy", "run": "echo tidy"}],
    )


def test_the_text_says_what_would_happen_in_order(plan: Plan) -> None:
    said = plan_text.render(replace(plan, parts={"p.yaml": "e" * 64}), "x.yaml", digest="d" * 64)
    places = [said.index(f"{number} ") for number in ("1.1", "1.2", "1.3", "1.4", "1.5", "2.1")]
    assert places == sorted(places)
    for line in (
        "plan     " + "d" * 64,
        "part     p.yaml",
        "         SHA-256 " + "e" * 64,
        "goal     recovered within 1m from when a step first destroys",
        "healthy  web, holding for 5s",
        "  namespace = prod",
        "  COLOUR = no",
        "  pw: variable PASSWORD",
        "  1.1    [gate, read] go: Delete it?",
        "         All of \ufffd[2J it",
        "  1.2    [run, destroy] delete",
        "         $ kubectl delete ns prod",
        "           echo done",
        "  1.3    [check, read] gone: web",
        "         tcp: host localhost, port 80",
        "         waits 5s",
        "         submits a workflow from n/t k=v",
        "2 Always, at the end",
        "Rollback, only when an operator asks; of what was started, last first",
        "         $ kubectl create ns x",
    ):
        assert f"{line}\n" in said, line
    one_line = " ".join(said.split())
    for words in (
        "opened by one of leads, bob, never the operator, with an SSH key; they type ctx;",
        "refused when nobody answers for 15m",
        "with variables PW=${{ secrets.pw }}",
        "tried again up to 1 times, after 10s each",
        "a failure leads to gone",
        "when steps.go.status == 'passed'; asked every 2s",
        "a person does it and writes down what they saw; never skipped",
        "at the same time as its neighbours of group both",
    ):
        assert words in one_line, words
    assert "\x1b" not in said


def test_json_holds_the_same_steps(plan: Plan) -> None:
    document = json.loads(plan_json.render(plan, "x.yaml", digest=plan.digest))
    assert document["digest"] == plan.digest
    assert document["inputs"] == {"namespace": "prod"}
    assert document["secrets"] == [{"name": "pw", "from": "variable PASSWORD", "sensitive": True}]
    first, second = document["phases"][0]["steps"][:2]
    assert first["gate"] == {
        "message": "All of\n\x1b[2J it",
        "confirm_text": "ctx",
        "approvers": ["leads", "bob"],
        "timeout_seconds": 900,
    }
    assert (second["effect"], second["goto"]) == ("destroy", "gone")
    assert [step["undoes"] for step in document["rollback"]] == ["delete"]
    assert [phase["id"] for phase in document["phases"]] == ["one", "always"]
    unknown = json.loads(plan_json.render(plan, "x.yaml", digest=None))
    assert unknown["digest"] is None
