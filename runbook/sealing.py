"""The cryptography of Sealed Secrets, compatible with kubeseal: pure functions over bytes.

A sealed value is base64 of: the length of the wrapped key (2 bytes, big endian), the session key
wrapped by RSA-OAEP (SHA-256) under the certificate's public key, and the value under AES-256-GCM with
that key. The nonce is zero because a session key is used once. The OAEP label is the scope: a value
sealed for one name opens under no other.
"""

from __future__ import annotations

import base64
import secrets
import string
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import (
    RSAPrivateKey,
    RSAPublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

SESSION_KEY_BYTES = 32
NONCE = bytes(12)
_BASE64 = frozenset(f"{string.ascii_letters}{string.digits}+/")
KEY_BITS = 4096  # what the real controller makes
VALIDITY = timedelta(days=3650)


class Scope(StrEnum):
    """What a sealed value is bound to."""

    STRICT = "strict"
    NAMESPACE_WIDE = "namespace-wide"
    CLUSTER_WIDE = "cluster-wide"


class NotUnsealed(Exception):
    """No given key opens the value: another key, another scope, or not a sealed value at all."""


def label(namespace: str, name: str, scope: Scope = Scope.STRICT) -> bytes:
    """The OAEP label that binds a value to its scope."""
    match scope:
        case Scope.STRICT:
            return f"{namespace}/{name}".encode()
        case Scope.NAMESPACE_WIDE:
            return namespace.encode()
        case Scope.CLUSTER_WIDE:
            return b""


def seal(value: bytes, certificate: bytes, scope_label: bytes) -> str:
    """Seal one value for the holder of this PEM certificate's key."""
    session_key = secrets.token_bytes(SESSION_KEY_BYTES)
    wrapped = _public_key(certificate).encrypt(session_key, _oaep(scope_label))
    sealed = AESGCM(session_key).encrypt(NONCE, value, None)
    return base64.b64encode(len(wrapped).to_bytes(2, "big") + wrapped + sealed).decode()


def unseal(sealed: str, keys: Iterable[RSAPrivateKey], scope_label: bytes) -> bytes:
    """Open one value with whichever key fits."""
    content = _decoded(sealed)
    length = int.from_bytes(content[:2], "big")
    wrapped, ciphertext = content[2 : 2 + length], content[2 + length :]
    for key in keys:
        try:
            session_key = key.decrypt(wrapped, _oaep(scope_label))
            return AESGCM(session_key).decrypt(NONCE, ciphertext, None)
        except (ValueError, InvalidTag):
            continue  # not this key, or not this scope; the error must not tell which
    raise NotUnsealed("no key could decrypt secret")


def new_key(now: datetime, *, bits: int = KEY_BITS) -> tuple[bytes, bytes]:
    """A fresh private key and its self-signed certificate, both PEM."""
    key = generate_private_key(public_exponent=65537, key_size=bits)
    nobody = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + VALIDITY)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    return (
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        ),
        certificate.public_bytes(serialization.Encoding.PEM),
    )


def read_key(pem: bytes) -> RSAPrivateKey:
    """A private key from PEM; ValueError when it is not an RSA key."""
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("the private key is not an RSA key")  # noqa: TRY004 - a bad value, not a bug
    return key


def _decoded(text: str) -> bytes:
    """As Go's decoder takes base64: line ends do not count, and the first wrong byte is named."""
    wrong = _first_wrong(text)
    if wrong is not None:
        raise NotUnsealed(f"illegal base64 data at input byte {wrong}")
    return base64.b64decode(text)


def _first_wrong(text: str) -> int | None:
    kept = [(at, letter) for at, letter in enumerate(text) if letter not in "\r\n"]
    for index, (at, letter) in enumerate(kept):
        if letter in _BASE64:
            continue
        place = index % 4
        if letter != "=" or place < 2:
            return at
        rest = kept[index + 1 :]
        if place == 2:
            if not rest:
                return len(text)
            if rest[0][1] != "=":
                return rest[0][0] - 1
            rest = rest[1:]
        return rest[0][0] if rest else None
    left = len(kept) % 4
    return len(text) - left if left else None


def _public_key(certificate: bytes) -> RSAPublicKey:
    key = x509.load_pem_x509_certificate(certificate).public_key()
    if not isinstance(key, RSAPublicKey):
        raise ValueError("the certificate's key is not an RSA key")  # noqa: TRY004 - as above
    return key


def _oaep(scope_label: bytes) -> padding.OAEP:
    mask = padding.MGF1(algorithm=hashes.SHA256())
    return padding.OAEP(mgf=mask, algorithm=hashes.SHA256(), label=scope_label)
