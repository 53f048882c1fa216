"""The JSON Schema of the format (draft 2020-12), for editors and for whoever writes runbooks by program."""

from __future__ import annotations

from typing import Any

from runbook.model.document import Runbook

ID = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of a whole runbook file, made from the same models that read it."""
    schema = Runbook.model_json_schema(by_alias=True, mode="validation")
    return {
        "$schema": ID,
        "title": "Runbook",
        "description": "A runbook: phases of steps, health checks and a recovery time objective.",
        **{key: value for key, value in schema.items() if key not in ("title", "description")},
    }
