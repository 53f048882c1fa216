from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.registry import Registry, Resource
from runbook.practice.apiserver.selectors import (
    equality_selector,
    exact_name,
    field_selector,
    label_selector,
)

JSON = dict[str, Any]


def _labelled(**labels: str) -> JSON:
    return {"metadata": {"name": "x", "labels": labels}}


@pytest.mark.parametrize(
    ("selector", "labels", "matches"),
    [
        ("a=1", {"a": "1"}, True),
        ("a==1", {"a": "2"}, False),
        ("a!=1", {"a": "1"}, False),
        ("a!=1", {}, True),
        ("a=", {"a": ""}, True),
        ("a in (1, 2)", {"a": "2"}, True),
        ("a in (1,2)", {"a": "3"}, False),
        ("a notin (1,2)", {}, True),
        ("a notin (1,2)", {"a": "1"}, False),
        ("a", {"a": "1"}, True),
        ("a", {}, False),
        ("!a", {}, True),
        ("!a", {"a": "1"}, False),
        ("a>5", {"a": "6"}, True),
        ("a>5", {"a": "5"}, False),
        ("a<5", {"a": "x"}, False),
        ("a=1,b in (x,y),!c", {"a": "1", "b": "y"}, True),
        ("a=1,b in (x,y),!c", {"a": "1", "b": "y", "c": ""}, False),
        ("app.kubernetes.io/name=web", {"app.kubernetes.io/name": "web"}, True),
    ],
)
def test_a_label_selector_chooses(selector: str, labels: dict[str, str], matches: bool) -> None:
    match = label_selector(selector)
    assert match is not None
    assert match(_labelled(**labels)) is matches


def test_an_empty_selector_chooses_everything() -> None:
    assert label_selector("") is None
    assert field_selector("", _resource("pods")) is None


@pytest.mark.parametrize(
    ("selector", "says"),
    [
        ("a in 1", "unable to parse requirement: found '1' expected: '('"),
        ("a in (1", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a>x", "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt'"),
        ("a@@", "unable to parse requirement: <nil>: Invalid value"),
        ("a b", "unable to parse requirement: found 'b', expected: in, notin"),
        ("=1", "found '=', expected: !, identifier, or 'end of string'"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        ("a=1=2", "found '=', expected: ',' or 'end of string'"),
        ("a=1,,b", "found ',', expected: identifier after ','"),
    ],
)
def test_a_selector_that_cannot_be_read_is_refused(selector: str, says: str) -> None:
    with pytest.raises(ApiError) as refused:
        label_selector(selector)
    assert refused.value.code == 400
    assert refused.value.message.startswith(says)


@pytest.mark.parametrize("selector", ["a@@", "a=b/c", "a in (b, c/d)", "a>b"])
def test_a_selector_with_impossible_values_is_refused(selector: str) -> None:
    with pytest.raises(ApiError, match="Invalid value"):
        label_selector(selector)


def _resource(name: str) -> Resource:
    found = Registry().named(name)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ("metadata.name=p", True),
        ("metadata.name!=p", False),
        ("spec.nodeName=", True),
        ("spec.nodeName=n1", False),
        ("status.phase!=Running,metadata.namespace=default", True),
        ("spec.hostNetwork=false", True),
    ],
)
def test_a_field_selector_chooses(selector: str, matches: bool) -> None:
    pod = {
        "metadata": {"name": "p", "namespace": "default"},
        "spec": {},
        "status": {"phase": "Pending"},
    }
    match = field_selector(selector, _resource("pods"))
    assert match is not None
    assert match(pod) is matches


def test_a_field_that_a_kind_does_not_index_is_refused() -> None:
    with pytest.raises(ApiError, match=r"field label not supported: spec\.foo"):
        field_selector("spec.foo=1", _resource("pods"))
    with pytest.raises(ApiError, match="invalid selector"):
        field_selector("spec.foo", _resource("pods"))


def test_a_pinned_name_is_found_in_a_field_selector() -> None:
    assert exact_name("status.phase=Running,metadata.name=p") == "p"
    assert exact_name("metadata.name!=p") is None


def test_a_map_of_labels_selects_what_has_them_all() -> None:
    match = equality_selector({"a": "1", "b": "2"})
    assert match(_labelled(a="1", b="2", c="3"))
    assert not match(_labelled(a="1"))
    assert not match({"metadata": {"name": "x"}})
