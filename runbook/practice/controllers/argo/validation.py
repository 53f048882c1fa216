"""What makes a workflow invalid before anything runs, in the controller's words. Pure.

A step or task is looked at twice: as if everything were given to its template, and, once its own
tags are known to resolve, with what it really gives. Also refused, in our words: what this controller
cannot run, so that nothing is silently left out.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from runbook.practice.cluster import JSON
from runbook.practice.controllers.argo.expressions import BadExpression, words
from runbook.practice.controllers.argo.parameters import declared, tags, values, workflow_scope

TemplateLookup = Callable[[JSON], JSON | None]
"""From what names a template (an entrypoint, a step, a task) to the template."""

KINDS = ("container", "script", "steps", "dag", "suspend")
NOT_RUN_HERE = ("resource", "http", "data", "containerSet", "plugin")
LOOPS = ("withItems", "withParam", "withSequence")
_CHECKED = ("item.", "steps.", "inputs.", "outputs.", "pod.", "workflow.", "tasks.")
"""How a tag begins that must resolve; any other is left as it is."""
_LATER = (
    "outputs.",
    "workflow.creationTimestamp",
    "workflow.scheduledTime",
    "workflow.duration",
    "workflow.failures",
    "workflow.outputs.",
    "tasks.name",
    "steps.name",
    "node.name",
)
_WORKFLOW = ("status", "labels", "annotations", "parameters", "priority", "mainEntrypoint")
_POD_GC = ("", "OnPodCompletion", "OnPodSuccess", "OnWorkflowCompletion", "OnWorkflowSuccess")
_NAME = re.compile(r"[a-zA-Z0-9][-a-zA-Z0-9]*")
_NAME_RULE = (
    "name must consist of alpha-numeric characters or '-', and must start with an"
    " alpha-numeric character (e.g. My-name1-2, 123-NAME)"
)
_MANY_KINDS = (
    "multiple template types specified. choose one of: container, containerSet, steps, script,"
    " resource, dag, suspend, template, template ref"
)


class _Invalid(Exception):
    """The first fault."""


def problem(workflow: JSON, spec: JSON, lookup: TemplateLookup) -> str:
    """The first fault, or "". `spec` is the effective one, its template reference resolved."""
    try:
        _check(workflow, spec, lookup)
    except _Invalid as fault:
        return str(fault)
    return ""


def children(template: JSON) -> Iterator[JSON]:
    """Everything in a steps or DAG template that runs another template."""
    for group in template.get("steps") or []:
        yield from group if isinstance(group, list) else [group]
    yield from (template.get("dag") or {}).get("tasks") or []


def dependencies(task: JSON) -> list[str]:
    """Names of the tasks this one waits for."""
    if not task.get("depends"):
        return [str(name) for name in task.get("dependencies") or []]
    try:
        named = [word.split(".")[0] for word in words(str(task["depends"]))]
    except BadExpression:
        return []
    return list(dict.fromkeys(named))


def _check(workflow: JSON, spec: JSON, lookup: TemplateLookup) -> None:
    _check_names(spec.get("templates") or [], "spec.templates")
    _check_arguments(spec, "spec.arguments.")
    entrypoint = str(spec.get("entrypoint") or "")
    if not entrypoint:
        raise _Invalid("spec.entrypoint is required")
    reference = workflow["spec"].get("workflowTemplateRef") or {}
    globals_ = workflow_scope(workflow, values(spec.get("arguments")))
    checker = _Checker(lookup, {*globals_, *(f"workflow.{name}" for name in _WORKFLOW)})
    given = set(values(spec.get("arguments")))
    for name in (entrypoint, str(spec.get("onExit") or "")):
        if name and reference and lookup({"template": name}) is None:
            raise _Invalid(f"template reference {reference.get('name')}.{name} not found")
        if name:
            checker.holder({"template": name}, given)
    strategy = (spec.get("podGC") or {}).get("strategy", "")
    if strategy not in _POD_GC:
        raise _Invalid(f"podGC.strategy unknown strategy '{strategy}'")
    if spec.get("volumeClaimTemplates"):
        raise _Invalid(
            "volumeClaimTemplates are not run by the practice platform; name a claim that exists"
        )
    for template in spec.get("templates") or []:
        with _within(f"templates.{template['name']}"):
            checker.holder({"template": template["name"]}, None)


def _check_names(items: Sequence[JSON], where: str) -> None:
    seen: set[str] = set()
    for index, item in enumerate(items):
        name = str(item.get("name") or "")
        if not name:
            raise _Invalid(f"{where}[{index}].name is required")
        if not _NAME.fullmatch(name):
            raise _Invalid(f"{where}[{index}].name: '{name}' is invalid: {_NAME_RULE}")
        if name in seen:
            raise _Invalid(f"{where}[{index}].name '{name}' is not unique")
        seen.add(name)


def _check_named(parameters: Sequence[JSON], where: str) -> None:
    for index, parameter in enumerate(parameters):
        if not parameter["name"]:
            raise _Invalid(f"{where}[{index}].name is required")


def _check_arguments(holder: JSON, prefix: str) -> None:
    given = declared(holder.get("arguments"))
    _check_named(given, f"{prefix}parameters")
    for parameter in given:
        if parameter.get("value") is None and not parameter.get("valueFrom"):
            where = f"{prefix}{parameter['name']}"
            raise _Invalid(f"{where}.value or {where}.valueFrom is required")


class _within:  # noqa: N801 - reads as the words it stands for
    """Puts where it happened before a fault from further inside."""

    def __init__(self, where: str) -> None:
        self._where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, fault: BaseException | None, trace: object) -> None:
        if isinstance(fault, _Invalid):
            raise _Invalid(f"{self._where} {fault}") from fault


@dataclass(slots=True)
class _Checker:
    """Goes down from a template to all that it runs; the inside of each is looked at once."""

    lookup: TemplateLookup
    globals: set[str]
    seen: set[str] = field(default_factory=set)

    def holder(self, holder: JSON, given: set[str] | None) -> JSON:
        """The template that is named here, found sound. `given` None: everything is given."""
        template = self.lookup(holder)
        if template is None:
            raise _Invalid(_undefined(holder))
        name = str(template["name"])
        kinds = [kind for kind in (*KINDS, *NOT_RUN_HERE) if template.get(kind) is not None]
        if not kinds:
            raise _Invalid(f"template '{name}' type is unknown")
        if len(kinds) > 1:
            raise _Invalid(f"templates.{name} {_MANY_KINDS}")
        inputs = declared(template.get("inputs"))
        _check_named(inputs, f"templates.{name}.inputs.parameters")
        for parameter in inputs:
            default = parameter.get("value", parameter.get("default"))
            if given is not None and parameter["name"] not in given and default is None:
                supplied = f"inputs.parameters.{parameter['name']} was not supplied"
                raise _Invalid(f"templates.{name} {supplied}")
        if name not in self.seen:
            self.seen.add(name)
            self._inside(name, kinds[0], template)
        return template

    def _inside(self, name: str, kind: str, template: JSON) -> None:
        if kind in NOT_RUN_HERE:
            raise _Invalid(
                f"templates.{name} {kind} is not run by the practice platform;"
                f" it runs {', '.join(KINDS)}"
            )
        inputs = declared(template.get("inputs"))
        scope = {f"inputs.parameters.{parameter['name']}" for parameter in inputs}
        if kind == "steps":
            self._steps(name, template, scope)
        elif kind == "dag":
            self._dag(name, template["dag"], scope)
        else:
            with _within(f"templates.{name}:"):
                self._resolves(template, {*scope, "pod.name"})
            program = template.get(kind) or {}
            if kind != "suspend" and not program.get("image"):
                raise _Invalid(f"templates.{name}.{kind}.image may not be empty")

    def _steps(self, name: str, template: JSON, scope: set[str]) -> None:
        seen: set[str] = set()
        for index, group in enumerate(template["steps"] or []):
            for step in group if isinstance(group, list) else [group]:
                own = str(step.get("name") or "")
                where = f"templates.{name}.steps[{index}]"
                if not own:
                    raise _Invalid(f"{where}.name is required")
                if own in seen:
                    raise _Invalid(f"{where}.name '{own}' is not unique")
                if not _NAME.fullmatch(own):
                    raise _Invalid(f"{where}.name '{own}' is invalid: {_NAME_RULE}")
                seen.add(own)
                scope.add(f"steps.{own}.status")
                _refuse_loops(step, where)
                _check_arguments(step, f"{where}.{own}.arguments.")
                with _within(f"{where}.{own}"):
                    called = self.holder(step, None)
                with _within(f"templates.{name}.steps"):
                    self._resolves(step, scope)
                scope |= _told(f"steps.{own}", called)
                with _within(f"{where}.{own}"):
                    self.holder(step, set(values(step.get("arguments"))))

    def _dag(self, name: str, dag: JSON, scope: set[str]) -> None:
        tasks: list[JSON] = dag.get("tasks") or []
        if not tasks:
            raise _Invalid(f"templates.{name} must have at least one task")
        with _within(f"templates.{name} sorting failed:"):
            _check_order(tasks)
        _check_names(tasks, f"templates.{name}.tasks")
        depends = any(task.get("depends") for task in tasks)
        called: dict[str, JSON] = {}
        for task in tasks:
            for other in ("dependencies", "continueOn"):
                if depends and task.get(other):
                    raise _Invalid(f"templates.{name} {_NOT_BOTH[other]}")
            _refuse_loops(task, f"templates.{name}.tasks.{task['name']}")
            with _within(f"templates.{name}.tasks.{task['name']}"):
                called[task["name"]] = self.holder(task, None)
            scope |= _told(f"tasks.{task['name']}", called[task["name"]])
        for task in tasks:
            earlier = {f"tasks.{other}.status" for other in _ancestors(task, tasks)}
            where = f"templates.{name}.tasks.{task['name']}"
            with _within(where):
                self._resolves(task, scope | earlier)
            _check_arguments(task, f"{where}.arguments.")
            with _within(where):
                self.holder(task, set(values(task.get("arguments"))))

    def _resolves(self, value: JSON, scope: set[str]) -> None:
        for tag in tags(value):
            if not tag.startswith(_CHECKED) or tag in scope or tag in self.globals:
                continue
            if not tag.startswith(_LATER):
                raise _Invalid(f"failed to resolve {{{{{tag}}}}}")


_NOT_BOTH = {
    "dependencies": "cannot use both 'depends' and 'dependencies' in the same DAG template",
    "continueOn": "cannot use 'continueOn' when using 'depends'. Instead use"
    " 'dep-task.Failed'/'dep-task.Errored'",
}


def _undefined(holder: JSON) -> str:
    reference = holder.get("templateRef")
    if reference:
        return f"template reference {reference.get('name')}.{reference.get('template')} not found"
    return f"template name '{holder.get('template', '')}' undefined"


def _refuse_loops(child: JSON, where: str) -> None:
    for loop in LOOPS:
        if child.get(loop) is not None:
            raise _Invalid(f"{where}.{loop} is not run by the practice platform")


def _told(prefix: str, template: JSON) -> set[str]:
    """What may be said of a step or task once its template has run."""
    found = {"id", "startedAt", "finishedAt", "hostNodeName"}
    if "container" in template or "script" in template:
        found |= {"outputs.result", "exitCode"}
    outputs = declared(template.get("outputs"))
    found |= {f"outputs.parameters.{parameter['name']}" for parameter in outputs}
    return {f"{prefix}.{name}" for name in found}


def _check_order(tasks: Iterable[JSON]) -> None:
    edges = {str(task.get("name", "")): set(dependencies(task)) for task in tasks}
    for name, count in Counter(str(task.get("name", "")) for task in tasks).items():
        if count > 1:
            raise _Invalid(f"duplicated nodeName {name}")
    for needed in edges.values():
        for name in sorted(needed - set(edges)):
            raise _Invalid(f"invalid dependency {name}")
    left = set(edges)
    while free := {name for name in left if not edges[name] & left}:
        left -= free
    if left:
        raise _Invalid("graph with cycle")


def _ancestors(task: JSON, tasks: Sequence[JSON]) -> set[str]:
    named: Mapping[str, JSON] = {other["name"]: other for other in tasks}
    found: set[str] = set()
    waiting = dependencies(task)
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += dependencies(named[name])
    return found
