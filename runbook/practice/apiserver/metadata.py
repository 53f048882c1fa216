"""The rules of `metadata`, which hold for every kind: shapes, names, labels, annotations.

Shapes are decoding errors (400), contents are validation errors (422). Knows nothing of spec or status.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Mapping
from typing import Any

from runbook.practice.apiserver.errors import Cause, bad_request
from runbook.practice.apiserver.findings import go_type
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]

_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_LABEL_VALUE = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?")
_DATA_KEY = re.compile(r"[-._a-zA-Z0-9]+")
_DATA_KEY_SAYS = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  "
    "or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_SUFFIX = "bcdfghjklmnpqrstvwxz2456789"  # the letters generateName draws from: no words by accident
_LONGEST_BASE = 58  # of generateName; the suffix makes it 63
_ANNOTATIONS_LIMIT = 256 * 1024

_SUBDOMAIN_SAYS = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    r"validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL_SAYS = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must "
    "start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_SAYS = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with "
    "an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_LABEL_VALUE_SAYS = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)

_STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})
_TEXTS = ("name", "generateName", "namespace", "uid", "resourceVersion")
_MAPS = ("labels", "annotations")
API_VERSION = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
API_VERSION_SAYS = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', "
    f"regex used for validation is '{API_VERSION.pattern}')"
)


def check_shape(resource: Resource, obj: JSON) -> None:
    """400 when a field of metadata has another type than every object has."""
    for field in ("apiVersion", "kind"):
        if not isinstance(obj.get(field, ""), str):
            raise _mistyped(resource, field, obj[field], "string")
    metadata = obj["metadata"]
    for field in _TEXTS:
        if not isinstance(metadata.get(field, ""), str):
            raise _mistyped(resource, f"metadata.{field}", metadata[field], "string")
    for field in _MAPS:
        values = metadata.get(field, {})
        if not isinstance(values, dict):
            raise _mistyped(resource, f"metadata.{field}", values, "map[string]string")
        for value in values.values():
            if not isinstance(value, str):
                raise _mistyped(resource, f"metadata.{field}", value, "string")
    _check_lists(resource, metadata)


def _check_lists(resource: Resource, metadata: JSON) -> None:
    finalizers = metadata.get("finalizers", [])
    if not isinstance(finalizers, list) or not all(isinstance(one, str) for one in finalizers):
        raise _mistyped(resource, "metadata.finalizers", finalizers, "[]string")
    for field in ("ownerReferences", "managedFields"):
        items = metadata.get(field, [])
        if not isinstance(items, list) or not all(isinstance(one, dict) for one in items):
            raise _mistyped(resource, f"metadata.{field}", items, "[]object")
    for owner in metadata.get("ownerReferences", []):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not isinstance(owner.get(field, ""), str):
                raise _mistyped(
                    resource, f"metadata.ownerReferences.{field}", owner[field], "string"
                )


def _mistyped(resource: Resource, path: str, value: object, wanted: str) -> Exception:
    return bad_request(
        f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: '
        f"json: cannot unmarshal {go_type(value)} into Go struct field {_owner(resource, path)} "
        f"of type {wanted}"
    )


def _owner(resource: Resource, path: str) -> str:
    """The struct and the path by which Go's decoder names a field of metadata."""
    top, _, inner = path.partition(".")
    if not inner:
        return f"{resource.kind}.{top}"
    return f"ObjectMeta.{inner if resource.crd is not None else path}"


def causes(resource: Resource, metadata: JSON) -> list[Cause]:
    """Everything wrong with the contents of metadata."""
    return [
        *_name_causes(resource, metadata.get("name", "")),
        *label_causes(metadata.get("labels") or {}),
        *_annotation_causes(metadata.get("annotations") or {}),
        *_finalizer_causes(resource, metadata.get("finalizers") or []),
        *_owner_causes(metadata.get("ownerReferences") or []),
    ]


def _name_causes(resource: Resource, name: str) -> list[Cause]:
    field = "metadata.name"
    if not name:
        return [Cause.required(field, "name or generateName is required")]
    if resource.group in {"rbac.authorization.k8s.io", "apiregistration.k8s.io"}:
        if name in {".", ".."}:
            return [Cause.invalid(field, shown(name), f"may not be '{name}'")]
        return [
            Cause.invalid(field, shown(name), f"may not contain '{sign}'")
            for sign in "/%"
            if sign in name
        ]
    pattern, says, longest = _SUBDOMAIN, _SUBDOMAIN_SAYS, 253
    if resource.name in {"namespaces", "services"}:
        pattern, says, longest = _LABEL, _LABEL_SAYS, 63
    found = []
    if len(name) > longest:
        found.append(
            Cause.invalid(field, json.dumps(name), f"must be no more than {longest} characters")
        )
    if pattern.fullmatch(name) is None:
        found.append(Cause.invalid(field, json.dumps(name), says))
    return found


def label_causes(labels: Mapping[str, str], field: str = "metadata.labels") -> list[Cause]:
    found = []
    for key, value in labels.items():
        found += _key_causes(field, key)
        problem = label_value_problem(value)
        if problem:
            found.append(Cause.invalid(field, shown(value), problem))
    return found


def label_value_problem(value: str) -> str:
    """What is wrong with a label's value; "" when nothing is."""
    if len(value) > 63:
        return "must be no more than 63 bytes"
    return "" if _LABEL_VALUE.fullmatch(value) else _LABEL_VALUE_SAYS


def shown(value: str) -> str:
    """A text as an error shows it."""
    return json.dumps(value, ensure_ascii=False)


def _annotation_causes(annotations: Mapping[str, str]) -> list[Cause]:
    found = []
    for key in annotations:
        found += _key_causes("metadata.annotations", key.lower())
    if sum(len(key) + len(value) for key, value in annotations.items()) > _ANNOTATIONS_LIMIT:
        message = f"Too long: may not be more than {_ANNOTATIONS_LIMIT} bytes"
        found.append(Cause("metadata.annotations", "FieldValueTooLong", message))
    return found


def _key_causes(field: str, key: str) -> list[Cause]:
    return [Cause.invalid(field, shown(key), problem) for problem in key_problems(key)]


def subdomain_problem(name: str) -> str:
    """What is wrong with a name that must be a DNS subdomain, like a class's."""
    return "" if _SUBDOMAIN.fullmatch(name) else _SUBDOMAIN_SAYS


def data_key_problem(key: str) -> str:
    """What is wrong with a key of a ConfigMap or a Secret."""
    return "" if _DATA_KEY.fullmatch(key) and len(key) <= 253 else _DATA_KEY_SAYS


def label_name_problem(name: str) -> str:
    """What is wrong with a name that must be a DNS label, like a container's."""
    if len(name) > 63:
        return "must be no more than 63 characters"
    return "" if _LABEL.fullmatch(name) else _LABEL_SAYS


def key_problem(key: str) -> str:
    """The first of the problems of a key; "" when it has none."""
    return next(iter(key_problems(key)), "")


def key_problems(key: str) -> list[str]:
    """What is wrong with a qualified name, the key of a label or annotation."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        says = _QUALIFIED_SAYS.replace("name part", "a valid label key", 1)
        return [f"{says} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    found = []
    if slash and not prefix:
        found.append("prefix part must be non-empty")
    elif slash and (len(prefix) > 253 or _SUBDOMAIN.fullmatch(prefix) is None):
        found.append(f"prefix part {_SUBDOMAIN_SAYS}")
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > 63:
        found.append("name part must be no more than 63 bytes")
    if _QUALIFIED.fullmatch(name) is None:
        found.append(_QUALIFIED_SAYS)
    return found


def _custom(resource: Resource) -> bool:
    return resource.crd is not None


def _finalizer_causes(resource: Resource, finalizers: list[str]) -> list[Cause]:
    found = []
    for finalizer in finalizers:
        found += _key_causes("metadata.finalizers", finalizer)
    for index, finalizer in enumerate(finalizers):
        if "/" not in finalizer and finalizer not in _STANDARD_FINALIZERS and not _custom(resource):
            why = "name is neither a standard finalizer name nor is it fully qualified"
            found.append(Cause.invalid(f"metadata.finalizers[{index}]", shown(finalizer), why))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        why = "finalizer orphan and foregroundDeletion cannot be both set"
        found.append(Cause.invalid("metadata.finalizers", json.dumps(finalizers), why))
    return found


def _owner_causes(owners: list[JSON]) -> list[Cause]:
    found = []
    for index, owner in enumerate(owners):
        for field in ("apiVersion", "kind", "name", "uid"):
            if not owner.get(field):
                path = f"metadata.ownerReferences[{index}].{field}"
                found.append(Cause.required(path, "must not be empty"))
    controllers = [owner for owner in owners if owner.get("controller")]
    if len(controllers) > 1:
        first, second, *_ = [f"{one.get('kind')}/{one.get('name')}" for one in controllers]
        why = (
            'Only one reference can have Controller set to true. Found "true" in references for '
            f"{first} and {second}"
        )
        shape = dict.fromkeys(("apiVersion", "kind", "name", "uid"), "")
        listed = json.dumps([{**shape, **one} for one in owners], separators=(",", ":"))
        found.append(Cause.invalid("metadata.ownerReferences", listed, why))
    return found


def generated_name(base: str, chance: random.Random) -> str:
    return base[:_LONGEST_BASE] + "".join(chance.choices(_SUFFIX, k=5))
