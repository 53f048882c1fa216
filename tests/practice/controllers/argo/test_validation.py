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
        ({"entrypoint": "say", "templates": [SAY, {}]}, "spec.templates[1].name is required"),
        (
            {"entrypoint": "say", "templates": [SAY, SAY]},
            "spec.templates[1].name 'say' is not unique",
        ),
        (
            {
                "entrypoint": "say",
                "templates": [SAY],
                "arguments": {"parameters": [{"name": "p"}]},
            },
            "spec.arguments.p.value or spec.arguments.p.valueFrom is required",
        ),
        (one({"name": "none"}), "template 'none' type is unknown"),
        (
            one({**SAY, "name": "two", "suspend": {}}),
            "templates.two multiple template types specified",
        ),
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
            one({"name": "main", "container": {"image": "{{tasks.no.outputs.result}}"}}),
            "templates.main: failed to resolve {{tasks.no.outputs.result}}",
        ),
        (
            tasks({"name": "a", "template": "say", "dependencies": ["b"]}),
            "templates.main sorting failed: invalid dependency b",
        ),
        (
            tasks(
                {"name": "a", "template": "say", "dependencies": ["b"]},
                {"name": "b", "template": "say", "dependencies": ["a"]},
            ),
            "templates.main sorting failed: graph with cycle",
        ),
        (
            tasks(
                {"name": "a", "template": "say", "dependencies": ["b"]},
                {"name": "b", "template": "say", "depends": "c"},
                {"name": "c", "template": "say"},
            ),
            "templates.main cannot use both 'depends' and 'dependencies'",
        ),
        (
            tasks({"name": "a", "template": "say"}, {"name": "a", "template": "say"}),
            "templates.main sorting failed: duplicated nodeName a",
        ),
        (one({"name": "c", "container": {}}), "templates.c.container.image may not be empty"),
        (one(SAY, volumeClaimTemplates=[{}]), "volumeClaimTemplates are not run"),
    ],
)
def test_the_first_fault_is_named(spec: dict[str, Any], words: str) -> None:
    assert words in judged(spec)


def test_a_malformed_volume_that_nobody_mounts_does_no_harm() -> None:
    assert judged(one(SAY, volumes=[{"name": "x", "metadata": {}, "spec": {}}])) == ""


def test_what_is_known_only_later_may_be_referred_to() -> None:
    word = {"parameters": [{"name": "word", "value": "{{tasks.a.outputs.result}}"}]}
    asked = {"name": "b", "template": "say", "dependencies": ["a"], "arguments": word}
    assert judged(tasks({"name": "a", "template": "say"}, asked)) == ""


def test_a_tag_of_nobodys_is_left_alone() -> None:
    foreign = {"name": "main", "container": {"image": "a", "args": ["{{nobody.knows}}"]}}
    assert judged(one(foreign)) == ""
