"""The kinds that answer questions: may I, what may I, who am I. They store nothing."""

from __future__ import annotations

from typing import Any

from runbook.practice.apiserver.authorization import MASTERS, Attributes, User, allowed, rules_of
from runbook.practice.apiserver.errors import Cause, invalid
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.store import Store

JSON = dict[str, Any]

_EVERYTHING: JSON = {
    "resourceRules": [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
    "incomplete": False,
}


def review(store: Store, resource: Resource, question: JSON, user: User, now: str) -> JSON:
    """The question with its answer in `status`; who one is was found out `now`."""
    spec = question.get("spec")
    spec = spec if isinstance(spec, dict) else {}
    match resource.kind:
        case "SelfSubjectAccessReview":
            status = _access(store, resource, spec, user)
        case "SubjectAccessReview" | "LocalSubjectAccessReview":
            status = _access(store, resource, spec, _somebody(resource, spec))
        case "SelfSubjectRulesReview":
            status = _rules(store, str(spec.get("namespace") or ""), user)
        case _:
            status = {"userInfo": user.info()}
    return {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {"creationTimestamp": now if resource.kind == "SelfSubjectReview" else None},
        **({"spec": spec} if resource.kind != "SelfSubjectReview" else {}),
        "status": status,
    }


def _somebody(resource: Resource, spec: JSON) -> User:
    """The user that the question is about."""
    name, groups = str(spec.get("user") or ""), spec.get("groups") or ()
    if not name and not groups:
        why = "at least one of user or group must be specified"
        raise invalid(resource, "", [Cause.invalid("spec.user", '""', why)])
    return User(name, tuple(str(one) for one in groups))


def _access(store: Store, resource: Resource, spec: JSON, user: User) -> JSON:
    about, path = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if isinstance(about, dict) and not isinstance(path, dict):
        wanted = Attributes(
            verb=str(about.get("verb") or ""),
            group=str(about.get("group") or ""),
            resource=str(about.get("resource") or ""),
            subresource=str(about.get("subresource") or ""),
            namespace=str(about.get("namespace") or ""),
            name=str(about.get("name") or ""),
        )
    elif isinstance(path, dict) and not isinstance(about, dict):
        wanted = Attributes(verb=str(path.get("verb") or ""), path=str(path.get("path") or "/"))
    else:
        why = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
        raise invalid(resource, "", [Cause.invalid("spec.resourceAttributes", "null", why)])
    answer = allowed(store, user, wanted)
    return {"allowed": answer} if answer else {"allowed": False, "reason": ""}


def _rules(store: Store, namespace: str, user: User) -> JSON:
    if MASTERS in user.groups:
        return _EVERYTHING
    found: JSON = {"resourceRules": [], "nonResourceRules": [], "incomplete": False}
    for rule in rules_of(store, user, namespace):
        field = "nonResourceRules" if rule.get("nonResourceURLs") else "resourceRules"
        found[field].append(rule)
    return found
