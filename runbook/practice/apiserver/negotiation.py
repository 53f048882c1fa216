"""Which form of an object a client wants: itself, a table row, or its metadata alone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from runbook.practice.apiserver import table
from runbook.practice.apiserver.errors import ApiError, bad_request
from runbook.practice.apiserver.messages import Request
from runbook.practice.apiserver.registry import Resource
from runbook.practice.apiserver.state import in_version
from runbook.practice.apiserver.store import Stored, encode, without_type

JSON = dict[str, Any]
Kind = Literal["Object", "Table", "PartialObjectMetadata"]

_META = "meta.k8s.io/v1"
_JSON_TYPES = frozenset({"application/json", "*/*", ""})
_SERVED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_STREAMED = ("application/json;stream=watch", "application/vnd.kubernetes.protobuf;stream=watch")
_BAD_INCLUDE = (
    'Unable to convert to Table as requested: includeObject: Invalid value: "{}": '
    "must be 'Metadata', 'Object', 'None', or empty"
)


@dataclass(frozen=True, slots=True)
class Form:
    """`include` is how much of the object a table row carries: None, Metadata or Object."""

    kind: Kind = "Object"
    include: str = "Metadata"
    lists: bool = False
    """Whether the metadata of a list was asked for, and not that of one object."""


def negotiated(request: Request, *, lists: bool = False) -> Form:
    """The first form in the Accept header that is served here; bodies are always JSON."""
    include = request.query.get("includeObject", "Metadata")
    known = False
    for wanted in request.headers.get("accept", "").split(","):
        media, *parameters = (part.strip() for part in wanted.split(";"))
        if media not in _JSON_TYPES:
            continue
        known = True
        given = dict(part.partition("=")[::2] for part in parameters)
        if "as" not in given:
            return Form()
        if given.get("g") != "meta.k8s.io" or given.get("v") not in {"v1", "v1beta1"}:
            continue
        match given["as"]:
            case "Table":
                if include not in {"", "Metadata", "Object", "None"}:
                    raise bad_request(_BAD_INCLUDE.format(include))
                return Form("Table", include or "Metadata")
            case "PartialObjectMetadata":
                return Form("PartialObjectMetadata")
            case "PartialObjectMetadataList":
                return Form("PartialObjectMetadata", lists=True)
    if known:
        raise _only_these()
    raise _available((*_SERVED, *_STREAMED) if lists else _SERVED)


def check_plain(request: Request, *, routed: bool = False) -> None:
    """406 for who wants none of the forms that a document has which is no object.

    `routed` are those that upstream's router refuses, in words of its own.
    """
    for wanted in request.headers.get("accept", "").split(","):
        media, *parameters = (part.strip() for part in wanted.split(";"))
        if media in _JSON_TYPES and not any(one.startswith("as=") for one in parameters):
            return
    raise _available(_SERVED) if routed else _only_these()


def _available(types: Sequence[str]) -> ApiError:
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(types)}"
    return ApiError(406, "NotAcceptable", message, {})


def _only_these() -> ApiError:
    types = ", ".join(_SERVED)
    return _not_acceptable(f"only the following media types are accepted: {types}")


def _go_type(resource: Resource, suffix: str = "") -> str:
    """What the server calls the type of an answer when it cannot show it as asked."""
    if resource.crd is not None:
        return f"*unstructured.Unstructured{suffix}"
    return f"*{resource.group.partition('.')[0] or 'core'}.{resource.kind}{suffix}"


def _not_acceptable(message: str) -> ApiError:
    return ApiError(406, "NotAcceptable", message)


def encode_one(
    resource: Resource, obj: JSON, form: Form, now: datetime, *, with_columns: bool = True
) -> bytes:
    """One object in the wanted form."""
    if form.kind == "Table":
        version = obj["metadata"].get("resourceVersion", "")
        return encode(
            table.render(
                resource,
                [_printed(resource, obj)],
                resource_version=version,
                now=now,
                include=form.include,
                with_columns=with_columns,
            )
        )
    if form.kind == "PartialObjectMetadata":
        if form.lists:
            raise _not_acceptable(
                "you requested PartialObjectMetadataList, but the requested object is not a list "
                f"({_go_type(resource)})"
            )
        return encode(_partial(in_version(resource, obj)))
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
                [_printed(resource, obj) for obj in objects],
                resource_version=meta["resourceVersion"],
                now=now,
                include=form.include,
                continue_token=meta.get("continue"),
                remaining=meta.get("remainingItemCount"),
            )
        )
    if form.kind == "Object":
        meta = list_meta(resource, meta)
    head = {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": meta}
    if form.kind == "PartialObjectMetadata":
        if not form.lists:
            raise _not_acceptable(
                "you requested PartialObjectMetadata, but the requested object is a list "
                f"({_go_type(resource, 'List')})"
            )
        head.update(kind="PartialObjectMetadataList", apiVersion=_META)
    if form.kind == "PartialObjectMetadata" and not objects:
        return encode({**head, "items": None})
    items = b",".join(_encode_item(resource, obj, form) for obj in objects)
    return b"".join((encode(head)[:-1], b',"items":[', items, b"]}"))


def list_meta(resource: Resource, meta: JSON) -> JSON:
    """A list of custom resources says in words that nothing follows."""
    return meta if resource.crd is None else {"continue": "", **meta}


def as_item(resource: Resource, obj: JSON) -> JSON:
    """An object in a list. A list of a built-in kind says once what all its items are."""
    shown = in_version(resource, obj)
    return without_type(shown) if resource.crd is None else shown


def _encode_item(resource: Resource, obj: Stored, form: Form) -> bytes:
    if form.kind == "PartialObjectMetadata":
        return encode(_partial(in_version(resource, obj)))
    shown = in_version(resource, obj)
    if resource.crd is None:
        return obj.encoded_item() if shown is obj else encode(without_type(shown))
    return shown.encoded() if isinstance(shown, Stored) else encode(shown)


def bookmark(
    resource: Resource, form: Form, version: str, now: datetime, *, initial_end: bool
) -> JSON:
    """An object that says only how far a watch has come."""
    meta: JSON = {"resourceVersion": version}
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


def _printed(resource: Resource, obj: JSON) -> JSON:
    """What the cells of a table are made of: a built-in kind has the same ones in every version."""
    return obj if resource.crd is None else in_version(resource, obj)


def _partial(obj: JSON) -> JSON:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": obj["metadata"]}
