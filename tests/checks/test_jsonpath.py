from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from runbook.checks.jsonpath import parse
from runbook.errors import CheckMisconfigured

DOCUMENT: dict[str, Any] = {
    "metadata": {"name": "m", "labels": {"app.kubernetes.io/name": "x", "a-b": "y"}},
    "status": {
        "replicas": 2,
        "conditions": [
            {"type": "Ready", "status": "True", "n": 1},
            {"type": "Other", "status": "False", "n": 2},
            {"type": "Third", "n": 3},
        ],
        "flags": {"on": True, "off": False},
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("{.metadata.name}", ["m"]),
        (".metadata.name", ["m"]),
        ("metadata.name", ["m"]),
        ("$.metadata.name", ["m"]),
        (".metadata.labels['app.kubernetes.io/name']", ["x"]),
        ('.metadata.labels["a-b"]', ["y"]),
        (".metadata.labels.app\\.kubernetes\\.io/name", ["x"]),
        (".metadata.labels.a-b", ["y"]),
        (".status.conditions[0].type", ["Ready"]),
        (".status.conditions[-1].type", ["Third"]),
        (".status.conditions[9].type", []),
        (".status.conditions[*].n", [1, 2, 3]),
        (".status.flags.*", [True, False]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?(@.type != "Ready")].n', [2, 3]),
        (".status.conditions[?(@.n>=2)].type", ["Other", "Third"]),
        (".status.conditions[?(@.n < 2)].type", ["Ready"]),
        (".status.conditions[?(@.status)].n", [1, 2]),
        (".status.conditions[?(@.type==3)].n", []),
        ('.status.conditions[?(@.status != "True")].n', [2]),
        (".status.conditions[?(@.n>='2')].n", []),
        (".status.flags[?(@==true)]", [True]),
        (".status.flags[?(@==1)]", []),
        (".nothing.here", []),
        (".metadata.name.deeper", []),
        ("{.}", [DOCUMENT]),
        ("", [DOCUMENT]),
    ],
)
def test_paths_find_what_kubectl_finds(path: str, found: list[Any]) -> None:
    assert parse(path).find(DOCUMENT) == found


@pytest.mark.parametrize(
    "path", [".a[", ".a[b]", ".a..b", "{.a", ".a[?(@.b==)]", ".a[?(b==1)]", ".a[1:2]", ". a"]
)
def test_what_cannot_be_read_is_refused_with_its_place(path: str) -> None:
    with pytest.raises(CheckMisconfigured) as refused:
        parse(path)
    assert repr(path) in str(refused.value)
    assert "allowed:" in str(refused.value)


@given(st.text(".[]?()@*'\"=ab01{}\\ ", max_size=20))
def test_any_text_is_a_path_or_refused(text: str) -> None:
    try:
        found = parse(text).find(DOCUMENT)
    except CheckMisconfigured:
        return
    assert isinstance(found, list)
