"""A spec as the controller writes it back: read into Go's types, which leave out no struct. Pure."""

from __future__ import annotations

from runbook.practice.cluster import JSON

_CONTAINER: JSON = {"name": "", "resources": {}}


def typed(spec: JSON) -> JSON:
    """The spec of a workflow, with every field that a Go struct always writes."""
    found = {**spec, "arguments": spec.get("arguments") or {}}
    if "templates" in spec:
        found["templates"] = [_template(template) for template in spec["templates"] or []]
    return found


def _template(template: JSON) -> JSON:
    found = {"inputs": {}, "outputs": {}, "metadata": {}, **template}
    for kind in ("container", "script"):
        if kind in found:
            found[kind] = {**_CONTAINER, **found[kind]}
    if "script" in found:
        found["script"] = {"source": "", **found["script"]}
    if "steps" in found:
        found["steps"] = [_group(group) for group in found["steps"] or []]
    if "dag" in found:
        tasks = [{"name": "", "arguments": {}, **task} for task in found["dag"].get("tasks") or []]
        found["dag"] = {**found["dag"], "tasks": tasks}
    return found


def _group(group: JSON | list[JSON]) -> list[JSON]:
    steps = group if isinstance(group, list) else [group]
    return [{"arguments": {}, **step} for step in steps]
