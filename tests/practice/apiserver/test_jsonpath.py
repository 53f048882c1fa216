"""The JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.apiserver.jsonpath import find

OBJECT: dict[str, Any] = {
    "metadata": {"annotations": {"example.com/a": "dotted"}, "name": "x"},
    "spec": {"list": [1, 2, 3], "map": {"a": 1, "b": 2}},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "weight": 5},
            {"type": "Other", "status": "False", "weight": 1},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".metadata.name", ["x"]),
        ("{.metadata.name}", ["x"]),
        ("$.metadata.name", ["x"]),
        ("metadata.name", ["x"]),
        (r".metadata.annotations.example\.com/a", ["dotted"]),
        (".metadata.annotations['example.com/a']", ["dotted"]),
        ('.metadata["name"]', ["x"]),
        (".spec.list[0]", [1]),
        (".spec.list[-1]", [3]),
        (".spec.list[9]", []),
        (".spec.list[*]", [1, 2, 3]),
        (".spec.map.*", [1, 2]),
        ('.status.conditions[?(@.type=="Ready")].status', ["True"]),
        (".status.conditions[?(@.type == 'Ready')].status", ["True"]),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (".status.conditions[?(@.weight>2)].type", ["Ready"]),
        (".status.conditions[?(@.type>2)].type", []),
        (".status.conditions[*].type", ["Ready", "Other"]),
        (".missing.field", []),
        (".spec.list.name", []),
        (".", [OBJECT]),
        (".spec[", []),
        ("..name", []),
    ],
)
def test_a_path_finds_what_it_points_at(path: str, found: list[Any]) -> None:
    assert find(OBJECT, path) == found
