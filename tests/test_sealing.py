from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from hypothesis import given, settings, strategies as st

from runbook.sealing import (
    NotUnsealed,
    Scope,
    label,
    new_key,
    read_key,
    seal,
    unseal,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PEM, CERTIFICATE = new_key(NOW, bits=2048)
KEY = read_key(PEM)


def _other_key() -> RSAPrivateKey:
    return read_key(new_key(NOW, bits=2048)[0])


def test_the_label_is_the_scope() -> None:
    assert label("ns", "name", Scope.STRICT) == b"ns/name"
    assert label("ns", "name", Scope.NAMESPACE_WIDE) == b"ns"
    assert label("ns", "name", Scope.CLUSTER_WIDE) == b""


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=5000), st.binary(max_size=100))
def test_a_sealed_value_opens_with_its_key_and_label(value: bytes, scope: bytes) -> None:
    assert unseal(seal(value, CERTIFICATE, scope), [KEY], scope) == value


def test_it_opens_with_whichever_of_several_keys_fits() -> None:
    sealed = seal(b"x", CERTIFICATE, b"")
    assert unseal(sealed, [_other_key(), KEY], b"") == b"x"


@pytest.mark.parametrize("scope", [b"ns/other", b"ns", b""])
def test_it_opens_under_no_other_label(scope: bytes) -> None:
    sealed = seal(b"x", CERTIFICATE, b"ns/name")
    with pytest.raises(NotUnsealed):
        unseal(sealed, [KEY], scope)


def test_it_opens_with_no_other_key_and_not_without_one() -> None:
    sealed = seal(b"x", CERTIFICATE, b"")
    for keys in ([_other_key()], []):
        with pytest.raises(NotUnsealed):
            unseal(sealed, keys, b"")


@pytest.mark.parametrize("text", ["", "!!!", "AAAA", base64.b64encode(bytes(600)).decode()])
def test_what_is_no_sealed_value_is_not_unsealed(text: str) -> None:
    with pytest.raises(NotUnsealed):
        unseal(text, [KEY], b"")


@pytest.mark.parametrize(
    ("text", "byte"),
    [
        ("not base64!", 3),
        ("AA\nA!", 4),
        ("AAA", 0),
        ("AAAAA=", 5),
        ("AA=", 3),
        ("AA=A", 2),
        ("AA==A", 4),
    ],
)
def test_what_is_no_base64_is_told_as_go_tells_it(text: str, byte: int) -> None:
    with pytest.raises(NotUnsealed, match=f"^illegal base64 data at input byte {byte}$"):
        unseal(text, [KEY], b"")


def test_a_changed_byte_is_noticed() -> None:
    content = bytearray(base64.b64decode(seal(b"secret", CERTIFICATE, b"")))
    content[-1] ^= 1
    with pytest.raises(NotUnsealed):
        unseal(base64.b64encode(content).decode(), [KEY], b"")


def test_the_parts_lie_where_kubeseal_puts_them() -> None:
    """Two bytes of length, the wrapped key, then the value and 16 bytes of authentication."""
    content = base64.b64decode(seal(b"12345", CERTIFICATE, b""))
    assert content[:2] == (256).to_bytes(2, "big")
    assert len(content) == 2 + 256 + 5 + 16


def test_a_certificate_is_valid_for_ten_years_from_its_making() -> None:
    certificate = x509.load_pem_x509_certificate(CERTIFICATE)
    assert certificate.not_valid_before_utc == NOW
    assert (certificate.not_valid_after_utc - NOW).days == 3650
