"""Kubernetes protobuf bodies into JSON objects: what typed clients send and will not send otherwise.

A body is a magic number and an envelope with apiVersion, kind and the encoded object. Which fields a kind has is
in `protobuf_fields.txt`; a field that is not there is skipped, as every protobuf reader does. Zero values
are dropped where Go's JSON would drop them. Only decodes: answers stay JSON, which these clients accept.
"""

from __future__ import annotations

import base64
import functools
import importlib.resources
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

JSON = dict[str, Any]

MAGIC = b"k8s\0"
_SCALARS = {
    *("string", "int", "bool", "bytes", "time", "microtime", "quantity"),
    *("int-or-string", "raw", "json"),
}
_DEEPEST = 64  # nested messages; a pod template in a cron job needs 12


class UnknownKind(ValueError):
    """The body holds a kind whose fields are not known here."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    type: str
    repeated: bool = False
    is_map: bool = False
    keep_zero: bool = False

    @property
    def inline(self) -> bool:
        return self.name == "^"


def decode(body: bytes) -> JSON:
    """The object in a protobuf body. Raises UnknownKind, or ValueError for bytes that make no sense."""
    if not body.startswith(MAGIC):
        raise ValueError("the body does not start with the Kubernetes protobuf magic number")
    envelope = dict(_wire(body[len(MAGIC) :]))
    type_meta = dict(_wire(_bytes(envelope.get(1, b""))))
    api_version, kind = _text(type_meta.get(1, b"")), _text(type_meta.get(2, b""))
    qualified = f"{api_version.rpartition('/')[2]}.{kind}"
    message = qualified if qualified in _tables() else kind
    if message not in _tables():
        raise UnknownKind(f"{kind or 'an object without a kind'} in {api_version or 'no version'}")
    found = _message(message, _bytes(envelope.get(2, b"")), 0)
    return {"apiVersion": api_version, "kind": kind, **found}


def _message(name: str, data: bytes, depth: int) -> JSON:
    if depth > _DEEPEST:
        raise ValueError(f"messages are nested deeper than {_DEEPEST} levels")
    fields = _fields_of(name)
    found: JSON = {}
    for number, raw in _wire(data):
        field = fields.get(number)
        if field is None:
            continue
        if field.is_map:
            pair = dict(_wire(_bytes(raw)))
            key = _text(pair.get(1, b""))
            found.setdefault(field.name, {})[key] = _value(field.type, pair.get(2, b""), depth)
        elif field.repeated:
            found.setdefault(field.name, []).append(_value(field.type, raw, depth))
        elif field.inline:
            found.update(_value(field.type, raw, depth))
        else:
            value = _value(field.type, raw, depth)
            if field.keep_zero or value not in ("", 0, False, None, {}):
                found[field.name] = value
    return found


def _value(kind: str, raw: int | bytes, depth: int) -> Any:
    if kind not in _SCALARS:
        return _message(kind, _bytes(raw), depth + 1)
    match kind:
        case "int" | "bool":
            return bool(_int(raw)) if kind == "bool" else _int(raw)
        case "string":
            return _text(raw)
        case "bytes":
            return base64.b64encode(_bytes(raw)).decode()
        case "quantity":
            return _text(dict(_wire(_bytes(raw))).get(1, b""))
        case "int-or-string":
            parts = dict(_wire(_bytes(raw)))
            return _text(parts.get(3, b"")) if parts.get(1) else parts.get(2, 0)
        case "time" | "microtime":
            return _time(dict(_wire(_bytes(raw))), exact=kind == "microtime")
        case _:  # raw, json: the object is inside, as JSON text
            text = _bytes(dict(_wire(_bytes(raw))).get(1, b""))
            return json.loads(text) if text else None


def _time(parts: dict[int, int | bytes], *, exact: bool) -> str | None:
    seconds, nanos = _int(parts.get(1, 0)), _int(parts.get(2, 0))
    if not seconds and not nanos:
        return None
    try:
        moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(
            seconds=seconds, microseconds=nanos // 1000
        )
    except OverflowError:
        raise ValueError("a timestamp is outside the calendar") from None
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ" if exact else "%Y-%m-%dT%H:%M:%SZ")


def _wire(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers with a number (varint, fixed) or with bytes (everything that has a length)."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, wire_type = key >> 3, key & 7
        if wire_type == 0:
            value, at = _varint(data, at)
            yield number, value - (1 << 64) if value >> 63 else value
            continue
        if wire_type == 2:
            length, at = _varint(data, at)
        elif wire_type in {1, 5}:
            length = 8 if wire_type == 1 else 4
        else:
            raise ValueError(f"wire type {wire_type} is not used by Kubernetes")
        if at + length > len(data):
            raise ValueError("the message ends inside a field")
        chunk = data[at : at + length]
        at += length
        yield number, chunk if wire_type == 2 else int.from_bytes(chunk, "little")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            raise ValueError("the message ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
        shift += 7
    raise ValueError("a number is longer than ten bytes")


def _bytes(raw: int | bytes) -> bytes:
    if isinstance(raw, int):
        raise ValueError("a number stands where text or a message was expected")  # noqa: TRY004 - a bad body
    return raw


def _int(raw: int | bytes) -> int:
    if isinstance(raw, bytes):
        raise ValueError("text stands where a number was expected")  # noqa: TRY004 - a bad body
    return raw


def _text(raw: int | bytes) -> str:
    return _bytes(raw).decode()


@functools.cache
def dropped_when_zero(message: str) -> frozenset[str]:
    """The JSON names of the scalars of a message whose zero value is the same as none to Go.

    Empty for a message that is not known here.
    """
    if message not in _tables():
        return frozenset()
    found: set[str] = set()
    for field in _fields_of(message).values():
        if field.inline:
            found |= dropped_when_zero(field.type)
        elif field.type in {"string", "int", "bool"} and not (
            field.repeated or field.is_map or field.keep_zero
        ):
            found.add(field.name)
    return frozenset(found)


@functools.cache
def _tables() -> dict[str, str]:
    """Message -> its fields as written."""
    name = "protobuf_fields.txt"
    text = importlib.resources.files("runbook.practice.apiserver").joinpath(name).read_text("utf-8")
    lines = (line for line in text.splitlines() if line and not line.startswith("#"))
    parts = (line.partition(":") for line in lines)
    return {message: fields.strip() for message, _, fields in parts}


@functools.cache
def _fields_of(message: str) -> dict[int, _Field]:
    found = {}
    for entry in _tables()[message].split(", "):
        if entry:
            number, name, kind = entry.split(" ")
            plain = kind.strip("*%?!")
            found[int(number)] = _Field(
                name,
                plain,
                repeated=kind.startswith("*"),
                is_map=kind.startswith("%"),
                keep_zero=kind.startswith("?") or kind.endswith("!"),
            )
    return found
