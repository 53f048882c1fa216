"""The JSON Schema of the format (draft 2020-12), for editors and for whoever writes runbooks by program."""

from __future__ import annotations

from typing import Any

from runbook.model.document import Runbook
from runbook.model.values import format_duration

_OF_NUMBERS = ("gt", "ge", "minimum", "exclusiveMinimum")
ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a whole runbook file, made from the same models that read it."""
    schema = _tightened(Runbook.model_json_schema(by_alias=True, mode="validation"))
    return {
        "$schema": ID,
        "title": "Runbook",
        "description": "A runbook: phases of steps, health checks and a recovery time objective.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }


def _tightened(schema: Any) -> Any:
    """The same, said as strictly as it is read: a mapping whose keys are names has no others, and what
    pydantic says of seconds is no keyword for the text that they are written as.
    """
    if isinstance(schema, list):
        return [_tightened(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    tight = {key: _tightened(value) for key, value in schema.items()}
    if "patternProperties" in tight and "properties" not in tight:
        tight.setdefault("additionalProperties", False)
    if tight.get("type") == "string":
        tight = {key: value for key, value in tight.items() if key not in _OF_NUMBERS}
        if isinstance(tight.get("default"), float):
            tight["default"] = format_duration(tight["default"])
    return tight
