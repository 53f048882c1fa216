"""Objects of the cluster and what must be true of them.

Three traps are kept out. No object at all does not satisfy anything but `absent` and `count: 0`. An
object that is being deleted satisfies nothing positive. A condition written for an older generation
of its object is stale, and stale green is not green.
"""

from __future__ import annotations

from collections.abc import Iterable

from runbook.checks.base import CheckContext
from runbook.checks.expectation import describe_value, shortened, value_mismatch
from runbook.errors import CheckMisconfigured
from runbook.model.checks import KubernetesQuery
from runbook.run.readings import Reading, fails, holds
from runbook.target.api import JSON, ApiStatusError, UnknownResource
from runbook.target.rows import condition_text, conditions, is_stale

SHOWN = 3
"""Objects that an observation names; the rest is a number."""


def expects(query: KubernetesQuery) -> str:
    subject = _subject(query)
    if query.absent:
        return f"no {subject}"
    wishes = []
    if query.condition:
        kind, status = _condition(query.condition)
        wishes.append(f"{kind} {status}")
    if query.jsonpath:
        wishes.append(describe_value(query.jsonpath))
    if query.ready_containers:
        wishes.append(f"{query.ready_containers}/{query.ready_containers} containers ready")
    if query.current_generation:
        wishes.append("status of the current generation")
    number = "" if query.count is None else f"{query.count} × "
    return f"{number}{subject}" + (f" with {', '.join(wishes)}" if wishes else " present")


async def look(query: KubernetesQuery, context: CheckContext, expected: str) -> Reading:
    if query.absent and (_is_positive(query) or query.count is not None):
        raise CheckMisconfigured("absent cannot be combined with a condition or a count")
    try:
        items = await _find(query, context)
    except UnknownResource as error:
        if query.absent or query.count == 0:
            return holds(expected, error.message)
        return fails(expected, f"{error.message}; is its CRD installed?")
    if query.absent:
        return fails(expected, _left(items)) if items else holds(expected, "none is there")
    return _judge(query, items, expected)


async def _find(query: KubernetesQuery, context: CheckContext) -> list[JSON]:
    resource = await context.cluster.resolve(query.kind, query.group)
    alone = query.name and not query.selector and (query.namespace or not resource.namespaced)
    try:
        if query.name and alone:
            return [await context.cluster.get(resource.path(query.namespace, query.name))]
        listing = await context.cluster.list(
            resource,
            query.namespace,
            label_selector=query.selector or "",
            field_selector=f"metadata.name={query.name}" if query.name else "",
        )
    except ApiStatusError as error:
        if error.says_absent:
            return []
        raise
    return list(listing.items)


def _judge(query: KubernetesQuery, items: list[JSON], expected: str) -> Reading:
    problems = {_name(item): _problem(query, item) for item in items}
    bad = [f"{name}: {problem}" for name, problem in problems.items() if problem]
    good = len(items) - len(bad)
    if query.count is not None:
        # Without a wish, "none" means none, and one that is being deleted is still there.
        counted = good if query.count or _is_positive(query) else len(items)
        seen = f"{counted} of {len(items)}" + (f"; {_some(bad)}" if bad else "")
        return (holds if counted == query.count else fails)(expected, seen)
    if not items:
        return fails(expected, "there is none")
    if bad:
        return fails(expected, _some(bad))
    return holds(expected, f"{good} as expected" if good > 1 else f"{_name(items[0])} as expected")


def _problem(query: KubernetesQuery, item: JSON) -> str:
    """Why an object does not satisfy the query; empty when it does."""
    if deleted := (item.get("metadata") or {}).get("deletionTimestamp"):
        return f"is being deleted since {deleted}"
    if query.ready_containers and (problem := _containers(item, query.ready_containers)):
        return problem
    if query.condition and (problem := _unmet_condition(item, query.condition)):
        return problem
    if query.jsonpath and (problem := value_mismatch(query.jsonpath, item)):
        secret = query.kind.lower().partition(".")[0] in ("secret", "secrets")
        return "differs (a Secret's values are not shown)" if secret else problem
    if query.jsonpath and query.jsonpath.path.lstrip("{").startswith(".status") and is_stale(item):
        generation = (item.get("metadata") or {}).get("generation")
        return f"its status is stale: generation {generation} is not yet observed"
    if query.current_generation and (problem := _old_generation(item)):
        return problem
    return ""


def _unmet_condition(item: JSON, wanted: str) -> str:
    kind, status = _condition(wanted)
    condition = conditions(item).get(kind)
    if condition is None:
        return f"has no condition {kind}"
    if str(condition.get("status", "")).lower() != status.lower():
        text = condition_text(condition)
        return f"{kind} {condition.get('status')}" + (f" ({shortened(text)})" if text else "")
    generation = (item.get("metadata") or {}).get("generation")
    told = condition.get("observedGeneration")
    if is_stale(item) or (told and generation is not None and told != generation):
        return f"{kind} {status} is stale: generation {generation} is not yet observed"
    if (item.get("spec") or {}).get("replicas") == 0 and _promises_service(kind, status):
        return f"{kind} {status} of nothing: 0 replicas are wanted"
    return ""


def _promises_service(kind: str, status: str) -> bool:
    """A Deployment of no pods is Available: all that are wanted are there."""
    return status.lower() == "true" and (kind == "Available" or kind.endswith("Ready"))


def _old_generation(item: JSON) -> str:
    generation = (item.get("metadata") or {}).get("generation")
    observed = (item.get("status") or {}).get("observedGeneration")
    if observed is None:
        return "does not say which generation its status is of"
    return "" if observed == generation else f"status is of generation {observed}, not {generation}"


def _containers(item: JSON, wanted: int) -> str:
    total = len((item.get("spec") or {}).get("containers") or ())
    statuses = (item.get("status") or {}).get("containerStatuses") or ()
    waiting = [
        f"{status.get('name')} {_why_waiting(status)}".strip()
        for status in statuses
        if not status.get("ready")
    ]
    ready = len(statuses) - len(waiting)
    if ready == total == wanted:
        return ""
    return f"{ready}/{total} containers ready" + (f" ({', '.join(waiting)})" if waiting else "")


def _why_waiting(status: JSON) -> str:
    state = status.get("state") or {}
    return str((state.get("waiting") or state.get("terminated") or {}).get("reason") or "")


def _left(items: list[JSON]) -> str:
    """What is still there, and what keeps it."""
    told = []
    for item in items:
        metadata = item.get("metadata") or {}
        text = _name(item)
        if metadata.get("deletionTimestamp"):
            text += f" is being deleted since {metadata['deletionTimestamp']}"
            if metadata.get("finalizers"):
                text += f", held by {', '.join(metadata['finalizers'])}"
            elif told_why := [c for c in conditions(item).values() if c.get("status") == "True"]:
                text += f": {'; '.join(shortened(str(c.get('message'))) for c in told_why)}"
        else:
            text += " is there and not being deleted"
        told.append(text)
    return f"{len(items)} left: {_some(told)}" if len(items) > 1 else told[0]


def _condition(text: str) -> tuple[str, str]:
    kind, _, status = text.partition("=")
    return kind, status or "True"


def _is_positive(query: KubernetesQuery) -> bool:
    return bool(
        query.condition or query.jsonpath or query.ready_containers or query.current_generation
    )


def _subject(query: KubernetesQuery) -> str:
    parts = [query.kind, query.name or "", f"-l {query.selector}" if query.selector else ""]
    where = f"in {query.namespace}" if query.namespace else ""
    return " ".join(part for part in (*parts, where) if part)


def _name(item: JSON) -> str:
    metadata = item.get("metadata") or {}
    return "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)


def _some(told: Iterable[str]) -> str:
    texts = list(told)
    more = len(texts) - SHOWN
    return "; ".join(texts[:SHOWN]) + (f"; and {more} more" if more > 0 else "")
