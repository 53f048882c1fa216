"""Whether certificate and key of a TLS secret belong together, and what the server says if not."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

JSON = dict[str, Any]

_BLOCK = re.compile(
    rb"^-----BEGIN ([^\n-]+)-----\s*\n[A-Za-z0-9+/=\s:,-]*?-----END \1-----", re.MULTILINE
)


def mismatch(data: JSON) -> str:
    """Of the `data` of a Secret of type kubernetes.io/tls; "" if nothing is wrong."""
    certificate, key = (_decoded(data.get(name)) for name in ("tls.crt", "tls.key"))
    kinds = _kinds(certificate)
    if "CERTIFICATE" not in kinds:
        return _nothing_found("certificate", "CERTIFICATE", kinds, switched=_is_key(kinds))
    of_key = _kinds(key)
    if not _is_key(of_key):
        return _nothing_found("key", "", of_key, switched=of_key == ["CERTIFICATE"])
    try:
        loaded = x509.load_pem_x509_certificates(certificate)[0]
    except ValueError:
        return "x509: malformed certificate"
    try:
        private = load_pem_private_key(key, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        return "tls: failed to parse private key"
    public, wanted = private.public_key(), loaded.public_key()
    if type(public) is not type(wanted):
        return "tls: private key type does not match public key type"
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    same = public.public_bytes(*form) == wanted.public_bytes(*form)
    return "" if same else "tls: private key does not match public key"


def _decoded(text: object) -> bytes:
    try:
        return base64.b64decode(str(text or ""))
    except binascii.Error:
        return b""


def _kinds(pem: bytes) -> list[str]:
    return [found[1].decode("utf-8", "replace") for found in _BLOCK.finditer(pem)]


def _is_key(kinds: list[str]) -> bool:
    return any(kind == "PRIVATE KEY" or kind.endswith(" PRIVATE KEY") for kind in kinds)


def _nothing_found(what: str, wanted: str, kinds: list[str], *, switched: bool) -> str:
    if not kinds:
        return f"tls: failed to find any PEM data in {what} input"
    if switched and len(kinds) == 1:
        return (
            "tls: failed to find certificate PEM data in certificate input, but did find a "
            "private key; PEM inputs may have been switched"
            if what == "certificate"
            else "tls: found a certificate rather than a key in the PEM for the private key"
        )
    block = f'"{wanted}" PEM block' if wanted else 'PEM block with type ending in "PRIVATE KEY"'
    return (
        f"tls: failed to find {block} in {what} input after skipping PEM blocks of the "
        f"following types: [{' '.join(kinds)}]"
    )
