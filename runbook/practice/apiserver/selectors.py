"""Label and field selectors: from the text of a query parameter to a test of an object.

Label selectors know everything the real server does; field selectors only the fields each kind
supports, and refuse the others with the real sentence.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from runbook.practice.apiserver.errors import ApiError, bad_request
from runbook.practice.apiserver.metadata import key_problem
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]
Match = Callable[[JSON], bool]
Requirement = Callable[[Mapping[str, str]], bool]

_TOKEN = re.compile(r"==|!=|[(),!=<>]|[^\s(),!=<>]+")
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
# Kinds that look up field labels themselves, and refuse one in words of their own.
_OWN_FIELDS = frozenset(
    [
        *("pods", "nodes", "replicationcontrollers", "events", "namespaces", "secrets", "services"),
    ]
)
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
    return _Parser(text).requirements()


class _Parser:
    """Reads a label selector token by token; each complaint is the one the real server makes there."""

    def __init__(self, text: str) -> None:
        self._tokens: list[str] = [*_TOKEN.findall(text), ""]
        self._at = 0

    def requirements(self) -> Iterator[Requirement]:
        while True:
            if self._next not in {"", "!"} and not _is_word(self._next):
                raise bad_request(
                    f"found '{self._next}', expected: !, identifier, or 'end of string'"
                )
            if not self._next:
                return
            yield self._requirement()
            after = self._take()
            if not after:
                return
            if after != ",":
                raise bad_request(f"found '{after}', expected: ',' or 'end of string'")
            if self._next != "!" and not _is_word(self._next):
                raise bad_request(f"found '{self._next}', expected: identifier after ','")

    @property
    def _next(self) -> str:
        return self._tokens[self._at]

    def _take(self) -> str:
        token = self._tokens[self._at]
        self._at = min(self._at + 1, len(self._tokens) - 1)
        return token

    def _requirement(self) -> Requirement:
        absent = self._next == "!"
        if absent:
            self._take()
        key = self._take()
        if not _is_word(key):
            raise _unparsable(f"found '{key}', expected: identifier")
        problem = key_problem(key)
        if problem:
            raise _unparsable(f'<nil>: Invalid value: "{key}": {problem}')
        if absent or self._next in {"", ","}:
            return _present(key, negated=absent)
        sign = self._take()
        match sign:
            case "in" | "notin":
                return _one_of(key, self._values(), negated=sign == "notin")
            case "=" | "==" | "!=":
                value = self._take() if _is_word(self._next) else ""
                return _one_of(key, frozenset({value}), negated=sign == "!=")
            case ">" | "<":
                return _compared(key, sign, self._bound())
        expected = "in, notin, =, ==, !=, gt, lt"
        raise _unparsable(f"found '{sign}', expected: {expected}")

    def _bound(self) -> int:
        value = self._take()
        if re.fullmatch(r"-?[0-9]+", value) is None:
            why = "for 'Gt', 'Lt' operators, the value must be an integer"
            raise _unparsable(f'values[0]: Invalid value: "{value}": {why}')
        return int(value)

    def _values(self) -> frozenset[str]:
        """`(a, b)`; a comma with nothing beside it stands for the empty value."""
        if self._next != "(":
            raise _unparsable(f"found '{self._next}' expected: '('")
        self._take()
        values = []
        while True:
            values.append(self._take() if _is_word(self._next) else "")
            after = self._take()
            if after == ")":
                return frozenset(values)
            if after != ",":
                raise _unparsable(f"found '{after}', expected: ',' or ')'")


def _is_word(token: str) -> bool:
    return bool(token) and token[0] not in "(),!=<>"


def _unparsable(why: str) -> ApiError:
    return bad_request(f"unable to parse requirement: {why}")


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
        if resource.name == "jobs.batch":
            raise bad_request(f'field label "{path}" not supported for Job')
        if resource.crd is None and resource.name not in _OWN_FIELDS:
            known = 'only "metadata.name", "metadata.namespace"'
            raise bad_request(f'"{path}" is not a known field selector: {known}')
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
