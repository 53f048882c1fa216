"""What a runbook says, in words: nothing secret, nothing empty."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter

from runbook.model.checks import Check
from runbook.model.document import Goto, Notification, SecretSource
from runbook.model.wording import after_failure, condition, notification, source_of, when

CHECK: TypeAdapter[Any] = TypeAdapter(Check)


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"run": "kubectl get\n  pods"}, "run: kubectl get pods"),
        (
            {
                "http": {
                    "url": "http://x",
                    "password": "hunter2",
                    "headers": {"A": "b"},
                    "expect": {},
                }
            },
            "http: url http://x",
        ),
        (
            {"kubernetes": {"kind": "Pod", "jsonpath": {"path": "{.a}", "equals": "b"}}},
            "kubernetes: kind Pod, jsonpath path={.a} equals=b",
        ),
        (
            {"sealed_secrets": {"synced_in": ["a", "b"], "min_keys": 0}},
            "sealed_secrets: min_keys 0, synced_in a+b",
        ),
    ],
)
def test_a_check_in_a_few_words(check: dict[str, Any], words: str) -> None:
    assert condition(CHECK.validate_python(check)) == words


def test_a_failure_leads_somewhere() -> None:
    assert after_failure(Goto(goto="again")) == "a failure leads to again"
    assert after_failure("stop") == "a failure ends the run"


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("${{ ((steps.go.status) == ('passed')) }}", "steps.go.status == 'passed'"),
        ("${{ (registered.x) == ('(a)') }}", "registered.x == '(a)'"),
        (
            "${{ (((steps.a.status) == ('it''s')) && ((registered.b) || (registered.c))) }}",
            "steps.a.status == 'it''s' && (registered.b || registered.c)",
        ),
        ("${{ !((registered.b) != (1)) }}", "!(registered.b != 1)"),
        ("${{ true }}", "true"),
    ],
)
def test_a_condition_has_no_brackets_that_say_nothing(written: str, words: str) -> None:
    assert when(written) == words


SECRET: TypeAdapter[Any] = TypeAdapter(SecretSource)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({"from": "env", "key": "TOKEN"}, "variable TOKEN"),
        ({"from": "file", "path": "/run/token"}, "file /run/token"),
        (
            {"from": "kubernetes", "namespace": "n", "name": "s", "key": "k"},
            "Secret n/s, key k",
        ),
        ({"from": "command", "run": "vault\n read x"}, "command vault read x"),
    ],
)
def test_where_a_secret_comes_from(source: dict[str, Any], words: str) -> None:
    assert source_of(SECRET.validate_python(source)) == words


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"webhook": "hook"},
            "webhook of secret hook when waiting, failed, finished; not in practice",
        ),
        (
            {"command": ["page", "-x"], "events": ["failed"]},
            "command page when failed; not in practice",
        ),
        ({"desktop": True, "in_practice": True}, "desktop when waiting, failed, finished"),
    ],
)
def test_who_is_told_of_what(given: dict[str, Any], words: str) -> None:
    assert notification(Notification.model_validate(given)) == words


def test_a_check_by_name_is_called_so() -> None:
    assert condition(CHECK.validate_python({"health": "web"})) == "health: web"
