from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, strategies as st

from runbook.practice.services.mlflow_search import (
    Clause,
    UnknownModelAttribute,
    holds,
    model_field,
    order_runs,
    page,
    parse_filter,
    run_field,
)
from runbook.practice.services.mlflow_store import LoggedModel, MlflowFault, Run


def run(run_id: str, start: int = 0, end: int | None = None, **params: str) -> Run:
    return Run(run_id, "1", "n", "u", "s3://b/1", start, end_time=end, params=params)


@pytest.mark.parametrize(
    ("text", "clauses"),
    [
        ("", []),
        (
            "params.`model_variant` = 'baseline'",
            [Clause("params", "model_variant", "=", "baseline")],
        ),
        ('parameter."odd key" != "it\'s"', [Clause("params", "odd key", "!=", "it's")]),
        ("status='FINISHED'", [Clause("attributes", "status", "=", "FINISHED")]),
        ("attributes.start_time >= 5", [Clause("attributes", "start_time", ">=", 5.0)]),
        ("metrics.a.b < 0.5", [Clause("metrics", "a.b", "<", 0.5)]),
        ("tags.x like '%y'", [Clause("tags", "x", "LIKE", "%y")]),
        (
            "params.a = 'x AND y' and tags.b = 'z'",
            [Clause("params", "a", "=", "x AND y"), Clause("tags", "b", "=", "z")],
        ),
    ],
)
def test_a_filter_is_read_clause_by_clause(text: str, clauses: list[Clause]) -> None:
    assert parse_filter(text) == clauses


@pytest.mark.parametrize(
    "text",
    [
        "params.a = 'o'brien'",
        "params.a = 'x' OR params.a = 'y'",
        "params.a = x",
        "metrics.a = 'high'",
        "nothing.a = 'x'",
        "params.a",
        "= 'x'",
    ],
)
def test_what_is_no_filter_is_a_400(text: str) -> None:
    with pytest.raises(MlflowFault) as caught:
        parse_filter(text)
    assert (caught.value.status, caught.value.code) == (400, "INVALID_PARAMETER_VALUE")


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with contextlib.suppress(MlflowFault):
        assert all(clause.key is not None for clause in parse_filter(text))


def test_comparison_is_case_sensitive_except_with_ilike() -> None:
    assert not holds(Clause("attributes", "status", "=", "finished"), "FINISHED")
    assert not holds(Clause("attributes", "status", "LIKE", "finished"), "FINISHED")
    assert holds(Clause("attributes", "status", "ILIKE", "finished"), "FINISHED")


def test_like_knows_both_wildcards_and_takes_the_rest_literally() -> None:
    assert holds(Clause("tags", "t", "LIKE", "a_c%"), "abcdef")
    assert not holds(Clause("tags", "t", "LIKE", "a.c"), "abc")


def test_a_missing_value_satisfies_nothing_not_even_inequality() -> None:
    assert not holds(Clause("params", "p", "!=", "x"), None)


def test_a_run_attribute_nobody_knows_is_a_400_and_a_models_is_a_500() -> None:
    with pytest.raises(MlflowFault, match="Invalid attribute key 'colour'"):
        run_field(run("r"), "attributes", "colour")
    with pytest.raises(UnknownModelAttribute):
        model_field(LoggedModel("m-1", "1", "n", "u", "r", 0, 0), "attributes", "colour")


def test_the_status_of_a_logged_model_equals_no_text() -> None:
    model = LoggedModel("m-1", "1", "n", "u", "r", 0, 0, status="LOGGED_MODEL_READY")
    assert not holds(
        Clause("attributes", "status", "=", "READY"), model_field(model, "attributes", "status")
    )


def test_runs_come_newest_first_and_ties_by_id() -> None:
    runs = [run("b", 1), run("a", 1), run("c", 2)]
    assert [r.run_id for r in order_runs(runs, [])] == ["c", "a", "b"]


def test_an_explicit_order_comes_first_and_runs_without_a_value_last() -> None:
    runs = [run("a", 1, end=5), run("b", 2), run("c", 3, end=9)]
    by_end = order_runs(runs, ["attributes.end_time ASC"])
    assert [r.run_id for r in by_end] == ["a", "c", "b"]
    with pytest.raises(MlflowFault, match="Invalid order_by"):
        order_runs(runs, ["end_time SIDEWAYS NOW"])


def test_pages_end_without_a_token() -> None:
    first, token = page([1, 2, 3], 2, "", 10)
    second, end = page([1, 2, 3], 2, token, 10)
    assert (first, second, end) == ([1, 2], [3], "")


@pytest.mark.parametrize("limit", [0, 50_001, "ten"])
def test_page_sizes_have_bounds(limit: object) -> None:
    with pytest.raises(MlflowFault, match="max_results"):
        page([1], limit, "", 10)


def test_a_token_that_was_not_ours_is_refused() -> None:
    with pytest.raises(MlflowFault, match="page token"):
        page([1], 1, "???", 10)
