"""AWS Signature Version 4 as a server sees it: is this request signed by a key I know?

Pure: headers and path in, the access key out, or an `S3Fault` with the code MinIO would answer.
Rules: only the `Authorization` header form (no presigned URLs, no chunked signatures), and a request
without that header is anonymous, which nobody may be here. The path must be given as it was sent:
S3 signs the percent-encoded form once.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl, quote

from runbook.practice.services.s3_store import S3Fault

ALGORITHM = "AWS4-HMAC-SHA256"
MAX_SKEW = timedelta(minutes=15)
_CREDENTIAL = re.compile(
    r"^(?P<key>[^/]+)/(?P<date>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request$"
)


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What of a request is covered by its signature; header names in lower case."""

    method: str
    raw_path: str
    query: str
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class _Authorization:
    access_key: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str


def verify(request: SignedRequest, secrets: Mapping[str, str], now: datetime) -> str:
    """The access key that signed the request."""
    header = request.headers.get("authorization", "")
    scheme = header.partition(" ")[0]
    if scheme in {"", "Bearer"}:
        raise S3Fault("AccessDenied", "Access Denied.", 403)
    if not scheme.startswith("AWS"):
        raise S3Fault(
            "InvalidRequest",
            "The authorization mechanism you have provided is not supported. "
            f"Please use {ALGORITHM}.",
            400,
            early=True,
        )
    stamp = request.headers.get("x-amz-date", "")
    _refuse_skew(stamp, now)
    claim = _parse(header)
    secret = secrets.get(claim.access_key)
    if secret is None:
        raise S3Fault(
            "InvalidAccessKeyId",
            "The Access Key Id you provided does not exist in our records.",
            403,
        )
    if stamp[:8] != claim.date:
        raise _malformed()
    if not set(claim.signed_headers) <= {"host", *request.headers}:
        raise S3Fault(
            "AccessDenied", "There were headers present in the request which were not signed", 400
        )
    wanted = signature(
        request,
        secret,
        stamp=stamp,
        region=claim.region,
        service=claim.service,
        signed_headers=claim.signed_headers,
    )
    if not hmac.compare_digest(wanted, claim.signature):
        raise S3Fault(
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method.",
            403,
        )
    return claim.access_key


def signature(
    request: SignedRequest,
    secret: str,
    *,
    stamp: str,
    region: str,
    service: str,
    signed_headers: tuple[str, ...],
) -> str:
    """The signature a holder of `secret` puts on this request."""
    date = stamp[:8]
    scope = f"{date}/{region}/{service}/aws4_request"
    digest = hashlib.sha256(_canonical(request, signed_headers).encode()).hexdigest()
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    to_sign = f"{ALGORITHM}\n{stamp}\n{scope}\n{digest}"
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


def _canonical(request: SignedRequest, signed_headers: tuple[str, ...]) -> str:
    pairs = sorted(
        (quote(name, safe="-_.~"), quote(value, safe="-_.~"))
        for name, value in parse_qsl(request.query, keep_blank_values=True)
    )
    lines = [
        f"{name}:{' '.join(request.headers.get(name, '').split())}\n" for name in signed_headers
    ]
    return "\n".join(
        (
            request.method,
            request.raw_path or "/",
            "&".join(f"{name}={value}" for name, value in pairs),
            "".join(lines),
            ";".join(signed_headers),
            request.headers.get("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        )
    )


def _parse(header: str) -> _Authorization:
    scheme, _, rest = header.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(",") if part.strip())
    if scheme != ALGORITHM or not {"Credential", "SignedHeaders", "Signature"} <= set(fields):
        raise S3Fault("MissingFields", "Missing fields in request.", 400)
    credential = _CREDENTIAL.match(fields["Credential"])
    if credential is None:
        raise _malformed()
    return _Authorization(
        access_key=credential["key"],
        date=credential["date"],
        region=credential["region"],
        service=credential["service"],
        signed_headers=tuple(fields["SignedHeaders"].split(";")),
        signature=fields["Signature"],
    )


def _refuse_skew(stamp: str, now: datetime) -> None:
    if not stamp:
        message = "AWS authentication requires a valid Date or x-amz-date header"
        raise S3Fault("AccessDenied", message, 400, early=True)
    try:
        sent = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        message = "Invalid date format header, expected to be in ISO8601, RFC1123 or RFC1123Z time format."
        raise S3Fault("MalformedDate", message, 400, early=True) from None
    if abs(now - sent) > MAX_SKEW:
        raise S3Fault(
            "RequestTimeTooSkewed",
            "The difference between the request time and the server's time is too large.",
            403,
            early=True,
        )


def _malformed() -> S3Fault:
    return S3Fault("AuthorizationHeaderMalformed", "The authorization header is malformed.", 400)
