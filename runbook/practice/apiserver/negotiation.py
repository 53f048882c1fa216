"""Which form of an object a client wants: itself, a table row, or its metadata alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runbook.practice.apiserver import table
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.messages import Request
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import in_version
from runbook.practice.apiserver.store import Stored, encode

JSON = dict[str, Any]
Kind = Literal["Object", "Table", "PartialObjectMetadata"]

_META = "meta.k8s.io/v1"
_JSON_TYPES = frozenset({"application/json", "application/*", "*/*", ""})


@dataclass(frozen=True, slots=True)
class Form:
    """`include` is how much of the object a table row carries: None, Metadata or Object."""

    kind: Kind = "Object"
    include: str = "Metadata"


def negotiated(request: Request) -> Form:
    """The first form in the Accept header that is served here; bodies are always JSON."""
    include = request.query.get("includeObject", "Metadata")
    for wanted in request.headers.get("accept", "").split(","):
        media, *parameters = (part.strip() for part in wanted.split(";"))
        if media not in _JSON_TYPES:
            continue
        given = dict(part.partition("=")[::2] for part in parameters)
        match given.get("as"):
            case None:
                return Form()
            case "Table":
                return Form("Table", include)
            case "PartialObjectMetadata" | "PartialObjectMetadataList":
                return Form("PartialObjectMetadata")
    message = (
        "only the following media types are accepted: application/json, "
        "application/json;as=Table;g=meta.k8s.io;v=v1, "
        "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
    )
    raise ApiError(406, "NotAcceptable", message)


def encode_one(
    resource: Resource, obj: JSON, form: Form, now: datetime, *, with_columns: bool = True
) -> bytes:
    """One object in the wanted form."""
    if form.kind == "Table":
        version = obj["metadata"].get("resourceVersion", "")
        return encode(
            table.render(
                resource,
                [in_version(resource, obj)],
                resource_version=version,
                now=now,
                include=form.include,
                with_columns=with_columns,
            )
        )
    if form.kind == "PartialObjectMetadata":
        return encode(_partial(obj))
    shown = in_version(resource, obj)
    return shown.encoded() if isinstance(shown, Stored) else encode(shown)


def encode_list(
    resource: Resource, objects: Sequence[Stored], form: Form, meta: JSON, now: datetime
) -> bytes:
    """A list in the wanted form, without decoding what is already encoded."""
    if form.kind == "Table":
        return encode(
            table.render(
                resource,
                [in_version(resource, obj) for obj in objects],
                resource_version=meta["resourceVersion"],
                now=now,
                include=form.include,
                continue_token=meta.get("continue"),
                remaining=meta.get("remainingItemCount"),
            )
        )
    head = {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": meta}
    if form.kind == "PartialObjectMetadata":
        head.update(kind="PartialObjectMetadataList", apiVersion=_META)
    items = b",".join(encode_one(resource, obj, form, now) for obj in objects)
    return encode(head)[:-1] + b',"items":[' + items + b"]}"


def bookmark(
    resource: Resource, form: Form, version: str, now: datetime, *, initial_end: bool
) -> JSON:
    """An object that says only how far a watch has come."""
    meta: JSON = {"resourceVersion": version, "creationTimestamp": None}
    if initial_end:
        meta["annotations"] = {"k8s.io/initial-events-end": "true"}
    partial = {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": meta}
    if form.kind == "PartialObjectMetadata":
        return partial
    if form.kind == "Table":
        empty = table.render(resource, [], resource_version=version, now=now)
        cells = [None] * len(empty["columnDefinitions"])
        row = {"cells": cells, "object": partial}
        return {**empty, "columnDefinitions": None, "rows": [row]}
    return {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": meta}


def _partial(obj: JSON) -> JSON:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
