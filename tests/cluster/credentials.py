"""Keys, certificates and kubeconfigs of a test cluster; every key is made anew for it."""

from __future__ import annotations

import base64
import datetime as dt
import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

VALID = dt.timedelta(days=1)
NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
ADDRESSES = ("127.0.0.1", "10.96.0.1")
"""Loopback, and the first of the services' range, which is the API server's own."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key, as PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """As NAME.crt and NAME.key; the key for its owner only."""
        certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
        certificate.write_bytes(self.certificate)
        key.touch(mode=0o600)
        key.write_bytes(self.key)
        return certificate, key


def signing_key() -> bytes:
    """A private key on its own, for service account tokens."""
    return _pem(ec.generate_private_key(ec.SECP256R1()))


class Authority:
    """The cluster's certificate authority."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("test-cluster-ca", ())
        made = self._builder(self._name, self._key.public_key(), VALID)
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        self.certificate = _certificate_pem(made.sign(self._key, hashes.SHA256()))
        self.key = _pem(self._key)

    def server(self) -> Pair:
        alternatives: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
        alternatives += [x509.IPAddress(ipaddress.ip_address(own)) for own in ADDRESSES]
        return self._issue(
            _name("kube-apiserver", ()),
            ExtendedKeyUsageOID.SERVER_AUTH,
            VALID,
            x509.SubjectAlternativeName(alternatives),
        )

    def client(self, user: str, groups: Sequence[str] = (), lifetime: dt.timedelta = VALID) -> Pair:
        """Kubernetes reads the user from the common name and the groups from the organizations."""
        return self._issue(_name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, lifetime, None)

    def _issue(
        self,
        subject: x509.Name,
        usage: x509.ObjectIdentifier,
        lifetime: dt.timedelta,
        alternatives: x509.SubjectAlternativeName | None,
    ) -> Pair:
        key = ec.generate_private_key(ec.SECP256R1())
        made = self._builder(subject, key.public_key(), lifetime)
        made = made.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
        if alternatives is not None:
            made = made.add_extension(alternatives, critical=False)
        return Pair(_certificate_pem(made.sign(self._key, hashes.SHA256())), _pem(key))

    def _builder(
        self, subject: x509.Name, key: ec.EllipticCurvePublicKey, lifetime: dt.timedelta
    ) -> x509.CertificateBuilder:
        now = dt.datetime.now(dt.UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + lifetime)
        )


def with_certificate(pair: Pair) -> dict[str, str]:
    """A kubeconfig's user that shows a client certificate."""
    return {
        "client-certificate-data": _base64(pair.certificate),
        "client-key-data": _base64(pair.key),
    }


def with_token(token: str) -> dict[str, str]:
    return {"token": token}


def write_kubeconfig(
    path: Path,
    server: str,
    authority: bytes,
    user: Mapping[str, str],
    name: str,
    namespace: str = "default",
) -> Path:
    """One context of one cluster and one user, with everything embedded."""
    cluster = {"server": server, "certificate-authority-data": _base64(authority)}
    context = {"cluster": name, "user": name, "namespace": namespace}
    written = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": dict(user)}],
        "contexts": [{"name": name, "context": context}],
        "current-context": name,
    }
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(written, sort_keys=False), encoding="utf-8")
    return path


def _name(common: str, organizations: Sequence[str]) -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in organizations]
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _certificate_pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
