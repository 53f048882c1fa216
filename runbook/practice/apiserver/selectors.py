"""Label and field selectors: from the text of a query parameter to a test of an object.

Label selectors know everything the real server does; field selectors only the fields each kind
supports, and refuse the others with the real sentence.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runbook.practice.apiserver.errors import ApiError, bad_request
from runbook.practice.apiserver.metadata import key_problem
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]
Match = Callable[[JSON], bool]
Requirement = Callable[[Mapping[str, str]], bool]

_TERM = re.compile(
    r"""\s*(?:
        (?P<key>[^\s,()=!<>]+)\s+(?P<set>in|notin)\s*\((?P<values>[^)]*)\)
      | !\s*(?P<absent>[^\s,()=!<>]+)
      | (?P<left>[^\s,()=!<>]+)\s*(?P<operator>==|=|!=)\s*(?P<right>[^\s,()=!<>]*)
      | (?P<number>[^\s,()=!<>]+)\s*(?P<order>[<>])\s*(?P<bound>-?[0-9]+)
      | (?P<present>[^\s,()=!<>]+)
    )\s*(?:,|$)""",
    re.VERBOSE,
)
_KEYS = ("key", "absent", "left", "number", "present")
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
    "replicasets.apps": frozenset({"status.replicas"}),
    "jobs.batch": frozenset({"status.successful"}),
}
_DEFAULTS = {"spec.unschedulable": "false", "spec.hostNetwork": "false"}


def label_selector(text: str) -> Match | None:
    """None when everything matches."""
    requirements = list(_label_requirements(text))
    if not requirements:
        return None

    def match(obj: JSON) -> bool:
        labels: Mapping[str, str] = obj["metadata"].get("labels") or {}
        return all(requirement(labels) for requirement in requirements)

    return match


def equality_selector(labels: Mapping[str, str]) -> Match:
    """What a plain map of labels selects."""
    wanted = labels.items()

    def match(obj: JSON) -> bool:
        return wanted <= (obj["metadata"].get("labels") or {}).items()

    return match


def _label_requirements(text: str) -> Iterable[Requirement]:
    position = 0
    while position < len(text):
        term = _TERM.match(text, position)
        if term is None:
            raise _unparsable(text[position:])
        position = term.end()
        _check_key(next(filter(None, (term[name] for name in _KEYS))))
        if term["set"]:
            values = frozenset(value.strip() for value in term["values"].split(","))
            yield _one_of(term["key"], values, negated=term["set"] == "notin")
        elif term["absent"]:
            yield _present(term["absent"], negated=True)
        elif term["operator"]:
            yield _one_of(
                term["left"], frozenset({term["right"]}), negated=term["operator"] == "!="
            )
        elif term["order"]:
            yield _compared(term["number"], term["order"], int(term["bound"]))
        else:
            yield _present(term["present"], negated=False)


def _check_key(key: str) -> None:
    problem = key_problem(key)
    if problem:
        message = f'unable to parse requirement: <nil>: Invalid value: "{key}": {problem}'
        raise bad_request(message)


def _unparsable(rest: str) -> ApiError:
    return bad_request(f"unable to parse requirement: found '{rest}', expected: a label selector")


def _one_of(key: str, values: frozenset[str], *, negated: bool) -> Requirement:
    # `!=` and `notin` also match objects without the label.
    return lambda labels: (labels.get(key) in values) != negated


def _present(key: str, *, negated: bool) -> Requirement:
    return lambda labels: (key in labels) != negated


def _compared(key: str, order: str, bound: int) -> Requirement:
    compare = operator.gt if order == ">" else operator.lt

    def match(labels: Mapping[str, str]) -> bool:
        try:
            return bool(compare(int(labels[key]), bound))
        except (KeyError, ValueError):
            return False

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
        raise bad_request(f"field label not supported: {path}")
    return path, value, sign == "!="


def _supported(resource: Resource) -> set[str]:
    selectable = (resource.crd_version or {}).get("selectableFields") or ()
    return {
        "metadata.name",
        "metadata.namespace",
        *_FIELDS.get(resource.name, ()),
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
