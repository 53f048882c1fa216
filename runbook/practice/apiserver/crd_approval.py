"""Definitions in groups of the Kubernetes community must say who approved them, in an annotation."""

from __future__ import annotations

import json
from typing import Any, Literal
from urllib.parse import urlsplit

from runbook.practice.apiserver.errors import Cause

JSON = dict[str, Any]
State = Literal["Approved", "Unapproved", "Missing", "Invalid"]

ANNOTATION = "api-approved.kubernetes.io"
_COMMUNITY = ("k8s.io", "kubernetes.io")
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
_MUST = f'protected groups must have approval annotation "{ANNOTATION}"'


def approval(crd: JSON) -> tuple[State, str] | None:
    """How the approval stands, and the server's words for it; None for anybody's own group."""
    group = f".{crd['spec']['group']}"
    if not group.endswith(tuple(f".{one}" for one in _COMMUNITY)):
        return None
    given = (crd["metadata"].get("annotations") or {}).get(ANNOTATION, "")
    if not given:
        return "Missing", f"{_MUST}, {_SEE}"
    if given.startswith("unapproved"):
        return "Unapproved", f"not approved: {json.dumps(given)}"
    parts = urlsplit(given)
    if parts.scheme and parts.netloc:
        return "Approved", f"approved in {given}"
    return "Invalid", f'{_MUST} with either a URL or a reason starting with "unapproved", {_SEE}'


def approval_causes(crd: JSON, before: JSON | None) -> list[Cause]:
    """What it was before, it may stay."""
    found = approval(crd)
    known = None if before is None else approval(before)
    if found is None or (known is not None and known[0] == found[0]):
        return []
    field, (state, why) = f"metadata.annotations[{ANNOTATION}]", found
    if state == "Missing":
        return [Cause.required(field, why)]
    if state == "Invalid":
        return [Cause.invalid(field, json.dumps(crd["metadata"]["annotations"][ANNOTATION]), why)]
    return []
