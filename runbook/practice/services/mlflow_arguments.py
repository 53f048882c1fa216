"""Reading one named argument of an MLflow call, or the 400 that MLflow answers. Pure."""

from __future__ import annotations

from runbook.practice.services.mlflow_store import JSON, invalid


def text(given: JSON, key: str) -> str:
    value = given.get(key)
    if not isinstance(value, str) or not value:
        raise invalid(
            f"Missing value for required parameter '{key}'. "
            "See the API docs for more information about request parameters."
        )
    return value


def optional(given: JSON, key: str) -> str:
    value = given.get(key, "")
    if not isinstance(value, str):
        raise invalid(f"Invalid value {value!r} for parameter '{key}' supplied: not a string")
    return value


def number(given: JSON, key: str) -> int | None:
    value = given.get(key)
    if value is None:
        return None
    try:
        return int(value)  # int64 may come as text, as protobuf's JSON writes it
    except (TypeError, ValueError):
        raise invalid(
            f"Invalid value {value!r} for parameter '{key}' supplied: not an integer"
        ) from None


def texts(given: JSON, key: str) -> list[str]:
    values = given.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise invalid(
            f"Invalid value {values!r} for parameter '{key}' supplied: not a list of strings"
        )
    return values


def objects(given: JSON, key: str) -> list[JSON]:
    values = given.get(key, [])
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise invalid(
            f"Invalid value {values!r} for parameter '{key}' supplied: not a list of objects"
        )
    return values
