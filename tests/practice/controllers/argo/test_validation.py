from __future__ import annotations

from typing import Any

import pytest

from runbook.practice.controllers.argo.validation import problem

SAY = {"name": "say", "container": {"image": "a"}}


def judged(spec: dict[str, Any]) -> str:
    def lookup(holder: dict[str, Any]) -> dict[str, Any] | None:
        found = (t for t in spec.get("templates", []) if t.get("name") == holder.get("template"))
        return next(found, None)

    return problem({"metadata": {"name": "w"}, "spec": spec}, spec, lookup)


def one(template: dict[str, Any], **more: Any) -> dict[str, Any]:
    templates = [template] if template is SAY else [template, SAY]
    return {"entrypoint": template.get("name", ""), "templates": templates, **more}


def tasks(*listed: dict[str, Any]) -> dict[str, Any]:
    return one({"name": "main", "dag": {"tasks": list(listed)}})


def test_a_plain_workflow_has_no_problem() -> None:
    assert judged({"entrypoint": "say", "templates": [SAY]}) == ""


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"templates": [SAY]}, "spec.entrypoint is required"),
        ({"entrypoint": "x", "templates": [SAY]}, "template name 'x' undefined"),
        ({"entrypoint": "say", "templates": [SAY], "onExit": "y"}, "template name 'y' undefined"),
        (one(SAY, podGC={"strategy": "x"}), "podGC.strategy unknown strategy 'x'"),
        ({"entrypoint": "say", "templates": [SAY, {}]}, "templates[1].name is required"),
        ({"entrypoint": "say", "templates": [SAY, SAY]}, "templates[1].name 'say' is not unique"),
        (
            {
                "entrypoint": "say",
                "templates": [SAY],
                "arguments": {"parameters": [{"name": "p"}]},
            },
            "spec.arguments.p.value is required",
        ),
        (one({"name": "none"}), "templates.none must have one of"),
        (one({**SAY, "name": "two", "suspend": {}}), "templates.two may have only one of"),
        (
            one({"name": "r", "resource": {}}),
            "templates.r resource is not run by the practice platform",
        ),
        (
            one({"name": "s", "steps": [[{"template": "say"}]]}),
            "templates.s.steps[0].name is required",
        ),
        (
            one({"name": "s", "steps": [[{"name": "a", "template": "say", "withItems": [1]}]]}),
            "templates.s.steps[0].withItems is not run",
        ),
        (
            one({"name": "main", "container": {"image": "{{nobody.knows}}"}}),
            "templates.main: failed to resolve {{nobody.knows}}",
        ),
        (
            tasks({"name": "a", "template": "say", "dependencies": ["b"]}),
            "templates.main.tasks.a dependency 'b' not defined",
        ),
        (
            tasks(
                {"name": "a", "template": "say", "dependencies": ["b"]},
                {"name": "b", "template": "say", "depends": "a.Succeeded"},
            ),
            "dependency cycle detected: a->b->a",
        ),
        (tasks({"name": "a", "template": "say", "depends": "(b"}), "invalid depends"),
        (one(SAY, volumeClaimTemplates=[{}]), "volumeClaimTemplates are not run"),
    ],
)
def test_the_first_fault_is_named(spec: dict[str, Any], words: str) -> None:
    assert words in judged(spec)


def test_a_malformed_volume_that_nobody_mounts_does_no_harm() -> None:
    assert judged(one(SAY, volumes=[{"name": "x", "metadata": {}, "spec": {}}])) == ""


def test_what_is_known_only_later_may_be_referred_to() -> None:
    later = {"name": "main", "container": {"image": "a", "args": ["{{tasks.a.outputs.result}}"]}}
    assert judged(one(later)) == ""
