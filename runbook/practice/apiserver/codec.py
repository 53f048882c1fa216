"""Bodies into JSON: JSON, YAML or Kubernetes protobuf, as the Content-Type says.

A null is an absent field (Go's `omitempty`), and so are the empty maps and lists of metadata: without
that, two equal objects would look different. It refuses to know any kind's schema.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

import yaml

from runbook.practice.apiserver import protobuf
from runbook.practice.apiserver.errors import ApiError, bad_request, unsupported_media_type
from runbook.practice.apiserver.findings import go_type
from runbook.practice.apiserver.messages import Request

JSON = dict[str, Any]

ACCEPTED = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")
_ESCAPED_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DROPPED_WHEN_EMPTY = (
    "labels",
    "annotations",
    "finalizers",
    "ownerReferences",
    "generateName",
    "namespace",
    "resourceVersion",
    "uid",
)
_MOST_NODES = 1_000_000  # of a YAML document, aliases written out
_DEEPEST = 100  # levels; far beyond any manifest, far before Python's recursion limit


def media_type(request: Request) -> str:
    return request.headers.get("content-type", "").split(";")[0].strip().lower()


def decode_body(request: Request) -> JSON:
    """The object in the body, nulls dropped."""
    kind = media_type(request) or "application/json"
    if kind == "application/vnd.kubernetes.protobuf":
        return normal(_protobuf(request.body))
    if kind == "application/yaml":
        return normal(parse_yaml(request.body))
    if kind in {"application/json", "application/octet-stream"}:
        return normal(parse_json(request.body))
    raise unsupported_media_type(ACCEPTED)


def parse_json(body: bytes) -> Any:
    try:
        # As in Go: what is not UTF-8 becomes a replacement character, and so does half a surrogate.
        text = body.decode("utf-8", "replace")
        found = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise bad_request(
            f"the object provided is unrecognized: couldn't get version/kind; json parse error: {error}"
        ) from None
    _check_depth(found)
    return _whole(found) if _ESCAPED_SURROGATE.search(text) else found


def parse_yaml(body: bytes) -> Any:
    try:
        found = yaml.load(body, Loader=_LOADER)  # noqa: S506 - a safe loader, in C where there is one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_request(f"error decoding YAML: {error}") from None
    if _size(found, {}) > _MOST_NODES:
        raise bad_request("error converting YAML to JSON: document contains excessive aliasing")
    _check_depth(found)
    try:
        # Through JSON: dates become refused, keys become strings, aliases become copies.
        return json.loads(json.dumps(found, allow_nan=False, ensure_ascii=False).encode())
    except (TypeError, ValueError) as error:
        raise bad_request(f"error converting YAML to JSON: {error}") from None


def object_of(found: object) -> JSON:
    if not isinstance(found, dict):
        raise bad_request(
            "the object provided is unrecognized: couldn't get version/kind; json parse error: "
            f"cannot unmarshal {go_type(found)} into Go value of type struct"
        )
    return found


def normal(found: object) -> JSON:
    """A copy of an object without nulls and without empty metadata."""
    obj: JSON = without_nulls(object_of(found))
    metadata = obj.setdefault("metadata", {})
    if not isinstance(metadata, dict):
        kind = obj.get("kind", "")
        raise bad_request(
            f"json: cannot unmarshal {go_type(metadata)} into Go struct field {kind}.metadata "
            "of type v1.ObjectMeta"
        )
    for field in _DROPPED_WHEN_EMPTY:
        if (
            field in metadata
            and not metadata[field]
            and isinstance(metadata[field], str | list | dict)
        ):
            del metadata[field]
    return obj


def without_nulls(value: Any) -> Any:
    """A deep copy in which no map has a null value and no list a null item."""
    if isinstance(value, dict):
        return {
            key: item if type(item) is str else without_nulls(item)  # most are: saves the call
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [without_nulls(item) for item in value if item is not None]
    return value


def _protobuf(body: bytes) -> JSON:
    try:
        found: JSON = protobuf.decode(body)
    except protobuf.UnknownKind as error:
        message = f"this kind is not read as protobuf here: {error}; send it as application/json"
        raise ApiError(415, "UnsupportedMediaType", message) from None
    except (ValueError, IndexError, KeyError, TypeError, RecursionError) as error:
        raise bad_request(
            f"provided data does not appear to be a protobuf message: {error}"
        ) from None
    _check_depth(found)
    return found


def _whole(value: Any) -> Any:
    """A copy in which half a surrogate pair is a replacement character."""
    if isinstance(value, dict):
        return {_whole(key): _whole(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return value


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"cannot unmarshal number {text} into Go value of type float64")
    return number


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"invalid character in literal {name}")


def _size(value: Any, known: dict[int, int], level: int = 0) -> int:
    """How many nodes there are once every alias is a copy; one that holds itself is too deep."""
    if not isinstance(value, dict | list):
        return 1
    if level > _DEEPEST:
        raise _too_deep()
    if id(value) not in known:
        inside = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_size(item, known, level + 1) for item in inside)
    return known[id(value)]


def _too_deep() -> ApiError:
    return bad_request(f"exceeded max depth: an object may be nested {_DEEPEST} levels deep")


def _check_depth(value: object) -> None:
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _too_deep()
