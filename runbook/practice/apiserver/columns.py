"""Printer columns: what they are, and those that a CRD declares for its own kind.

A `Printer` is the columns of a kind and the function that makes the cells of one object; columns of
priority 1 are always sent, kubectl hides them unless asked for wide output.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from runbook.practice.apiserver.durations import INVALID, age, parse_time
from runbook.practice.apiserver.jsonpath import find

JSON = dict[str, Any]
Cells = Callable[[JSON, datetime], list[Any]]

_CREATED = ".metadata.creationTimestamp"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    type: str = "string"
    priority: int = 0
    format: str = ""
    description: str = ""

    def definition(self) -> JSON:
        return {
            "name": self.name,
            "type": self.type,
            "format": self.format,
            "description": self.description,
            "priority": self.priority,
        }


@dataclass(frozen=True, slots=True)
class Printer:
    """The columns of one kind, the cells of one object, and what kubectl may grey out about its row."""

    columns: tuple[Column, ...]
    cells: Cells
    conditions: Callable[[JSON], list[JSON]] | None = None


NAME = Column("Name", format="name", description="Name must be unique within a namespace.")
AGE = Column(
    "Age", description="CreationTimestamp is the server time when this object was created."
)


def name_of(obj: JSON) -> str:
    found: str = obj["metadata"].get("name", "")
    return found


def age_of(obj: JSON, now: datetime) -> str:
    return age(obj["metadata"].get("creationTimestamp"), now)


def label_selector(selector: JSON | None) -> str:
    """A selector of labels and expressions, as kubectl writes it."""
    if not selector:
        return "<none>"
    parts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for one in selector.get("matchExpressions") or []:
        match one["operator"]:
            case "Exists":
                parts.append(one["key"])
            case "DoesNotExist":
                parts.append("!" + one["key"])
            case operator:
                word = "in" if operator == "In" else "notin"
                parts.append(f"{one['key']} {word} ({','.join(sorted(one.get('values') or []))})")
    return ",".join(parts) or "<none>"


def labels_text(labels: JSON | None) -> str:
    """Plain labels, as kubectl writes them."""
    return ",".join(f"{key}={value}" for key, value in sorted((labels or {}).items())) or "<none>"


def has_condition(obj: JSON, kind: str) -> bool:
    """Whether a condition of the status is True."""
    conditions = at(obj, "status", "conditions", default=[])
    return any(one.get("type") == kind and one.get("status") == "True" for one in conditions)


def at(value: Any, *path: str, default: Any = None) -> Any:
    """The value under nested keys, or the default where a key or a value is missing."""
    for key in path:
        if not isinstance(value, dict):
            return default
        value = value.get(key)
    return default if value is None else value


def plain_printer() -> Printer:
    """Built-in kinds without columns of their own: when they were created, not how long ago."""
    created = Column("Created At", "date", description=AGE.description)
    return Printer(
        (NAME, created),
        lambda obj, now: [name_of(obj), obj["metadata"].get("creationTimestamp")],  # noqa: ARG005 - one signature for all
    )


def crd_printer(version: JSON) -> Printer:
    """The columns that one version of a CRD declares."""
    declared: Sequence[JSON] = version.get("additionalPrinterColumns") or [
        {"name": "Age", "type": "date", "jsonPath": _CREATED, "description": AGE.description}
    ]
    columns = [
        Column(
            one["name"],
            one["type"],
            one.get("priority", 0),
            one.get("format", ""),
            one.get("description")
            or f"Custom resource definition column (in JSONPath format): {one['jsonPath']}",
        )
        for one in declared
    ]
    paths = [(one["jsonPath"], one["type"]) for one in declared]

    def cells(obj: JSON, now: datetime) -> list[Any]:
        return [name_of(obj), *(_declared_cell(obj, path, kind, now) for path, kind in paths)]

    return Printer((NAME, *columns), cells)


def _declared_cell(obj: JSON, path: str, kind: str, now: datetime) -> Any:
    """One cell: the first value the path finds, if it has the type the column promises."""
    found = find(obj, path)
    if not found or found[0] is None:
        return None
    value = found[0]
    match kind:
        case "string":
            return _text(value)
        case "date":
            if not isinstance(value, str):
                return None
            return INVALID if parse_time(value) is None else age(value, now)
        case "boolean":
            return value if isinstance(value, bool) else None
        case "integer" | "number" if isinstance(value, int | float) and not isinstance(value, bool):
            return int(value) if kind == "integer" else float(value)
        case _:
            return None


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
