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
