from __future__ import annotations

import ssl
from datetime import UTC, datetime

from cryptography import x509

from runbook.practice.apiserver.certificates import make_certificates

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def test_the_certificate_is_good_for_loopback_only() -> None:
    made = make_certificates(NOW)
    certificate = x509.load_pem_x509_certificate(made.chain)
    authority = x509.load_pem_x509_certificate(made.authority)
    certificate.verify_directly_issued_by(authority)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    addresses = [str(one) for one in names.get_values_for_type(x509.IPAddress)]
    assert addresses == ["127.0.0.1", "::1", "10.96.0.1"]
    assert certificate.not_valid_before_utc < NOW < certificate.not_valid_after_utc


def test_every_start_has_an_authority_of_its_own() -> None:
    assert make_certificates(NOW).authority != make_certificates(NOW).authority


def test_old_protocols_are_refused() -> None:
    context = make_certificates(NOW).server_context()
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
