"""The types that a structural schema gives CEL, and a value as CEL is to see it.

An object with properties is a message: its fields are known, and no others. Parts without a type, and
what cannot be named in CEL, are left out, as the real server leaves them out.
"""

from __future__ import annotations

import base64
import re
from typing import Any

from cel_expr_python import cel
from google.protobuf.descriptor_pb2 import (
    DescriptorProto,
    FieldDescriptorProto,
    FileDescriptorProto,
)
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.duration_pb2 import DESCRIPTOR as DURATION, Duration
from google.protobuf.struct_pb2 import DESCRIPTOR as STRUCT
from google.protobuf.timestamp_pb2 import DESCRIPTOR as TIMESTAMP, Timestamp

from runbook.practice.cel.functions import OPAQUE

JSON = dict[str, Any]
Type = cel.Type

_RESERVED = frozenset(
    (
        *("true", "false", "null", "in", "as", "break", "const", "continue", "else", "for"),
        *("function", "if", "import", "let", "loop", "package", "namespace", "return", "var"),
        *("void", "while"),
    )
)
_ESCAPES = {"__": "__underscores__", ".": "__dot__", "-": "__dash__", "/": "__slash__"}
_TO_ESCAPE = re.compile(r"__|[-./]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_TEXT: JSON = {"type": "string"}
_OF_EVERY_OBJECT: JSON = {
    "apiVersion": _TEXT,
    "kind": _TEXT,
    "metadata": {"type": "object", "properties": {"name": _TEXT, "generateName": _TEXT}},
}
_FORMATS = {
    "byte": Type.BYTES,
    "duration": Type.DURATION,
    "date": Type.TIMESTAMP,
    "date-time": Type.TIMESTAMP,
}
_SIMPLE = {"boolean": Type.BOOL, "number": Type.DOUBLE, "integer": Type.INT}
_WIRE = {
    "BOOL": FieldDescriptorProto.TYPE_BOOL,
    "DOUBLE": FieldDescriptorProto.TYPE_DOUBLE,
    "INT": FieldDescriptorProto.TYPE_INT64,
    "STRING": FieldDescriptorProto.TYPE_STRING,
    "BYTES": FieldDescriptorProto.TYPE_BYTES,
}
_MESSAGES = {
    "TIMESTAMP": ".google.protobuf.Timestamp",
    "DURATION": ".google.protobuf.Duration",
    "DYN": ".google.protobuf.Value",
}
_UNITS = {
    "h": 3600 * 10**9,
    "m": 60 * 10**9,
    "s": 10**9,
    "ms": 10**6,
    "us": 10**3,
    "µs": 10**3,
    "ns": 1,
}
_SPAN = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)")


def escaped(name: str) -> str | None:
    """A property's name as an identifier of CEL; None when it cannot be one."""
    if name in _RESERVED:
        return f"__{name}__"
    found = _TO_ESCAPE.sub(lambda part: _ESCAPES[part[0]], name)
    return found if _NAME.fullmatch(found) else None


def with_identity(schema: JSON) -> JSON:
    """The schema of a whole object, as rules see it: of its metadata only the name."""
    properties = {**(schema.get("properties") or {}), **_OF_EVERY_OBJECT}
    return {**schema, "type": "object", "properties": properties}


class Types:
    """Makes types of schemas, until `pool()` hands over all of them.

    `plain`: fields are named as they are, also where a word is reserved.
    """

    def __init__(self, *, plain: bool = False) -> None:
        self._plain = plain
        self._file = FileDescriptorProto(name="kubernetes.proto", syntax="proto2")
        self._file.dependency.extend([STRUCT.name, TIMESTAMP.name, DURATION.name])
        self._own = FileDescriptorProto(name="opaque.proto", package="kubernetes", syntax="proto2")
        for name in OPAQUE:
            self._own.message_type.add(name=name)

    def of(self, schema: JSON) -> Any | None:
        """The type of a value; None for one that CEL does not see."""
        if schema.get("x-kubernetes-int-or-string"):
            return Type.DYN
        match schema.get("type"):
            case "array":
                items = self._below(schema.get("items"))
                return None if items is None else Type.List(items)
            case "object":
                others = schema.get("additionalProperties")
                if isinstance(others, dict):
                    values = self._below(others)
                    return None if values is None else Type.Map(Type.STRING, values)
                return self._message(schema)
            case "string":
                return _FORMATS.get(schema.get("format") or "", Type.STRING)
            case kind:
                return _SIMPLE.get(str(kind))

    def pool(self) -> Any:
        """What the types refer to."""
        pool = DescriptorPool()
        for one in (STRUCT, TIMESTAMP, DURATION):
            pool.AddSerializedFile(one.serialized_pb)
        pool.AddSerializedFile(self._own.SerializeToString())
        pool.AddSerializedFile(self._file.SerializeToString())
        return pool

    def _below(self, schema: Any) -> Any | None:
        if not isinstance(schema, dict):
            return None
        inside = with_identity(schema) if schema.get("x-kubernetes-embedded-resource") else schema
        return self.of(inside)

    def _message(self, schema: JSON) -> Any:
        message = DescriptorProto(name=f"selfType{len(self._file.message_type)}")
        message.options.deprecated_legacy_json_field_conflicts = True
        place = len(self._file.message_type)
        self._file.message_type.add(name=message.name)
        for name, inner in (schema.get("properties") or {}).items():
            field = name if self._plain else escaped(name)
            kind = self._below(inner)
            if field is not None and kind is not None:
                _add_field(message, field, kind)
        self._file.message_type[place].CopyFrom(message)
        return Type(message.name)


def _add_field(message: DescriptorProto, name: str, kind: Any) -> None:
    number = len(message.field) + 1
    number += 1000 if number >= 19000 else 0  # a range that protobuf keeps for itself
    field = message.field.add(name=name, number=number, json_name=f"f{number}")
    field.label = FieldDescriptorProto.LABEL_OPTIONAL
    text = kind.name()
    if text.startswith("LIST<"):
        field.label = FieldDescriptorProto.LABEL_REPEATED
        _set_type(field, text[5:-1])
    elif text.startswith("MAP<STRING, "):
        words = "".join(part[:1].upper() + part[1:] for part in name.split("_"))
        entry = message.nested_type.add(name=f"{words}Entry")
        entry.options.map_entry = True
        for index, (part, what) in enumerate((("key", "STRING"), ("value", text[12:-1])), 1):
            inner = entry.field.add(name=part, number=index)
            inner.label = FieldDescriptorProto.LABEL_OPTIONAL
            _set_type(inner, what)
        field.label = FieldDescriptorProto.LABEL_REPEATED
        field.type = FieldDescriptorProto.TYPE_MESSAGE
        field.type_name = f".{message.name}.{entry.name}"
    else:
        _set_type(field, text)


def _set_type(field: FieldDescriptorProto, kind: str) -> None:
    """A list or a map inside a list or a map has no exact type in a message: it is any value."""
    if kind in _WIRE:
        field.type = _WIRE[kind]
        return
    field.type = FieldDescriptorProto.TYPE_MESSAGE
    if kind.startswith("LIST<"):
        field.type_name = ".google.protobuf.ListValue"
    elif kind.startswith("MAP<"):
        field.type_name = ".google.protobuf.Struct"
    else:
        field.type_name = _MESSAGES.get(kind, f".{kind}")


def seen(schema: JSON, value: Any) -> Any:
    """A value that fits its schema, as CEL sees it."""
    if value is None or schema.get("x-kubernetes-int-or-string"):
        return value
    match value:
        case dict():
            return _object_seen(schema, value)
        case list():
            items = schema.get("items") or {}
            return [seen(_embedded(items), one) for one in value]
        case str():
            try:
                return _text_seen(str(schema.get("format") or ""), value)
            except ValueError:  # the schema takes more forms than the message reads
                return value
        case bool():
            return value
        case int() | float():
            kind = schema.get("type")
            return float(value) if kind == "number" else int(value) if kind == "integer" else value
    return value


def _embedded(schema: JSON) -> JSON:
    return with_identity(schema) if schema.get("x-kubernetes-embedded-resource") else schema


def _object_seen(schema: JSON, value: JSON) -> JSON:
    others = schema.get("additionalProperties")
    if isinstance(others, dict):
        return {key: seen(_embedded(others), one) for key, one in value.items()}
    found = {}
    for name, inner in (schema.get("properties") or {}).items():
        field = escaped(name)
        if name in value and field is not None:
            found[field] = seen(_embedded(inner), value[name])
    return found


def _text_seen(form: str, text: str) -> Any:
    match form:
        case "byte":
            return base64.b64decode(text)
        case "date" | "date-time":
            stamp = Timestamp()
            stamp.FromJsonString(text if "T" in text.upper() else f"{text}T00:00:00Z")
            return stamp
        case "duration":
            span = Duration()
            span.FromNanoseconds(nanoseconds(text))
            return span
        case _:
            return text


def nanoseconds(text: str) -> int:
    """How long a duration such as `1h30m` is."""
    parts = _SPAN.findall(text)
    total = sum(round(float(number) * _UNITS[unit]) for number, unit in parts)
    return -total if text.startswith("-") else total
