from __future__ import annotations

from typing import Any

from runbook.practice.controllers.argo.typed import typed


def test_a_spec_is_written_back_with_the_structs_go_never_leaves_out() -> None:
    rest: dict[str, Any] = {"inputs": {}, "outputs": {}, "metadata": {}}
    spec = {
        "templates": [
            {"name": "s", "steps": [[{"name": "a"}], {"name": "b"}]},
            {"name": "d", "dag": {"tasks": [{"template": "c"}]}},
            {"name": "c", "container": {"image": "app"}},
        ]
    }
    assert typed(spec) == {
        "arguments": {},
        "templates": [
            {
                "name": "s",
                **rest,
                "steps": [[{"name": "a", "arguments": {}}], [{"name": "b", "arguments": {}}]],
            },
            {
                "name": "d",
                **rest,
                "dag": {"tasks": [{"name": "", "template": "c", "arguments": {}}]},
            },
            {"name": "c", **rest, "container": {"image": "app", "name": "", "resources": {}}},
        ],
    }
    assert "arguments" not in spec
