"""The `fieldPath` of a validation rule: `.spec.limits['cpu']`, held against the schema it stands in."""

from __future__ import annotations

import re
from typing import Any

JSON = dict[str, Any]

_STEP = re.compile(r"\.([^.\[\]']+)|\['((?:[^'\\]|\\.)+)'\]")
_ESCAPE = re.compile(r"\\(.)")
_MEANT = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v"}


def field_path(text: str, schema: JSON) -> str | None:
    """The path as causes show it; None when it does not lead to a field of the schema."""
    found, place = "", 0
    while place < len(text):
        step = _STEP.match(text, place)
        if step is None:
            return None
        place = step.end()
        name = step[1] or _ESCAPE.sub(lambda one: _MEANT.get(one[1], one[1]), step[2])
        properties, others = schema.get("properties"), schema.get("additionalProperties")
        if properties:
            if name not in properties:
                return None
            schema, found = properties[name], f"{found}.{name}" if found else name
        elif isinstance(others, dict):
            schema, found = others, f"{found}[{name}]"
        else:
            return None
    return found or None
