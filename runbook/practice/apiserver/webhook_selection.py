"""Which webhooks are asked about a write: rules, selectors and versions, as the real server reads them.

Configurations themselves are never put before a webhook: otherwise a broken one could not be repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook.practice.apiserver.authorization import User
from runbook.practice.apiserver.registry import Registry, Resource, version_order
from runbook.practice.apiserver.state import State

JSON = dict[str, Any]

CONTROLLERS = User("system:kube-controller-manager")
"""Whom webhooks take the cluster's own controllers for."""

_GROUP = "admissionregistration.k8s.io"
MUTATING = f"mutatingwebhookconfigurations.{_GROUP}"
VALIDATING = f"validatingwebhookconfigurations.{_GROUP}"
_EXEMPT = frozenset({MUTATING, VALIDATING})


@dataclass(slots=True)
class Question:
    """A write as webhooks see it. `obj` is None for a DELETE, `old` for a CREATE."""

    resource: Resource
    operation: str
    namespace: str | None
    name: str
    obj: JSON | None
    old: JSON | None
    subresource: str = ""
    kind: tuple[str, str, str] | None = None  # where it is not the resource's own
    user: User = CONTROLLERS
    dry_run: bool = False
    options: JSON = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    def group_kind(self, resource: Resource) -> JSON:
        group, version, kind = self.kind or (resource.group, resource.version, resource.kind)
        return {"group": group, "version": version, "kind": kind}

    def group_resource(self, resource: Resource) -> JSON:
        return {"group": resource.group, "version": resource.version, "resource": resource.plural}


@dataclass(frozen=True, slots=True)
class Asked:
    """A webhook that is to be asked, and the version in which it wants to see the object."""

    webhook: JSON
    resource: Resource


def chosen(state: State, configurations: str, question: Question) -> Iterator[Asked]:
    """Every webhook that this question is for, in the order of their configurations' names."""
    if question.resource.name in _EXEMPT:
        return
    found = state.store.select(configurations)
    for configuration in sorted(found, key=lambda one: str(one["metadata"]["name"])):
        for webhook in configuration.get("webhooks") or ():
            if not _selects(state, webhook, question):
                continue
            resource = _wanted_version(state.registry, webhook, question)
            if resource is not None:
                yield Asked(webhook, resource)


def _wanted_version(registry: Registry, webhook: JSON, question: Question) -> Resource | None:
    rules = webhook.get("rules") or ()
    own = question.resource
    if any(_fits(rule, question, own) for rule in rules):
        return own
    if webhook.get("matchPolicy") == "Exact":
        return None
    others = sorted(
        (one for one in registry.all() if one.name == own.name),
        key=lambda one: version_order(one.version),
    )
    for rule in rules:
        for other in others:
            if _fits(rule, question, other):
                return other
    return None


def _fits(rule: JSON, question: Question, resource: Resource) -> bool:
    scope = rule.get("scope", "*")
    cluster_wide = not resource.namespaced
    return (
        _lists(rule, "operations", question.operation)
        and _lists(rule, "apiGroups", resource.group)
        and _lists(rule, "apiVersions", resource.version)
        and scope in {"*", "Cluster" if cluster_wide else "Namespaced"}
        and any(_names(one, resource.plural, question.subresource) for one in rule["resources"])
    )


def _lists(rule: JSON, field_name: str, value: str) -> bool:
    listed = rule.get(field_name) or ()
    return "*" in listed or value in listed


def _names(pattern: str, plural: str, subresource: str) -> bool:
    wanted, _, below = pattern.partition("/")
    return wanted in {"*", plural} and below in {subresource, "*"}


def _selects(state: State, webhook: JSON, question: Question) -> bool:
    if not _of_namespace(state, webhook.get("namespaceSelector") or {}, question):
        return False
    fits = matcher(webhook.get("objectSelector") or {})
    return any(fits(_labels(one)) for one in (question.obj, question.old) if one is not None)


def _of_namespace(state: State, selector: JSON, question: Question) -> bool:
    """Cluster-wide objects are in no namespace and pass; a Namespace is asked for its own labels."""
    if not selector:
        return True
    fits = matcher(selector)
    if question.resource.name == "namespaces":
        return fits(_labels(question.obj if question.obj is not None else question.old))
    if not question.resource.namespaced:
        return True
    return fits(_labels(state.store.get("namespaces", None, question.namespace or "")))


def _labels(obj: Mapping[str, Any] | None) -> Mapping[str, str]:
    return ((obj or {}).get("metadata") or {}).get("labels") or {}


def matcher(selector: JSON) -> Callable[[Mapping[str, str]], bool]:
    """A LabelSelector as a test of labels; an empty one takes everything."""
    wanted = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()

    def fits(labels: Mapping[str, str]) -> bool:
        return wanted.items() <= labels.items() and all(_holds(one, labels) for one in expressions)

    return fits


def _holds(expression: JSON, labels: Mapping[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
