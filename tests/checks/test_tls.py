"""TLS that cannot be trusted says why, and is neither red nor green: nobody was asked anything."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from runbook.run.readings import Verdict

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


class Authority:
    """Signs certificates of servers."""

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = (
            folder,
            x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)]),
        )
        self._key = ec.generate_private_key(ec.SECP256R1())
        public = self._key.public_key()
        made = (
            _begun(self._name, public, NOW + DAY)
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        self.file = folder / f"{name}.pem"
        self.file.write_bytes(made.public_bytes(serialization.Encoding.PEM))

    def server(self, host: str, until: datetime = NOW + DAY) -> ssl.SSLContext:
        """What a server of this name shows."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        made = (
            _begun(name, key.public_key(), until)
            .issuer_name(self._name)
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        chain = self._folder / "chain.pem"
        chain.write_bytes(
            made.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(chain)
        return context


def _begun(
    name: x509.Name, key: ec.EllipticCurvePublicKey, until: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - 30 * DAY)
        .not_valid_after(until)
    )


@asynccontextmanager
async def serving(context: ssl.SSLContext) -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=context)
    try:
        yield f"https://localhost:{server.port}"
    finally:
        await server.close()


Made = Callable[[Authority, Authority], tuple[ssl.SSLContext, Path]]


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda ours, _: (ours.server("localhost"), ours.file), None),
        (lambda ours, _: (ours.server("other.example"), ours.file), "Hostname mismatch"),
        (lambda ours, _: (ours.server("localhost", NOW - DAY), ours.file), "has expired"),
        (
            lambda ours, theirs: (theirs.server("localhost"), ours.file),
            "unable to get local issuer",
        ),
    ],
    ids=["good", "another name", "expired", "another authority"],
)
async def test_a_certificate_that_proves_nothing_is_not_red(
    cluster: Any, tmp_path: Path, made: Made, said: str | None
) -> None:
    context, trusted = made(Authority(tmp_path, "ours"), Authority(tmp_path, "theirs"))
    async with serving(context) as address:
        reading = await cluster.look(http={"url": address, "ca_file": str(trusted)})
    assert reading.verdict is (Verdict.UNKNOWN if said else Verdict.HOLDS), reading.observed
    assert (said or "HTTP 200") in reading.observed


@pytest.mark.parametrize(
    ("kind", "query", "said"),
    [
        ("s3", {"bucket": "b"}, "unable to get local issuer"),
        ("inference", {"model": "m"}, "unable to get local issuer"),
        ("mlflow", {"experiment": "e", "variants": ["v"]}, "tls"),
    ],
)
async def test_the_platforms_own_services_are_not_red_by_their_certificate(
    cluster: Any, tmp_path: Path, kind: str, query: dict[str, Any], said: str
) -> None:
    async with serving(Authority(tmp_path, "private").server("localhost")) as address:
        reading = await cluster.look(**{kind: {"endpoint": address, **query}})
    assert reading.verdict is Verdict.UNKNOWN
    assert said in reading.observed
