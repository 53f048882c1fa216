"""From the text an operator gave to the value of an input."""

from __future__ import annotations

import math
import re

from runbook.model.document import Input

Scalar = str | int | float | bool | None
_BOOLEANS = {"true": True, "yes": True, "false": False, "no": False}


def read_input(name: str, spec: Input, given: Scalar) -> Scalar:
    """The value of one input: of a text that was given, of a value that was read from one before, or
    the default. Raises ValueError saying what was given and what is allowed.
    """
    if given is None:
        if spec.default is None and spec.required:
            raise ValueError(f"input {name} is required: {spec.description or spec.type}")
        return spec.default
    if not isinstance(given, str):
        return given
    value = _typed(name, spec, given)
    if spec.pattern is not None and not re.fullmatch(spec.pattern, given):
        raise ValueError(f"input {name}: {given!r} does not match {spec.pattern}")
    if spec.options is not None and value not in spec.options:
        allowed = ", ".join(str(option) for option in spec.options)
        raise ValueError(f"input {name}: {given!r} is none of: {allowed}")
    return value


def _typed(name: str, spec: Input, given: str) -> Scalar:
    try:
        match spec.type:
            case "string":
                return given
            case "integer":
                return int(given)
            case "number" if math.isfinite(number := float(given)):
                return number
            case "boolean":
                return _BOOLEANS[given.lower()]
    except (ValueError, KeyError):
        pass
    kinds = {"boolean": "true or false", "integer": "an integer"}
    allowed = kinds.get(spec.type, f"a {spec.type}")
    raise ValueError(f"input {name}: {given!r} is not {allowed}")
