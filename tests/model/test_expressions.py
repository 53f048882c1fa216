"""`${{ }}`: what it means, what it refuses, and what it never touches."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from runbook.model import expressions
from runbook.model.expressions import ExpressionError, Scalar, Unbound

VALUES: dict[str, Scalar] = {
    "inputs.ns": "mlops",
    "inputs.count": 2,
    "inputs.on": True,
    "inputs.off": False,
    "inputs.none": None,
    "steps.a-b.status": "passed",
}


def value(text: str) -> Scalar:
    return expressions.resolve(expressions.parse(text), VALUES.__getitem__)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ inputs.count }}", 2),
        ("${{inputs.on}}", True),
        ("n=${{ inputs.count }}, ${{ inputs.on }}", "n=2, true"),
        ("[${{ inputs.none }}]", "[]"),
        ("${{ inputs.ns == 'mlops' }}", True),
        ("${{ inputs.count != 2 }}", False),
        ("${{ inputs.count == '2' }}", True),
        ("${{ !inputs.off && (inputs.on || inputs.none) }}", True),
        ("${{ inputs.off || 'else' }}", "else"),
        ("${{ 'it''s' }}", "it's"),
        ("${{ '}}' }}", "}}"),
        ("${{ -1.5 }}", -1.5),
        ("${{ steps.a-b.status == 'passed' }}", True),
        ("$${{ inputs.ns }}", "${{ inputs.ns }}"),
        ("{{ workflow.name }} ${HOME} $(date) {{.items}}", "{{ workflow.name }} ${HOME} $(date) {{.items}}"),
        ("", ""),
    ],
)  # fmt: skip
def test_a_text_has_the_value_an_author_expects(text: str, expected: Scalar) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("a ${{ inputs.ns", 2),
        ("${{ }}", 4),
        ("${{ inputs.ns == }}", 17),
        ("${{ inputs.ns inputs.ns }}", 14),
        ("${{ (inputs.ns }}", 4),
        ("${{ inputs.ns ~ 1 }}", 14),
        ("${{ upper('x') }}", 9),
        ("${{ == 1 }}", 4),
        ("${{ ) }}", 4),
        ("${{ " + "!" * 40 + "inputs.on }}", 25),
    ],
)
def test_what_cannot_be_read_is_refused_at_its_place(text: str, offset: int) -> None:
    with pytest.raises(ExpressionError) as refused:
        expressions.parse(text)
    assert refused.value.offset == offset


def early(name: str) -> Scalar:
    if name.startswith("steps."):
        raise Unbound(name)
    return VALUES[name]


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("${{ inputs.count }}", 2),
        ("${{ steps.a-b.status }}", "${{ steps.a-b.status }}"),
        ("${{ steps.a-b.status == null }}", "${{ ((steps.a-b.status) == (null)) }}"),
        ("$${{ inputs.ns }}", "$${{ inputs.ns }}"),
        ("${{ inputs.ns }}/${{ steps.a-b.status }}", "mlops/${{ steps.a-b.status }}"),
        (
            "${{ steps.a-b.status == inputs.ns }}",
            "${{ ((steps.a-b.status) == ('mlops')) }}",
        ),
    ],
)
def test_what_exists_is_filled_in_and_what_does_not_yet_stays(text: str, bound: Scalar) -> None:
    assert expressions.partially(text, early) == bound
    assert expressions.as_text(value(str(bound))) == expressions.as_text(value(text))


def test_a_value_that_looks_like_an_expression_is_not_read_again() -> None:
    sly = {"inputs.a": "${{ secrets.key }}", "steps.b.status": "x"}

    def lookup(name: str) -> Scalar:
        if name.startswith("steps."):
            raise Unbound(name)
        return sly[name]

    bound = expressions.partially("${{ inputs.a }} ${{ steps.b.status }}", lookup)
    template = expressions.parse(str(bound))
    assert expressions.references(template) == {"steps.b.status"}
    assert expressions.resolve(template, sly.__getitem__) == "${{ secrets.key }} x"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [("inputs.on", True), ("${{ inputs.off }}", False), ("'false'", False), ("0", False)],
)
def test_a_condition_may_leave_its_marks_out(condition: str, holds: bool) -> None:
    assert expressions.evaluate(condition, VALUES.__getitem__) is holds


scalars = st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=20)
nodes = st.recursive(
    st.builds(expressions.Literal, scalars)
    | st.builds(expressions.Name, st.sampled_from(sorted(VALUES)), st.just(0)),
    lambda inner: (
        st.builds(expressions.Not, inner)
        | st.builds(expressions.Binary, st.sampled_from(["==", "!=", "&&", "||"]), inner, inner)
    ),
    max_leaves=8,
)


@given(nodes)
def test_an_expression_that_is_written_out_means_the_same(node: expressions.Node) -> None:
    back = expressions.parse_node(expressions.write(node))
    lookup = VALUES.__getitem__
    assert expressions.value_of(back, lookup) == expressions.value_of(node, lookup)


@given(st.text(max_size=60))
def test_no_text_makes_a_traceback(text: str) -> None:
    try:
        expressions.parse(text)
    except ExpressionError as refused:
        assert 0 <= refused.offset <= len(text)


@given(st.text("${} '!=&|()ainputs.1-", max_size=40))
def test_no_expression_makes_a_traceback(text: str) -> None:
    try:
        expressions.parse("${{" + text + "}}")
    except ExpressionError:
        return


def test_a_mark_inside_a_quoted_text_is_part_of_that_text() -> None:
    assert value("${{ 'a ${{ b' }} ${{ inputs.ns }}") == "a ${{ b mlops"


def test_names_are_found_and_changed_wherever_they_stand() -> None:
    text = "${{ !inputs.on && (inputs.ns == 'x') }} and $${{ inputs.ns }}"
    assert expressions.references(expressions.parse(text)) == {"inputs.on", "inputs.ns"}
    moved = expressions.renamed(text, lambda name: f"part.{name}")
    assert expressions.references(expressions.parse(moved)) == {"part.inputs.on", "part.inputs.ns"}
    assert moved.endswith("and $${{ inputs.ns }}")
    assert expressions.renamed("no ${HOME} of ours", str.upper) == "no ${HOME} of ours"
