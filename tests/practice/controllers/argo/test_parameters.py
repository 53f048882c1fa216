from __future__ import annotations

from runbook.practice.controllers.argo.parameters import inputs_of, substitute, tags

VALUE = {"args": ["{{ inputs.parameters.a }}-{{later}}", 3], "b": {"c": "{{inputs.parameters.a}}"}}


def test_tags_are_replaced_at_any_depth_and_unknown_ones_stay() -> None:
    found = substitute(VALUE, {"inputs.parameters.a": "x"})
    assert found == {"args": ["x-{{later}}", 3], "b": {"c": "x"}}
    assert list(tags(found)) == ["later"]


def test_what_is_given_wins_over_the_default_and_the_first_missing_one_is_named() -> None:
    parameters = [{"name": "a", "value": "1"}, {"name": "b", "default": True}, {"name": "c"}]
    template = {"inputs": {"parameters": parameters}}
    assert inputs_of(template, {"a": "9", "c": "3", "z": "0"}) == (
        {"a": "9", "b": "true", "c": "3"},
        "",
    )
    assert inputs_of(template, {}) == ({"a": "1", "b": "true"}, "c")
