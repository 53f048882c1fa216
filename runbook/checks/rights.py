"""`rights`: what the steps of a runbook will ask of the API is allowed, each by an access review.

Told from the plan: the words of kubectl commands, the objects of the manifests they name, Workflows that
are submitted, what checks read and what is watched. A command whose words do not tell it is counted.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runbook.checks import planned
from runbook.checks.base import CheckContext
from runbook.checks.kubectl import Ask, Rendered, asked_by
from runbook.checks.manifest_files import UnusableFile
from runbook.checks.planned import Manifests, PlannedScript
from runbook.model.checks import (
    KubernetesCheck,
    LogsCheck,
    SealedSecretsCheck,
    SecretCheck,
    WorkflowCheck,
)
from runbook.model.document import CheckStep, KubernetesSecret, WorkflowStep
from runbook.model.preflight import RightsQuery
from runbook.plan import Plan
from runbook.run.readings import Reading, fails, holds, unknown
from runbook.target.api import JSON, ResourceRef, UnknownResource

REVIEWS = ResourceRef(
    "authorization.k8s.io", "v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", False
)
READS = frozenset({"get", "list", "watch"})
AT_ONCE = 8
"""Reviews that are asked at the same time."""


@dataclass(frozen=True, slots=True)
class _Need:
    """A right with the first step that needs it."""

    verb: str
    resource: ResourceRef
    subresource: str
    namespace: str
    name: str
    step: str

    @property
    def what(self) -> tuple[str, str]:
        """The resource and where; names are left out, as they are mostly all or none."""
        sub = f"/{self.subresource}" if self.subresource else ""
        return f"{self.resource.name}{sub}", self.namespace


@dataclass
class _Told:
    """What steps ask for, and those whose commands do not tell all of it."""

    asks: list[tuple[str, Ask]] = field(default_factory=list)
    rendered: list[tuple[str, Path, Rendered]] = field(default_factory=list)
    untold: list[str] = field(default_factory=list)


def expects(query: RightsQuery) -> str:
    more = f", and {len(query.also)} more" if query.also else ""
    return f"every right that the steps need{more}"


async def look(query: RightsQuery, context: CheckContext, expected: str) -> Reading:
    told = _of_plan(context.plan, context.directory) if context.plan is not None else _Told()
    for right in query.also:
        called, _, sub = right.resource.partition("/")
        place = (called, right.namespace or "", right.name or "", sub)
        told.asks += [("also", Ask(verb, *place)) for verb in right.verbs]
    manifests = Manifests(context)
    for step, directory, rendered in told.rendered:
        try:
            objects = await manifests.objects_of(rendered, directory)
        except UnusableFile as fault:
            return fails(expected, f"step {step}: {fault}")
        told.asks += [(step, ask) for one in objects for ask in _asks_of(one, rendered)]
    needs: dict[tuple[str, ...], _Need] = {}
    unserved: list[str] = []
    for step, ask in told.asks:
        try:
            resource = await context.cluster.resolve(ask.resource)
        except UnknownResource:
            unserved.append(f"{ask.resource} (step {step})")
            continue
        namespace = ask.namespace if resource.namespaced else ""
        need = _Need(ask.verb, resource, ask.subresource, namespace, ask.name, step)
        key = (need.verb, resource.name, need.subresource, namespace, need.name)
        needs.setdefault(key, need)
    missing = await _missing(list(needs.values()), context)
    if missing:
        return fails(expected, f"not allowed: {'; '.join(_in_words(missing))}")
    if unserved:
        names = ", ".join(dict.fromkeys(unserved))
        return unknown(expected, f"the cluster serves no {names}; is the CRD installed?")
    rest = ", ".join(dict.fromkeys(told.untold))
    return holds(expected, f"{len(needs)} allowed" + (f"; not all told of {rest}" if rest else ""))


def _in_words(missing: list[_Need]) -> list[str]:
    """A line for each resource of a namespace, those that are changed first."""
    groups: dict[tuple[str, str], list[_Need]] = {}
    for need in sorted(missing, key=lambda need: need.verb in READS):
        groups.setdefault(need.what, []).append(need)
    lines = []
    for (resource, namespace), needs in groups.items():
        verbs = ",".join(dict.fromkeys(need.verb for need in needs))
        where = f" in {namespace}" if namespace else ""
        lines.append(f"{verbs} {resource}{where} (step {needs[0].step})")
    return lines


def _of_plan(plan: Plan, directory: Path) -> _Told:
    told = _Told()
    for one in planned.all_steps(plan):
        step = one.step
        if (script := planned.script_of(one, directory)) is not None:
            _of_script(script, told)
        elif isinstance(step, WorkflowStep):
            where = step.workflow.namespace
            verbs = ("create", "get", "list")
            told.asks += [(one.id, Ask(v, "workflows.argoproj.io", where)) for v in verbs]
            told.asks += [(one.id, Ask("list", "pods", where))]
            told.asks += [(one.id, Ask("get", "pods", where, "", "log"))]
        elif isinstance(step, CheckStep):
            told.asks += [(one.id, ask) for ask in _of_check(step.check)]
    for name, source in plan.secrets.items():
        if isinstance(source, KubernetesSecret):
            ask = Ask("get", "secrets", source.namespace, source.name)
            told.asks.append((f"secret {name}", ask))
    places = plan.namespaces or ("",)
    told.asks += [
        ("watch", Ask(verb, resource, namespace))
        for resource in plan.watch
        for namespace in places
        for verb in ("list", "watch")
    ]
    return told


def _of_script(script: PlannedScript, told: _Told) -> None:
    asked = asked_by(script.text)
    if not asked.whole or asked.by_us:
        told.untold.append(script.step)
    for ask in asked.asks:
        if isinstance(ask, Rendered):
            told.rendered.append((script.step, script.directory, ask))
        else:
            told.asks.append((script.step, ask))


def _of_check(check: object) -> Iterator[Ask]:
    match check:
        case KubernetesCheck(kubernetes=q):
            kind = f"{q.kind}.{q.group}" if q.group else q.kind
            named = q.name and not q.selector
            yield Ask("get" if named else "list", kind, q.namespace or "", q.name or "")
        case LogsCheck(logs=q):
            yield Ask("get" if q.pod else "list", "pods", q.namespace, q.pod or "")
            yield Ask("get", "pods", q.namespace, q.pod or "", "log")
        case SecretCheck(secret=q):
            yield Ask("get", "secrets", q.namespace, q.name)
        case WorkflowCheck(workflow=q):
            yield Ask("list", "workflows.argoproj.io", q.namespace)
        case SealedSecretsCheck(sealed_secrets=q):
            yield Ask("list", "secrets", q.controller_namespace)
            for namespace in q.synced_in:
                yield Ask("list", "secrets", namespace)
                yield Ask("list", "sealedsecrets.bitnami.com", namespace)


def _asks_of(one: JSON, rendered: Rendered) -> Iterator[Ask]:
    group = str(one.get("apiVersion", "")).rpartition("/")[0]
    metadata = one.get("metadata") or {}
    kind = f"{one.get('kind')}.{group}"
    namespace = str(metadata.get("namespace") or rendered.namespace)
    for verb in rendered.verbs:
        name = "" if verb in ("create", "list", "watch") else str(metadata.get("name") or "")
        yield Ask(verb, kind, namespace, name)


async def _missing(needs: list[_Need], context: CheckContext) -> list[_Need]:
    """Those that are not allowed. What is allowed of all objects is asked once for all of them."""
    gate = asyncio.Semaphore(AT_ONCE)

    async def allowed(need: _Need, name: str) -> bool:
        about = {
            "verb": need.verb, "group": need.resource.group, "resource": need.resource.plural,
            "version": need.resource.version, "subresource": need.subresource,
            "namespace": need.namespace, "name": name,
        }  # fmt: skip
        question = {
            "apiVersion": REVIEWS.api_version,
            "kind": REVIEWS.kind,
            "spec": {"resourceAttributes": {k: v for k, v in about.items() if v}},
        }
        async with gate:
            answer = await context.cluster.create(REVIEWS, None, question)
        return bool((answer.get("status") or {}).get("allowed"))

    wide = {(n.verb, n.resource.name, n.subresource, n.namespace): n for n in needs}
    async with asyncio.TaskGroup() as tasks:
        of_all = {key: tasks.create_task(allowed(need, "")) for key, need in wide.items()}
    shut = [
        need
        for need in needs
        if not of_all[need.verb, need.resource.name, need.subresource, need.namespace].result()
    ]
    async with asyncio.TaskGroup() as tasks:
        named = [(n, tasks.create_task(allowed(n, n.name)) if n.name else None) for n in shut]
    return [need for need, task in named if task is None or not task.result()]
