"""`run` and `logs`: what a command or a container says."""

from __future__ import annotations

from runbook.checks.base import CheckContext
from runbook.checks.expectation import compare, describe_command, last_line, pattern, shortened
from runbook.errors import CheckMisconfigured
from runbook.model.checks import LogsQuery, RunCheck
from runbook.model.expressions import shown
from runbook.run.readings import Reading, fails, holds, unknown
from runbook.target.api import JSON, ApiStatusError, ResourceRef

PODS = ResourceRef("", "v1", "pods", "Pod", namespaced=True)
DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def expects_run(check: RunCheck) -> str:
    return f"{shortened(shown(check.run), 80)}: {describe_command(check.expect)}"


async def look_run(check: RunCheck, context: CheckContext, expected: str) -> Reading:
    result = await context.run_command(check.run, check.shell, check.env, context.timeout)
    if result.exit is None:
        said = last_line(result.stderr)
        return unknown(expected, "the command did not end" + (f": {said}" if said else " in time"))
    mismatch = compare(check.expect, result.exit, result.stdout)
    if mismatch:
        said = last_line(result.stderr)
        return fails(expected, mismatch + (f": {said}" if said else ""))
    return holds(expected, last_line(result.stdout) or f"exit {result.exit}")


def expects_logs(query: LogsQuery) -> str:
    subject = query.pod or f"pods -l {query.selector}"
    container = f", container {query.container}" if query.container else ""
    return f"/{query.matches}/ in the log of {subject} in {query.namespace}{container}"


async def look_logs(query: LogsQuery, context: CheckContext, expected: str) -> Reading:
    wanted = pattern(query.matches)
    pods = await _pods(query, context)
    if not pods:
        return fails(expected, "there is no such pod")
    seen: list[str] = []
    for pod in pods:
        name = str(pod["metadata"]["name"])
        try:
            text = await context.cluster.logs(
                query.namespace, name, container=_container(query, pod), tail=query.tail
            )
        except ApiStatusError as error:
            if error.code != 400 and not error.says_absent:
                raise
            # The container has not started yet, or the pod has just gone.
            seen.append(f"{name}: {shortened(error.message)}")
            continue
        lines = text.splitlines()
        line = next((line for line in reversed(lines) if wanted.search(line)), None)
        if line is not None:
            return holds(expected, f"{name}: {shortened(line)}")
        seen.append(f"{name}: nothing in {len(lines)} lines; last: {last_line(text) or 'none'}")
    return fails(expected, "; ".join(seen))


async def _pods(query: LogsQuery, context: CheckContext) -> list[JSON]:
    if query.pod is None and query.selector is None:
        raise CheckMisconfigured("logs needs a pod or a selector")
    listing = await context.cluster.list(
        PODS,
        query.namespace,
        label_selector=query.selector or "",
        field_selector=f"metadata.name={query.pod}" if query.pod else "",
    )
    return list(listing.items)


def _container(query: LogsQuery, pod: JSON) -> str | None:
    if query.container is not None:
        return query.container
    annotations = pod["metadata"].get("annotations") or {}
    containers = (pod.get("spec") or {}).get("containers") or [{}]
    name = annotations.get(DEFAULT_CONTAINER) or containers[0].get("name")
    return str(name) if name else None
