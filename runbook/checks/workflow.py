"""`workflow`: the newest Argo Workflow made from a template, and how it went."""

from __future__ import annotations

from runbook.checks.base import CheckContext
from runbook.checks.expectation import shortened
from runbook.model.checks import WorkflowQuery
from runbook.run.readings import Reading, fails, holds
from runbook.target.api import JSON, UnknownResource

GROUP = "argoproj.io"


def expects(query: WorkflowQuery) -> str:
    given = ", ".join(f"{name}={value}" for name, value in query.parameters.items())
    what = f"newest Workflow of {query.template} in {query.namespace}"
    node = f"node {query.node} of the " if query.node else ""
    return f"{node}{what}{f' with {given}' if given else ''} Succeeded"


async def look(query: WorkflowQuery, context: CheckContext, expected: str) -> Reading:
    try:
        resource = await context.cluster.resolve("workflows", GROUP)
    except UnknownResource as error:
        return fails(expected, f"{error.message}; is Argo Workflows installed?")
    listing = await context.cluster.list(resource, query.namespace)
    mine = [item for item in listing.items if _is_from(item, query)]
    if not mine:
        return fails(expected, "no such Workflow was submitted")
    newest = max(mine, key=_age_key)
    status = newest.get("status") or {}
    name = str(newest["metadata"]["name"])
    if query.node is None:
        return _judge(expected, name, status)
    nodes = (status.get("nodes") or {}).values()
    found = [node for node in nodes if node.get("displayName") == query.node]
    if not found:
        return fails(expected, f"{name} has no node {query.node}; {_told(status)}")
    # A retried node appears once for each attempt beside the one that sums them up.
    last = max(found, key=lambda node: str(node.get("startedAt") or ""))
    return _judge(expected, f"{name} {query.node}", last)


def _judge(expected: str, name: str, status: JSON) -> Reading:
    told = f"{name} {_told(status)}"
    return holds(expected, told) if status.get("phase") == "Succeeded" else fails(expected, told)


def _told(status: JSON) -> str:
    phase = str(status.get("phase") or "")
    if not phase:
        return "was not picked up by a workflow controller yet"
    words = [phase, str(status.get("progress") or "")]
    message = shortened(str(status.get("message") or ""))
    return " ".join(word for word in words if word) + (f": {message}" if message else "")


def _is_from(item: JSON, query: WorkflowQuery) -> bool:
    spec = item.get("spec") or {}
    # A label says it of Workflows submitted by Argo's own client, the reference of all.
    if (spec.get("workflowTemplateRef") or {}).get("name") != query.template:
        return False
    given = {
        parameter.get("name"): str(parameter.get("value"))
        for parameter in (spec.get("arguments") or {}).get("parameters") or ()
    }
    return all(given.get(name) == value for name, value in query.parameters.items())


def _age_key(item: JSON) -> tuple[str, str]:
    # Creation times have whole seconds, so two of one second are told apart by their starts.
    created = (item.get("metadata") or {}).get("creationTimestamp")
    return str(created or ""), str((item.get("status") or {}).get("startedAt") or "")
