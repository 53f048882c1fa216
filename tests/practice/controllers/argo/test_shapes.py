from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.argo.shapes import unreadable
from tests.practice.controllers.argo.stage import API, NS, Stage, container

ONE = {"name": "m", "container": container()}


def _workflow(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "Workflow",
        "metadata": {"name": "w", "namespace": NS},
        "spec": {"entrypoint": "m", "templates": [ONE], **spec},
    }


@pytest.mark.parametrize(
    ("spec", "place"),
    [
        ({}, ""),
        ({"templates": None, "nobody": [5]}, ""),
        ({"templates": [{"name": "m", "steps": [[{"name": "a"}], {"name": "b"}]}]}, ""),
        ({"arguments": {"parameters": [{"name": "a", "value": {"any": 1}}]}}, ""),
        ({"arguments": {"parameters": [["a"]]}}, "spec.arguments.parameters"),
        ({"templates": {"a": 1}}, "spec.templates"),
        ({"templates": [{"name": True}]}, "spec.templates.name"),
        ({"templates": [{"name": "m", "steps": ["x"]}]}, "spec.templates.steps"),
        ({"templates": [{"name": "m", "steps": [["x"]]}]}, "spec.templates.group"),
        ({"templates": [{"name": "m", "dag": {"tasks": "x"}}]}, "spec.templates.dag.tasks"),
        ({"entrypoint": 5}, "spec.entrypoint"),
        ({"podGC": "x"}, "spec.podGC"),
    ],
)
def test_the_first_misplaced_thing_is_named(spec: dict[str, Any], place: str) -> None:
    assert unreadable(_workflow(**spec)) == place


def test_a_status_written_by_hand_is_looked_at_too() -> None:
    assert unreadable({**_workflow(), "status": {"nodes": [1]}}) == "status.nodes"
    assert unreadable({**_workflow(), "status": {"nodes": {"a": "x"}}}) == "status.nodes.a"


async def test_what_cannot_be_read_is_left_alone_and_the_next_workflow_runs(stage: Stage) -> None:
    workflows = "workflows.argoproj.io"
    await stage.server.create(workflows, _workflow(arguments={"parameters": [["a"]]}))
    good = _workflow()
    await stage.server.create(workflows, {**good, "metadata": {"name": "good", "namespace": NS}})
    await stage.run(60)
    assert "status" not in stage.get(workflows, "w")
    assert stage.get(workflows, "good")["status"]["phase"] == "Succeeded"


async def test_a_parameter_without_a_name_is_named(stage: Stage) -> None:
    workflows = "workflows.argoproj.io"
    await stage.server.create(workflows, _workflow(arguments={"parameters": [{"value": "a"}]}))
    await stage.run(5)
    message = stage.get(workflows, "w")["status"]["message"]
    assert message == "invalid spec: spec.arguments.parameters[0].name is required"
