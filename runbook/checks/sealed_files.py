"""Sealed files and backups of sealing keys, opened on this machine. No value leaves this module.

A backup holds private keys: Secrets as `kubectl get secret -o yaml` prints them, under whatever names, or
plain PEM. What is asked of a key is only whether it opens something.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

from runbook.checks.manifest_files import UnusableFile, files_of, objects, read_file
from runbook.sealing import NotUnsealed, Scope, label, read_key, unseal
from runbook.target.api import JSON

_ANNOTATION = "sealedsecrets.bitnami.com/"
_PEM_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)
_SHOWN_DIGITS = 12


@dataclass(frozen=True, slots=True)
class SealingKey:
    """An active key of the controller, as its certificate tells it."""

    name: str
    fingerprint: str
    """SHA-256 of the certificate, hex, as `openssl x509 -fingerprint -sha256` counts it."""
    public: RSAPublicKey

    def __str__(self) -> str:
        return f"{self.name} (sha256 {self.fingerprint[:_SHOWN_DIGITS]})"


@dataclass(frozen=True, slots=True)
class Opened:
    """A SealedSecret that has been opened, or why it could not be."""

    file: str
    namespace: str
    name: str
    data: dict[str, str]
    """Base64 values by their keys, as a Secret has them; for checking their shape only."""
    problem: str = ""

    def __repr__(self) -> str:
        return f"Opened({self.file}: {self.namespace}/{self.name})"


def sealing_key(secret: JSON) -> SealingKey:
    """Raises ValueError for a Secret without an RSA certificate under `tls.crt`."""
    pem = base64.b64decode((secret.get("data") or {}).get("tls.crt") or "")
    certificate = x509.load_pem_x509_certificate(pem)
    public = certificate.public_key()
    if not isinstance(public, RSAPublicKey):
        raise ValueError("its key is no RSA key")  # noqa: TRY004 - a bad value, not a bug
    fingerprint = certificate.fingerprint(hashes.SHA256()).hex()
    return SealingKey(str(secret["metadata"]["name"]), fingerprint, public)


def private_keys(secrets: Sequence[JSON]) -> list[RSAPrivateKey]:
    """Every RSA key among the values of Secrets."""
    found = []
    for secret in secrets:
        values = [_decoded(value) for value in (secret.get("data") or {}).values()]
        values += [str(v).encode() for v in (secret.get("stringData") or {}).values()]
        for value in values:
            found += _pem_keys(value)
    return found


def keys_of_backup(file: Path, shown: str) -> list[RSAPrivateKey]:
    """The private keys of a backup. Raises UnusableFile."""
    content = read_file(file, shown)
    keys = _pem_keys(content)
    if not keys:
        keys = private_keys([one for one in objects(content, shown) if one.get("kind") == "Secret"])
    if not keys:
        raise UnusableFile(f"{shown} holds no private key that can be read")
    return keys


def is_among(key: SealingKey, keys: Sequence[RSAPrivateKey]) -> bool:
    return any(one.public_key() == key.public for one in keys)


def open_all(
    files: Sequence[str], directory: Path, keys: Sequence[RSAPrivateKey]
) -> tuple[Opened, ...]:
    """Everything sealed in files and folders. Raises UnusableFile where there is nothing to open."""
    found: list[Opened] = []
    order = list(keys)
    for given in files:
        for path, shown in files_of(directory / given, given):
            sealed = [one for one in objects(read_file(path, shown), shown) if _is_sealed(one)]
            if not sealed and path != directory / given:
                continue  # a folder may hold other manifests too
            if not sealed:
                raise UnusableFile(f"{shown} holds no SealedSecret")
            found += [_open(one, shown, order) for one in sealed]
    if not found:
        raise UnusableFile(f"no SealedSecret in {', '.join(files)}")
    return tuple(found)


def scope_of(sealed: JSON) -> Scope:
    annotations = (sealed.get("metadata") or {}).get("annotations") or {}
    for scope in (Scope.CLUSTER_WIDE, Scope.NAMESPACE_WIDE):
        if annotations.get(_ANNOTATION + scope) == "true":
            return scope
    return Scope.STRICT


def _open(sealed: JSON, file: str, keys: list[RSAPrivateKey]) -> Opened:
    metadata = sealed.get("metadata") or {}
    name, namespace = str(metadata.get("name") or ""), str(metadata.get("namespace") or "")
    spec = sealed.get("spec") or {}
    encrypted = spec.get("encryptedData") or {}
    scope = scope_of(sealed)

    def failed(problem: str) -> Opened:
        return Opened(file, namespace, name, {}, problem)

    if not name or (not namespace and scope is not Scope.CLUSTER_WIDE):
        return failed("names no namespace, to which what is sealed is bound")
    if not encrypted:
        return failed("seals nothing")
    bound = label(namespace, name, scope)
    data = {
        key: base64.b64encode(str(text).encode()).decode()
        for key, text in ((spec.get("template") or {}).get("data") or {}).items()
    }
    shut = []
    for key, value in encrypted.items():
        try:
            data[str(key)] = base64.b64encode(_unsealed(str(value), keys, bound)).decode()
        except NotUnsealed:
            shut.append(str(key))
    if shut:
        names = ", ".join(sorted(shut))
        return failed(
            f"none of the keys ({len(keys)}) opens it as {_bound_to(scope, sealed)}: {names}"
        )
    return Opened(file, namespace, name, data)


def _bound_to(scope: Scope, sealed: JSON) -> str:
    metadata = sealed["metadata"]
    match scope:
        case Scope.STRICT:
            return f"{metadata['namespace']}/{metadata['name']}"
        case Scope.NAMESPACE_WIDE:
            return f"any name in {metadata['namespace']}"
        case Scope.CLUSTER_WIDE:
            return "any name anywhere"


def _unsealed(value: str, keys: list[RSAPrivateKey], bound: bytes) -> bytes:
    """The value; the key that fits comes first the next time, since one key mostly opens them all."""
    for place, key in enumerate(keys):
        try:
            opened = unseal(value, [key], bound)
        except NotUnsealed:
            continue
        keys.insert(0, keys.pop(place))
        return opened
    raise NotUnsealed("no key could decrypt it")


def _is_sealed(one: JSON) -> bool:
    return one.get("kind") == "SealedSecret"


def _decoded(value: Any) -> bytes:
    try:
        return base64.b64decode(str(value), validate=False)
    except binascii.Error:
        return b""


def _pem_keys(content: bytes) -> list[RSAPrivateKey]:
    found = []
    for block in _PEM_KEY.finditer(content):
        try:
            found.append(read_key(block[0]))
        except (ValueError, TypeError):
            continue  # of another kind, or behind a passphrase
    return found
