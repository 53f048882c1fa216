"""How strict the format is: unknown keys are refused, types are not guessed, values are frozen.

Keys that start with `x-` are the author's own: accepted anywhere the format has keys, and ignored.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator


class FormatModel(BaseModel):
    """Base of everything an author writes."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        validate_default=False,
        populate_by_name=False,
        serialize_by_alias=True,
        json_schema_extra={"patternProperties": {"^x-": {}}},
    )

    @model_validator(mode="before")
    @classmethod
    def leave_out_what_is_the_authors(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: v for k, v in value.items() if not (isinstance(k, str) and k.startswith("x-"))}
