"""Rules of kinds that only who runs a cluster meets: runtimes, attachments, flow control.

In the words of the real server; objects have their types and defaults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from runbook.practice.apiserver.errors import Cause
from runbook.practice.apiserver.metadata import label_name_problem, subdomain_problem

JSON = dict[str, Any]

_HIGHEST = 10000
_NOT_NEGATIVE = "must be a non-negative integer"
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_METHODS = ("ByNamespace", "ByUser")
_EVERY = {
    "verbs": ("verbs must contain at least one value", "verbs"),
    "apiGroups": ("resource rules must supply at least one api group", "api groups"),
    "resources": ("resource rules must supply at least one resource", "resources"),
    "nonResourceURLs": (
        "nonResourceURLs must contain at least one value",
        "non-resource URLs",
    ),
}


def runtime_class(obj: JSON) -> Iterator[Cause]:
    handler = obj.get("handler", "")
    if not handler:
        yield Cause.required("handler")
    elif problem := label_name_problem(handler):
        yield Cause.invalid("handler", json.dumps(handler), problem)


def attachment(obj: JSON) -> Iterator[Cause]:
    spec = obj["spec"]
    if not spec.get("attacher"):
        yield Cause.required("spec.attacher")
    if not any((spec.get("source") or {}).values()):
        yield Cause.required(
            "spec.source", "must specify exactly one of inlineVolumeSpec and persistentVolumeName"
        )
    node = spec.get("nodeName", "")
    if problem := subdomain_problem(node):
        yield Cause.invalid("spec.nodeName", json.dumps(node), problem)


def flow_schema(obj: JSON) -> Iterator[Cause]:
    spec, name = obj["spec"], obj["metadata"]["name"]
    precedence, place = spec["matchingPrecedence"], "spec.matchingPrecedence"
    if precedence <= 0:
        yield Cause.invalid(place, str(precedence), "must be a positive value")
    if precedence > _HIGHEST:
        yield Cause.invalid(place, str(precedence), f"must not be greater than {_HIGHEST}")
    if precedence == 1 and name != "exempt":
        why = "only the schema named 'exempt' may have matchingPrecedence 1"
        yield Cause.invalid(place, "1", why)
    method = (spec.get("distinguisherMethod") or {}).get("type")
    if method is not None and method not in _METHODS:
        shown = json.dumps({"Type": method}, separators=(",", ":"))
        yield Cause.unsupported("spec.distinguisherMethod.type", shown, _METHODS)
    if not (spec.get("priorityLevelConfiguration") or {}).get("name"):
        why = "must reference a priority level"
        yield Cause.required("spec.priorityLevelConfiguration.name", why)
    for index, rule in enumerate(spec.get("rules") or ()):
        yield from _flow_rule(rule, f"spec.rules[{index}]")


def _flow_rule(rule: JSON, place: str) -> Iterator[Cause]:
    subjects = rule.get("subjects") or ()
    for index, subject in enumerate(subjects):
        yield from _subject(subject, f"{place}.subjects[{index}]")
    if not subjects:
        yield Cause.required(f"{place}.subjects", "subjects must contain at least one value")
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        why = "at least one of resourceRules and nonResourceRules has to be non-empty"
        yield Cause.required(place, why)
    for index, one in enumerate(rule.get("resourceRules") or ()):
        where = f"{place}.resourceRules[{index}]"
        yield from _listed(one, where, "verbs", "apiGroups", "resources")
        yield from _namespaces(one, where)
    for index, one in enumerate(rule.get("nonResourceRules") or ()):
        where = f"{place}.nonResourceRules[{index}]"
        yield from _listed(one, where, "verbs", "nonResourceURLs")


def _subject(subject: JSON, place: str) -> Iterator[Cause]:
    kind = subject.get("kind", "")
    field = _SUBJECTS.get(kind)
    if field is None:
        yield Cause.unsupported(f"{place}.kind", json.dumps(kind), tuple(_SUBJECTS))
        return
    said = subject.get(field)
    if said is None:
        yield Cause.required(
            f"{place}.{field}", f"{field} is required when subject kind is '{kind}'"
        )
    elif not said.get("name"):
        yield Cause.required(f"{place}.{field}.name")
    elif kind == "ServiceAccount" and not said.get("namespace"):
        why = "must specify namespace for service account"
        yield Cause.required(f"{place}.{field}.namespace", why)
    for other_kind, other in _SUBJECTS.items():
        if other != field and subject.get(other) is not None:
            why = f"{other} is forbidden when subject kind is not '{other_kind}'"
            yield Cause.forbidden(f"{place}.{other}", why)


def _listed(rule: JSON, place: str, *fields: str) -> Iterator[Cause]:
    for field in fields:
        values = rule.get(field) or []
        missing, others = _EVERY[field]
        if not values:
            yield Cause.required(f"{place}.{field}", missing)
        elif "*" in values and len(values) > 1:
            why = f"if '*' is present, must not specify other {others}"
            yield Cause.invalid(f"{place}.{field}", json.dumps(values, separators=(",", ":")), why)


def _namespaces(rule: JSON, place: str) -> Iterator[Cause]:
    names, field = rule.get("namespaces") or [], f"{place}.namespaces"
    if not names and not rule.get("clusterScope"):
        why = "resource rules that are not cluster scoped must supply at least one namespace"
        yield Cause.required(field, why)
    elif "*" in names and len(names) > 1:
        why = "if '*' is present, must not specify other namespaces"
        yield Cause.invalid(field, json.dumps(names, separators=(",", ":")), why)
    for index, one in enumerate(names if "*" not in names else ()):
        if problem := label_name_problem(one):
            why = f"each member of this list must be '*' or a DNS-1123 label; {problem}"
            yield Cause.invalid(f"{field}[{index}]", json.dumps(one), why)


def priority_level(obj: JSON) -> Iterator[Cause]:
    spec, kind = obj["spec"], obj["spec"].get("type", "")
    if (obj["metadata"]["name"] == "exempt") != (kind == "Exempt"):
        why = "must be 'Exempt' if and only if `name` is 'exempt'"
        yield Cause.invalid("spec.type", json.dumps(kind), why)
    limited, exempt = spec.get("limited"), spec.get("exempt")
    match kind:
        case "Exempt":
            if limited is not None:
                why = "must be nil if the type is not Limited"
                yield Cause.forbidden("spec.limited", why)
        case "Limited" if limited is None:
            yield Cause.required("spec.limited", "must not be empty when type is Limited")
        case "Limited":
            if exempt is not None:
                yield Cause.forbidden("spec.exempt", "must be nil if the type is Limited")
            yield from _limited(limited, "spec.limited")
        case "":
            yield Cause.required("spec.type")
        case _:
            yield Cause.unsupported("spec.type", json.dumps(kind), ("Exempt", "Limited"))


def _limited(limited: JSON, place: str) -> Iterator[Cause]:
    shares = limited["nominalConcurrencyShares"]
    if shares < 0:
        yield Cause.invalid(f"{place}.nominalConcurrencyShares", str(shares), _NOT_NEGATIVE)
    lent = limited["lendablePercent"]
    answer, where = limited.get("limitResponse") or {}, f"{place}.limitResponse"
    kind, queuing = answer.get("type", ""), answer.get("queuing")
    if not kind:
        yield Cause.required(f"{where}.type")
    elif kind not in {"Queue", "Reject"}:
        yield Cause.unsupported(f"{where}.type", json.dumps(kind), ("Queue", "Reject"))
    elif kind == "Reject" and queuing is not None:
        why = "must be nil if limited.limitResponse.type is not Limited"
        yield Cause.forbidden(f"{where}.queuing", why)
    elif kind == "Queue" and queuing is None:
        why = "must not be empty if limited.limitResponse.type is Limited"
        yield Cause.required(f"{where}.queuing", why)
    elif queuing is not None and queuing["handSize"] > queuing["queues"]:
        why = f"should not be greater than queues ({queuing['queues']})"
        yield Cause.invalid(f"{where}.queuing.handSize", str(queuing["handSize"]), why)
    if not 0 <= lent <= 100:
        why = "must be between 0 and 100, inclusive"
        yield Cause.invalid(f"{place}.lendablePercent", str(lent), why)
