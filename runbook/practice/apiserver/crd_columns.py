"""The printer columns of what adds kinds: CustomResourceDefinitions and APIServices."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from runbook.practice.apiserver.columns import AGE, NAME, Column, Printer, age_of, at, name_of

JSON = dict[str, Any]


def _cells(obj: JSON, now: datetime) -> list[Any]:  # noqa: ARG001 - one signature for all
    spec = obj.get("spec") or {}
    names = spec.get("names") or {}
    versions = [
        f"{one['name']}(storage)" if one.get("storage") else str(one["name"])
        for one in spec.get("versions") or ()
        if one.get("served")
    ]
    conditions = (obj.get("status") or {}).get("conditions") or ()
    established = any(
        one.get("type") == "Established" and one.get("status") == "True" for one in conditions
    )
    return [
        name_of(obj),
        spec.get("scope", ""),
        ",".join(sorted(versions)),
        obj["metadata"].get("creationTimestamp"),
        spec.get("group", ""),
        names.get("kind", ""),
        ",".join(names.get("shortNames") or ()),
        established,
    ]


CRD_PRINTER = Printer(
    (
        NAME,
        Column("Scope"),
        Column("Versions"),
        Column("Created At", "date", description=AGE.description),
        Column("Group", priority=1),
        Column("Kind", priority=1),
        Column("ShortNames", priority=1),
        Column("Established", "boolean", priority=1),
    ),
    _cells,
)


def _api_service(obj: JSON, now: datetime) -> list[Any]:
    service = at(obj, "spec", "service")
    conditions = at(obj, "status", "conditions", default=[])
    found = next((one for one in conditions if one["type"] == "Available"), None)
    available = "Unknown" if found is None else found["status"]
    if found is not None and available != "True":
        available = f"{available} ({found['reason']})"
    where = f"{service['namespace']}/{service['name']}" if service else "Local"
    return [name_of(obj), where, available, age_of(obj, now)]


API_SERVICE_PRINTER = Printer((NAME, Column("Service"), Column("Available"), AGE), _api_service)
