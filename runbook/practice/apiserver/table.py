"""Server-side printing: objects as a `meta.k8s.io/v1` Table, which is what `kubectl get` shows.

Knows the shape of a table; what stands in its cells is the business of the columns' modules.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from runbook.practice.apiserver.builtin_columns import BUILTIN_PRINTERS
from runbook.practice.apiserver.columns import Printer, crd_printer, plain_printer
from runbook.practice.apiserver.conversion import as_shown
from runbook.practice.apiserver.registry import Resource

JSON = dict[str, Any]

_NULL_WITHOUT_ROWS = frozenset(
    [
        "limitranges",
        "roles.rbac.authorization.k8s.io",
        "clusterroles.rbac.authorization.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
    ]
)


def render(
    resource: Resource,
    objects: Iterable[JSON],
    *,
    resource_version: str | int,
    now: datetime,
    include: str = "Metadata",
    continue_token: str | None = None,
    remaining: int | None = None,
    with_columns: bool = True,
) -> JSON:
    """The table of these objects. `include` says what each row carries: None, Metadata or Object."""
    printer = _printer(resource)
    metadata: JSON = {"resourceVersion": str(resource_version)}
    if continue_token:
        metadata["continue"] = continue_token
    if remaining:
        metadata["remainingItemCount"] = remaining
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": _definitions(printer) if with_columns else None,
        "rows": [_row(resource, obj, now, include) for obj in objects] or _no_rows(resource),
    }


def _no_rows(resource: Resource) -> list[JSON] | None:
    return None if resource.name in _NULL_WITHOUT_ROWS else []


def partial_metadata(obj: JSON) -> JSON:
    """An object as clients see it that only want to know that it exists."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def _row(resource: Resource, obj: JSON, now: datetime, include: str) -> JSON:
    printer = _printer(resource)
    row: JSON = {"cells": printer.cells(obj, now)}
    if printer.conditions is not None and (conditions := printer.conditions(obj)):
        row["conditions"] = conditions
    if include == "Object":
        row["object"] = as_shown(resource, obj)
    elif include == "Metadata":
        row["object"] = partial_metadata(as_shown(resource, obj))
    else:
        row["object"] = None
    return row


@functools.lru_cache(maxsize=512)  # a resource is replaced, not changed, when its CRD changes
def _printer(resource: Resource) -> Printer:
    if resource.crd_version is not None:
        return crd_printer(resource.crd_version)
    return BUILTIN_PRINTERS.get((resource.home, resource.kind)) or plain_printer()


@functools.lru_cache(maxsize=512)
def _definitions(printer: Printer) -> list[JSON]:
    return [column.definition() for column in printer.columns]
