"""Label and field selectors: from the text of a query parameter to a test of an object.

Label selectors know everything the real server does; field selectors only the fields each kind
supports, and refuse the others with the real sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from runbook.practice.apiserver.errors import bad_request
from runbook.practice.apiserver.label_selectors import requirements
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]
Match = Callable[[JSON], bool]

_FIELD_TERM = re.compile(r"\s*([^=!\s]+)\s*(==|=|!=)\s*(.*?)\s*")

_EVENT_FIELDS = (
    "involvedObject.kind involvedObject.namespace involvedObject.name involvedObject.uid "
    "involvedObject.apiVersion involvedObject.resourceVersion involvedObject.fieldPath "
    "reason reportingComponent source type"
)
_POD_FIELDS = (
    "spec.nodeName spec.restartPolicy spec.schedulerName spec.serviceAccountName spec.hostNetwork "
    "status.phase status.podIP status.podIPs status.nominatedNodeName"
)
_FIELDS: Mapping[str, frozenset[str]] = {
    "pods": frozenset(_POD_FIELDS.split()),
    "events": frozenset(_EVENT_FIELDS.split()),
    "secrets": frozenset({"type"}),
    "namespaces": frozenset({"status.phase"}),
    "nodes": frozenset({"spec.unschedulable"}),
    "services": frozenset({"spec.clusterIP", "spec.type"}),
    "jobs.batch": frozenset({"status.successful"}),
}
# What events.k8s.io calls fields of the core group's event.
_RENAMED = {"regarding": "involvedObject", "reportingController": "reportingComponent"}
# Kinds that look up field labels themselves, and refuse one in words of their own.
_OWN_FIELDS = frozenset(
    [
        *("pods", "nodes", "replicationcontrollers", "events", "namespaces", "secrets", "services"),
    ]
)
_DEFAULTS = {"spec.unschedulable": "false", "spec.hostNetwork": "false"}


def label_selector(text: str) -> Match | None:
    """None when everything matches."""
    wanted = requirements(text)
    if not wanted:
        return None

    def match(obj: JSON) -> bool:
        labels: Mapping[str, str] = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in wanted)

    return match


def equality_selector(labels: Mapping[str, str]) -> Match:
    """What a plain map of labels selects."""
    wanted = labels.items()

    def match(obj: JSON) -> bool:
        return wanted <= (obj["metadata"].get("labels") or {}).items()

    return match


def field_selector(text: str, resource: Resource) -> Match | None:
    """None when everything matches."""
    terms = [_field_term(part, resource) for part in text.split(",") if part.strip()]
    if not terms:
        return None

    def match(obj: JSON) -> bool:
        return all((_field_text(obj, path) == value) != negated for path, value, negated in terms)

    return match


def exact_name(text: str) -> str | None:
    """The name that a field selector pins, so that one look-up can replace a scan."""
    for part in text.split(","):
        term = _FIELD_TERM.fullmatch(part)
        if term and term[1] == "metadata.name" and term[2] != "!=":
            return term[3]
    return None


def _field_term(part: str, resource: Resource) -> tuple[str, str, bool]:
    term = _FIELD_TERM.fullmatch(part)
    if term is None:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    path, sign, value = term.groups()
    if path not in _supported(resource):
        if resource.name == "jobs.batch":
            raise bad_request(f'field label "{path}" not supported for Job')
        if resource.crd is None and resource.name not in _OWN_FIELDS:
            known = 'only "metadata.name", "metadata.namespace"'
            raise bad_request(f'"{path}" is not a known field selector: {known}')
        raise bad_request(f"field label not supported: {path}")
    return _stored_path(resource, path), value, sign == "!="


def _stored_path(resource: Resource, path: str) -> str:
    first, dot, rest = path.partition(".")
    if resource.stored_as and resource.name == "events":
        return f"{_RENAMED.get(first, first)}{dot}{rest}"
    return path


def _supported(resource: Resource) -> set[str]:
    fields = _FIELDS.get(resource.name, frozenset())
    if resource.stored_as and resource.name == "events":
        names = {stored: name for name, stored in _RENAMED.items()}
        fields = frozenset(  # the source is not among them
            ".".join((names.get(f, f), *rest))
            for f, *rest in (one.split(".") for one in fields if one != "source")
        )
    selectable = (resource.crd_version or {}).get("selectableFields") or ()
    return {
        "metadata.name",
        "metadata.namespace",
        *fields,
        *(str(field["jsonPath"]).lstrip(".") for field in selectable),
    }


def _field_text(obj: JSON, path: str) -> str:
    found: Any = obj
    if path == "source":
        found = (obj.get("source") or {}).get("component") or obj.get("reportingComponent")
    else:
        for part in path.split("."):
            found = found.get(part) if isinstance(found, dict) else None
    if found is None:
        return _DEFAULTS.get(path, "")
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found)
