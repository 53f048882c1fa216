from __future__ import annotations

import pytest

from runbook.practice.controllers.argo.expressions import BadExpression, evaluate, words


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("baseline == baseline", True),
        ("'a b' == \"a b\"", True),
        ("a != a", False),
        ("10 > 9", True),
        ("10 > 9 && 1 >= 2", False),
        ("(1 == 2 || 2 == 2) && !(a == b)", True),
        ("10.0 == 10", True),
        ("m-123 =~ ^m-", True),
        ("true", True),
        ("false", False),
    ],
)
def test_conditions_compare_words_and_numbers(expression: str, holds: bool) -> None:
    assert evaluate(expression) is holds


def test_a_bare_word_can_be_asked_of_the_caller() -> None:
    known = {"A.Succeeded": True, "B": False}
    assert evaluate("A.Succeeded || B", known.__getitem__)
    assert not evaluate("A.Succeeded && B", known.__getitem__)
    assert evaluate("A.Succeeded && !B", known.__getitem__)


def test_it_lists_the_words_of_a_dependency() -> None:
    assert words("(A.Succeeded || !B) && C.Failed") == ["A.Succeeded", "B", "C.Failed"]


@pytest.mark.parametrize("expression", ["", "a ==", "(a == b", "a b", "== b", "a && "])
def test_what_cannot_be_read_is_refused(expression: str) -> None:
    with pytest.raises(BadExpression):
        evaluate(expression)
