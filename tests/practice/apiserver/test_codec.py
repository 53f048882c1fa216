from __future__ import annotations

import json
from typing import Any

import pytest

from runbook.practice.apiserver.codec import decode_body, normal, without_nulls
from runbook.practice.apiserver.errors import ApiError
from runbook.practice.apiserver.messages import Request


def _request(body: bytes, media: str = "application/json") -> Request:
    return Request("POST", "/", headers={"content-type": media}, body=body)


def test_json_and_yaml_say_the_same() -> None:
    body = {"kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "b"}}
    assert decode_body(_request(json.dumps(body).encode())) == body
    assert (
        decode_body(
            _request(b"kind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n", "application/yaml")
        )
        == body
    )


def test_nulls_and_empty_metadata_are_dropped() -> None:
    found = normal({"metadata": {"name": "c", "labels": {}, "finalizers": []}, "spec": None})
    assert found == {"metadata": {"name": "c"}}
    assert without_nulls({"a": [{"b": None}], "c": {}}) == {"a": [{}], "c": {}}


def test_the_copy_shares_nothing_with_what_was_sent() -> None:
    sent: dict[str, Any] = {"metadata": {"name": "c"}, "spec": {"items": [{"a": 1}]}}
    found = normal(sent)
    found["spec"]["items"][0]["a"] = 2
    assert sent["spec"]["items"][0]["a"] == 1


@pytest.mark.parametrize(
    ("body", "media", "code"),
    [
        (b"", "application/json", 400),
        (b"[]", "application/json", 400),
        (b'"text"', "application/json", 400),
        (b"{", "application/json", 400),
        (b"\xff\xfe", "application/json", 400),
        (b'{"a": NaN}', "application/json", 400),
        (b'{"metadata": "x"}', "application/json", 400),
        (b"[" * 5000, "application/json", 400),
        (b'{"a":' * 500 + b"1" + b"}" * 500, "application/json", 400),
        (b"a: [", "application/yaml", 400),
        (b"a: .nan", "application/yaml", 400),
        (b"&a [*a]", "application/yaml", 400),
        (b"a: 2026-01-01", "application/yaml", 400),
        (b"not protobuf", "application/vnd.kubernetes.protobuf", 400),
        (b"{}", "application/cbor", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(body: bytes, media: str, code: int) -> None:
    with pytest.raises(ApiError) as refused:
        decode_body(_request(body, media))
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (b'{"data":{"a":"x\\ud800y"}}', "x\ufffdy"),
        (b'{"data":{"a":"\\ud83d\\ude00"}}', "\U0001f600"),
        (b'{"data":{"a":"\\\\ud800"}}', r"\ud800"),
        (b'{"data":{"a":"x\xff\xed\xa0\x80y"}}', "x\ufffd\ufffd\ufffd\ufffdy"),
    ],
)
def test_what_is_no_text_becomes_replacement_characters(sent: bytes, read: str) -> None:
    """As the real server reads it; stored as it came, nobody could be told of it any more."""
    assert decode_body(_request(sent))["data"]["a"] == read


@pytest.mark.parametrize(
    "sent",
    [
        '{"metadata":{"name":"a"}}'.encode("utf-16"),
        b'\xef\xbb\xbf{"metadata":{"name":"a"}}',
        b'{"spec":{"size":1e999}}',
    ],
)
def test_only_plain_json_is_read(sent: bytes) -> None:
    with pytest.raises(ApiError, match="json parse error"):
        decode_body(_request(sent))


def test_half_a_surrogate_in_yaml_is_refused() -> None:
    with pytest.raises(ApiError, match="YAML") as refused:
        decode_body(_request(b'a: "\\uD800"', "application/yaml"))
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (
            "a0: &a0 [x]\n" + "".join(f"a{n + 1}: &a{n + 1} [*a{n}, *a{n}]\n" for n in range(40)),
            "alias",
        ),
        ("a: &a [*a, *a]", "max depth"),
        ("a: &a {b: *a, c: *a}", "max depth"),
    ],
)
def test_aliases_that_would_fill_the_memory_are_refused(sent: str, says: str) -> None:
    with pytest.raises(ApiError, match=says) as refused:
        decode_body(_request(sent.encode(), "application/yaml"))
    assert refused.value.code == 400


def test_protobuf_cannot_hold_what_json_may_not() -> None:
    fields = _field(b"\x0a", b"[" * 50_000)
    metadata = _field(b"\x8a\x01", _field(b"\x3a", fields))  # managedFields[0].fieldsV1
    kind = b"\x0a\x02v1\x12\x09ConfigMap"
    sent = b"k8s\0" + _field(b"\x0a", kind) + _field(b"\x12", _field(b"\x0a", metadata))
    with pytest.raises(ApiError, match="protobuf") as refused:
        decode_body(_request(sent, "application/vnd.kubernetes.protobuf"))
    assert refused.value.code == 400


def _field(tag: bytes, data: bytes) -> bytes:
    length, left = b"", len(data)
    while left > 127:
        length, left = length + bytes([left & 127 | 128]), left >> 7
    return tag + length + bytes([left]) + data
