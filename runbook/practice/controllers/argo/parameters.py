"""`{{ }}` in workflow specs: replaced from a scope of names; what cannot be replaced yet stays. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from runbook.practice.cluster import JSON

_TAG = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")

Scope = Mapping[str, str]


def substitute(value: Any, scope: Scope) -> Any:
    """A copy with every known tag replaced, in all strings at any depth."""
    if isinstance(value, str):
        return _TAG.sub(lambda tag: scope.get(tag[1], tag[0]), value)
    if isinstance(value, dict):
        return {key: substitute(inner, scope) for key, inner in value.items()}
    if isinstance(value, list):
        return [substitute(inner, scope) for inner in value]
    return value


def tags(value: Any) -> Iterator[str]:
    """Every tag left in the strings of a value."""
    if isinstance(value, str):
        yield from _TAG.findall(value)
    elif isinstance(value, dict):
        for inner in value.values():
            yield from tags(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from tags(inner)


def declared(holder: JSON | None) -> list[JSON]:
    """The parameters of `inputs` or `arguments`; one without a name has an empty one, as in Go."""
    return [{"name": "", **parameter} for parameter in (holder or {}).get("parameters") or []]


def values(holder: JSON | None) -> dict[str, str]:
    """Name -> value of those parameters that have one."""
    return {
        str(parameter["name"]): text(parameter["value"])
        for parameter in declared(holder)
        if parameter.get("value") is not None
    }


def inputs_of(template: JSON, given: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """The template's inputs with what was given over the defaults; and the first one without a value."""
    found: dict[str, str] = {}
    for parameter in declared(template.get("inputs")):
        name = str(parameter["name"])
        default = parameter.get("value", parameter.get("default"))
        if name in given:
            found[name] = given[name]
        elif default is not None:
            found[name] = text(default)
        else:
            return found, name
    return found, ""


def text(value: object) -> str:
    """A parameter's value as Argo hands it on."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def workflow_scope(workflow: JSON, arguments: Mapping[str, str]) -> dict[str, str]:
    metadata = workflow["metadata"]
    scope = {
        "workflow.name": str(metadata["name"]),
        "workflow.namespace": str(metadata.get("namespace", "")),
        "workflow.uid": str(metadata.get("uid", "")),
        "workflow.creationTimestamp": str(metadata.get("creationTimestamp", "")),
    }
    account = (workflow.get("spec") or {}).get("serviceAccountName")
    scope["workflow.serviceAccountName"] = str(account or "default")
    scope |= {f"workflow.parameters.{name}": value for name, value in arguments.items()}
    scope |= {f"workflow.labels.{n}": str(v) for n, v in (metadata.get("labels") or {}).items()}
    return scope
