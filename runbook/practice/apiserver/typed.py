"""What server-side apply finds wrong with the shape of a configuration, before it is laid over anything.

It compares the configuration with its kind's schema in words of its own: another decoder than the one
that reads whole objects.
"""

from __future__ import annotations

import re
from typing import Any

from runbook.practice.apiserver import schema
from runbook.practice.apiserver.findings import shown
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]

_STEP = re.compile(r"\[(\d+)\]|([^.\[\]]+)")
_NUMERIC = frozenset({"int32", "int64", "float64", "integer", "number"})
_GO_TYPES = {"str": "string", "bool": "bool", "dict": "map[string]interface {}"}


def problems(resource: Resource, config: JSON) -> list[str]:
    """One line for each field that does not fit; of undeclared ones the server tells the last."""
    findings = schema.inspect(resource, config)
    unfit = [(one.path, one.wanted) for one in findings.mistyped]
    unfit += [(one.path, one.wanted) for one in findings.invalid]
    return [
        *(f".{path}: field not declared in schema" for path in findings.unknown[-1:]),
        *(
            f".{path}: {complaint}"
            for path, wanted in unfit
            if (complaint := _complaint(wanted, _at(config, path)))
        ),
    ]


def _complaint(wanted: str, value: Any) -> str:
    if wanted in _NUMERIC:
        return f"expected numeric (int or float), got {_GO_TYPES.get(type(value).__name__, '[]interface {}')}"
    if wanted == "string":
        return f"expected string, got &value.valueUnstructured{{Value:{shown(value)}}}"
    if wanted in {"bool", "boolean"}:
        return f"expected boolean, got &{{{_plain(value)}}}"
    if wanted == "array" or wanted.startswith("[]"):
        return f"expected list, got &{{{_plain(value)}}}"
    if wanted == "object" or wanted.startswith(("map[", "v1.")):
        return f"expected map, got &{{{_plain(value)}}}" if wanted != "v1.Time" else ""
    return ""


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def _at(obj: Any, path: str) -> Any:
    for index, key in _STEP.findall(path):
        if index and isinstance(obj, list):
            obj = obj[int(index)]
        elif key and isinstance(obj, dict):
            obj = obj.get(key)
    return obj
