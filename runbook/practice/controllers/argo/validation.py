"""What makes a workflow invalid before anything runs, in the controller's words. Pure.

Also refused, in our words: what this controller cannot run, so that nothing is silently left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.expressions import BadExpression, evaluate, words
from runbook.practice.controllers.argo.parameters import (
    declared,
    substitute,
    tags,
    values,
    workflow_scope,
)

TemplateLookup = Callable[[JSON], JSON | None]
"""From what names a template (an entrypoint, a step, a task) to the template."""

KINDS = ("container", "script", "steps", "dag", "suspend")
NOT_RUN_HERE = ("resource", "http", "data", "containerSet", "plugin")
LOOPS = ("withItems", "withParam", "withSequence")
_LATER = (
    "tasks.",
    "steps.",
    "pod.",
    "node.",
    "outputs.",
    "retries",
    "lastRetry.",
    "workflow.status",
    "workflow.failures",
    "workflow.duration",
    "workflow.outputs.",
    "=",
)
_POD_GC = ("", "OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")


def problem(workflow: JSON, spec: JSON, lookup: TemplateLookup) -> str:
    """The first fault, or "". `spec` is the effective one, its template reference resolved."""
    return next(chain(_spec_faults(spec), _template_faults(workflow, spec, lookup)), "")


def _spec_faults(spec: JSON) -> Iterator[str]:
    if not spec.get("entrypoint"):
        yield "spec.entrypoint is required"
    strategy = (spec.get("podGC") or {}).get("strategy", "")
    if strategy not in _POD_GC:
        yield f"podGC.strategy unknown strategy '{strategy}'"
    if spec.get("volumeClaimTemplates"):
        yield "volumeClaimTemplates are not run by the practice platform; name a claim that exists"
    names: set[str] = set()
    for index, template in enumerate(spec.get("templates") or []):
        name = template.get("name")
        if not name:
            yield f"templates[{index}].name is required"
        elif name in names:
            yield f"templates[{index}].name '{name}' is not unique"
        names.add(name)
    for parameter in declared(spec.get("arguments")):
        if parameter.get("value") is None and not parameter.get("valueFrom"):
            yield f"spec.arguments.{parameter['name']}.value is required"


def _template_faults(workflow: JSON, spec: JSON, lookup: TemplateLookup) -> Iterator[str]:
    scope = workflow_scope(workflow, values(spec.get("arguments")))
    arguments = set(values(spec.get("arguments")))
    seen: set[str] = set()
    entries = [spec.get("entrypoint", ""), *([spec["onExit"]] if spec.get("onExit") else [])]
    for entry in entries:
        yield from _reachable({"template": entry}, arguments, scope, lookup, seen)


def _reachable(
    holder: JSON, given: set[str], scope: dict[str, str], lookup: TemplateLookup, seen: set[str]
) -> Iterator[str]:
    template = lookup(holder)
    if template is None:
        yield _undefined(holder)
        return
    name = str(template["name"])
    inputs = declared(template.get("inputs"))
    for parameter in inputs:
        default = parameter.get("value", parameter.get("default"))
        if parameter["name"] not in given and default is None:
            yield f"templates.{name} inputs.parameters.{parameter['name']} was not supplied"
    if name in seen:
        return
    seen.add(name)
    yield from _kind_faults(template)
    inner = {**scope, **{f"inputs.parameters.{parameter['name']}": "" for parameter in inputs}}
    for tag in tags(substitute(template, inner)):
        if tag.startswith("item") or not tag.startswith(_LATER):
            yield f"templates.{name}: failed to resolve {{{{{tag}}}}}"
    for child in children(template):
        passed = {str(p["name"]) for p in declared(child.get("arguments"))}
        yield from _reachable(child, passed, scope, lookup, seen)


def _undefined(holder: JSON) -> str:
    reference = holder.get("templateRef")
    if reference:
        return f"template {reference.get('name')}.{reference.get('template')} not found"
    return f"template name '{holder.get('template', '')}' undefined"


def children(template: JSON) -> Iterator[JSON]:
    """Everything in a steps or DAG template that runs another template."""
    for group in template.get("steps") or []:
        yield from group if isinstance(group, list) else [group]
    yield from (template.get("dag") or {}).get("tasks") or []


def _kind_faults(template: JSON) -> Iterator[str]:
    name = template["name"]
    kinds = [kind for kind in KINDS if template.get(kind) is not None]
    foreign = [kind for kind in NOT_RUN_HERE if template.get(kind) is not None]
    if foreign:
        yield (
            f"templates.{name} {foreign[0]} is not run by the practice platform;"
            f" it runs {', '.join(KINDS)}"
        )
    elif len(kinds) != 1:
        count = "must have one" if not kinds else "may have only one"
        yield f"templates.{name} {count} of: {', '.join(KINDS)}"
    for index, child in enumerate(children(template)):
        where = "steps" if "steps" in template else "tasks"
        if not child.get("name"):
            yield f"templates.{name}.{where}[{index}].name is required"
        for loop in LOOPS:
            if child.get(loop) is not None:
                yield f"templates.{name}.{where}[{index}].{loop} is not run by the practice platform"
    yield from _dag_faults(name, (template.get("dag") or {}).get("tasks") or [])


def _dag_faults(name: str, tasks: list[JSON]) -> Iterator[str]:
    known = {task.get("name") for task in tasks}
    edges: dict[str, list[str]] = {}
    for task in tasks:
        try:
            needed = dependencies(task)
            if task.get("depends"):
                evaluate(str(task["depends"]), lambda _: True)
        except BadExpression as fault:
            yield f"templates.{name}.tasks.{task.get('name')} invalid depends: {fault}"
            continue
        edges[str(task.get("name"))] = needed
        for needed_name in needed:
            if needed_name not in known:
                yield (
                    f"templates.{name}.tasks.{task.get('name')} dependency '{needed_name}' not defined"
                )
    cycle = _cycle(edges)
    if cycle:
        yield f"templates.{name}.tasks dependency cycle detected: {'->'.join(cycle)}"


def dependencies(task: JSON) -> list[str]:
    """Names of the tasks this one waits for."""
    if task.get("depends"):
        return [word.split(".")[0] for word in words(str(task["depends"]))]
    return [str(name) for name in task.get("dependencies") or []]


def _cycle(edges: dict[str, list[str]]) -> list[str]:
    done: set[str] = set()

    def walk(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done:
            return []
        for needed in edges.get(name, []):
            found = walk(needed, [*path, name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for name in edges if (found := walk(name, []))), [])
