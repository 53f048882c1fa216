"""Rules of roles and of what binds them, in the words of the real server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.metadata import subdomain_problem

JSON = dict[str, Any]

_RBAC = "rbac.authorization.k8s.io"


def _shown(value: object) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def role(obj: JSON) -> Iterator[Cause]:
    namespaced = obj["kind"] == "Role"
    rules = obj.get("rules") or ()
    for index, rule in enumerate(rules):
        place, urls = f"rules[{index}]", rule.get("nonResourceURLs")
        if urls and namespaced:
            why = "namespaced rules cannot apply to non-resource URLs"
            yield Cause.invalid(f"{place}.nonResourceURLs", _shown(urls), why)
        elif urls and (rule.get("resources") or rule.get("apiGroups")):
            why = "rules cannot apply to both regular resources and non-resource URLs"
            yield Cause.invalid(f"{place}.nonResourceURLs", _shown(urls), why)
        elif not urls:
            if not rule.get("apiGroups"):
                why = "resource rules must supply at least one api group"
                yield Cause.required(f"{place}.apiGroups", why)
            if not rule.get("resources"):
                why = "resource rules must supply at least one resource"
                yield Cause.required(f"{place}.resources", why)
    for index, rule in enumerate(rules):
        if not rule.get("verbs"):
            yield Cause.required(f"rules[{index}].verbs")


def role_binding(obj: JSON) -> Iterator[Cause]:
    reference = obj.get("roleRef") or {}
    if reference.get("apiGroup", _RBAC) != _RBAC:
        shown = _shown(reference["apiGroup"])
        yield Cause.unsupported("roleRef.apiGroup", shown, (_RBAC,))
    kinds = ("Role", "ClusterRole") if obj["kind"] == "RoleBinding" else ("ClusterRole",)
    if reference.get("kind") not in kinds:
        yield Cause.unsupported("roleRef.kind", _shown(reference.get("kind") or ""), kinds)
    subjects = obj.get("subjects") or ()
    for index, subject in enumerate(subjects):
        yield from _subject(subject, f"subjects[{index}]")
    for index, subject in enumerate(subjects):
        if not subject.get("name"):
            yield Cause.required(f"subjects[{index}].name")
    if not reference.get("name"):
        yield Cause.required("roleRef.name")


def _subject(subject: JSON, path: str) -> Iterator[Cause]:
    kind, name = subject.get("kind"), subject.get("name")
    if kind not in {"ServiceAccount", "User", "Group"}:
        supported = ("ServiceAccount", "User", "Group")
        yield Cause.unsupported(f"{path}.kind", _shown(kind or ""), supported)
    elif kind == "ServiceAccount" and name and (problem := subdomain_problem(name)):
        yield Cause.invalid(f"{path}.name", _shown(name), problem)
    elif kind != "ServiceAccount" and subject.get("apiGroup") != _RBAC:
        yield Cause.unsupported(f"{path}.apiGroup", _shown(subject.get("apiGroup")), (_RBAC,))
