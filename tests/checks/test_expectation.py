from __future__ import annotations

from typing import Any

import pytest

from runbook.checks.expectation import (
    as_text,
    compare,
    describe_command,
    describe_http,
    describe_value,
    http_mismatch,
    json_mismatch,
    shortened,
    value_mismatch,
)
from runbook.model.checks import Expect, HttpExpect, JsonPath


@pytest.mark.parametrize(
    ("expect", "code", "stdout", "why"),
    [
        ({}, 0, "x", ""),
        ({}, 2, "x", "exit 2, expected 0"),
        ({}, None, "", "exit None, expected 0"),
        ({"exit": [0, 1]}, 1, "", ""),
        ({"exit": [0, 1]}, 3, "", "exit 3, expected 0 or 1"),
        ({"stdout": "yes"}, 0, " yes\n", ""),
        ({"stdout": "yes"}, 0, "yes\nno", "output is yes no"),
        ({"stdout": "yes"}, 0, "", "output is empty"),
        ({"regex": "^b"}, 0, "a\nb", ""),
        ({"regex": "c$"}, 0, "a\nb", "nothing matches /c$/ in: a b"),
        ({"jsonpath": {"path": ".a", "equals": 1}}, 0, '{"a": 1}', ""),
        ({"jsonpath": {"path": ".a", "equals": 1}}, 0, '{"a": 2}', ".a is 2"),
        ({"jsonpath": {"path": ".a"}}, 0, "no json", "the output is no JSON: no json"),
        ({"range": {"min": 1, "max": 3}}, 0, " 1\n", ""),
        ({"range": {"min": 1, "max": 3}}, 0, "3.0", ""),
        ({"range": {"min": 1, "max": 3}}, 0, "3.01", "output is 3.01"),
        ({"range": {"min": -1}}, 0, "-2", "output is -2"),
        ({"range": {"max": 0}}, 0, "-1e9", ""),
        ({"range": {"max": 0}}, 0, "", "output is empty, which is no number"),
        ({"range": {"max": 0}}, 0, "nan", "output is nan, which is no number"),
        ({"range": {"max": 0}}, 0, "2Gi", "output is 2Gi, which is no number"),
        ({"jsonpath": {"path": ".a", "range": {"max": 2}}}, 0, '{"a": 3}', ".a is 3"),
        ({"jsonpath": {"path": ".a", "range": {"max": 2}}}, 0, '{"a": "2"}', ""),
        ({"jsonpath": {"path": ".a[*]", "range": {"max": 2}}}, 0, '{"a": [1, 4]}', ".a[*] is 4"),
        (
            {"jsonpath": {"path": ".a", "range": {"max": 2}}},
            0,
            '{"a": true}',
            ".a is true, which is no number",
        ),
    ],
)
def test_a_command_is_compared(
    expect: dict[str, Any], code: int | None, stdout: str, why: str
) -> None:
    assert compare(Expect.model_validate(expect), code, stdout) == why


def test_an_expression_that_cannot_be_read_is_a_reason_not_an_exception() -> None:
    assert "cannot read the regular expression '('" in compare(Expect(regex="("), 0, "")


@pytest.mark.parametrize(
    ("wanted", "value", "same"),
    [
        (3, 3, True),
        ("3", 3, True),
        (3, "3", True),
        (3, 3.0, True),
        ("True", "True", True),
        ("true", True, True),
        (True, True, True),
        (1, True, False),
        ("True", True, False),
        (None, None, True),
        ("null", None, True),
        (None, "", False),
        ('{"a":1}', {"a": 1}, True),
    ],
)
def test_values_are_the_same_when_kubectl_prints_them_alike(
    wanted: Any, value: Any, same: bool
) -> None:
    assert (value_mismatch(JsonPath(path=".v", equals=wanted), {"v": value}) == "") is same


def test_a_path_alone_asks_for_presence() -> None:
    assert value_mismatch(JsonPath(path="{.v}"), {"v": None}) == ""
    assert value_mismatch(JsonPath(path="{.v}"), {}) == "there is no .v"


def test_of_several_values_all_must_be_as_expected() -> None:
    wanted = JsonPath(path=".v[*]", matches="^a")
    assert value_mismatch(wanted, {"v": ["a", "ab"]}) == ""
    assert value_mismatch(wanted, {"v": ["a", "b"]}) == ".v[*] is b"


def test_an_empty_object_instead_of_an_error_is_pointed_out() -> None:
    why = json_mismatch(JsonPath(path=".runs[0]"), "{}", "the body")
    assert (
        why == "there is no .runs[0]: the body is {}, which some servers send instead of an error"
    )


@pytest.mark.parametrize(
    ("expect", "status", "headers", "body", "why"),
    [
        ({}, 200, {}, "", ""),
        ({}, 500, {}, "boom\nmore", "HTTP 500: boom more"),
        ({"status": [200, 204]}, 204, {}, "", ""),
        ({"headers": {"X-Seldon-Route": "^:m_"}}, 200, {"x-seldon-route": ":m_1:"}, "", ""),
        ({"headers": {"X-A": "b"}}, 200, {}, "", "header X-A is absent"),
        ({"headers": {"X-A": "b"}}, 200, {"x-a": "c"}, "", "header X-A is c"),
        ({"regex": "OK"}, 200, {}, "", "nothing matches /OK/ in: an empty body"),
        ({"jsonpath": {"path": ".a"}}, 200, {}, "<html>", "the body is no JSON: <html>"),
    ],
)
def test_an_http_answer_is_compared(
    expect: dict[str, Any], status: int, headers: dict[str, str], body: str, why: str
) -> None:
    assert http_mismatch(HttpExpect.model_validate(expect), status, headers, body) == why


def test_expectations_are_said_in_words() -> None:
    value = JsonPath(path="{.a}", equals=True)
    assert describe_value(value) == ".a = true"
    assert describe_value(JsonPath(path=".a", matches="x")) == ".a matching /x/"
    assert describe_value(JsonPath(path=".a")) == ".a present"
    command = Expect(exit=[0, 1], stdout="yes", regex="y", jsonpath=value)
    assert describe_command(command) == "exit 0 or 1, output 'yes', output matching /y/, .a = true"
    http = HttpExpect(headers={"Server": "envoy"}, regex="ok", jsonpath=value)
    assert describe_http(http) == (
        "HTTP 200, header Server matching /envoy/, body matching /ok/, .a = true"
    )


def test_outside_text_is_one_line_of_limited_length() -> None:
    assert shortened("a\n  b\tc") == "a b c"
    assert len(shortened("x" * 1000)) == 200
    assert as_text(2.5) == "2.5"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({"min": 1}, "at least 1"),
        ({"max": 2.5}, "at most 2.5"),
        ({"min": 0, "max": 3}, "from 0 to 3"),
    ],
)
def test_a_range_is_said_in_words(wanted: dict[str, float], words: str) -> None:
    expect = {"range": wanted}
    assert describe_command(Expect.model_validate(expect)) == f"exit 0, output {words}"
    http = HttpExpect.model_validate({**expect, "max_latency": "300ms"})
    assert describe_http(http) == f"HTTP 200, body {words}, within 300ms"
    path = JsonPath.model_validate({"path": ".a", "range": wanted})
    assert describe_value(path) == f".a {words}"


@pytest.mark.parametrize(
    ("wanted", "why"),
    [
        ({}, "needs `min`, `max` or both"),
        ({"min": 2, "max": 1}, "no number lies between 2 and 1"),
        ({"min": float("nan")}, "finite"),
        ({"min": True}, "number"),
        ({"least": 1}, "Extra inputs"),
    ],
)
def test_a_range_that_holds_nothing_is_refused(wanted: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        Expect.model_validate({"range": wanted})
