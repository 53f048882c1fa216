from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from runbook.practice.services import sigv4
from runbook.practice.services.s3_store import S3Fault

# The worked example "GET Object" of AWS's own documentation of Signature Version 4.
KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SENT = datetime(2013, 5, 24, tzinfo=UTC)
PUBLISHED = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"
EXAMPLE = sigv4.SignedRequest(
    "GET",
    "/test.txt",
    "",
    {
        "host": "examplebucket.s3.amazonaws.com",
        "range": "bytes=0-9",
        "x-amz-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "x-amz-date": "20130524T000000Z",
        "authorization": f"AWS4-HMAC-SHA256 Credential={KEY}/20130524/us-east-1/s3/aws4_request,"
        "SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,"
        f"Signature={PUBLISHED}",
    },
)


def refused(request: sigv4.SignedRequest, secret: str = SECRET, now: datetime = SENT) -> str:
    with pytest.raises(S3Fault) as caught:
        sigv4.verify(request, {KEY: secret}, now)
    return caught.value.code


def with_header(name: str, value: str) -> sigv4.SignedRequest:
    return replace(EXAMPLE, headers={**EXAMPLE.headers, name: value})


def test_the_published_example_of_aws_is_accepted() -> None:
    assert sigv4.verify(EXAMPLE, {KEY: SECRET}, SENT) == KEY


def test_a_listing_signs_its_sorted_query_as_aws_publishes_it() -> None:
    listing = sigv4.SignedRequest(
        "GET",
        "/",
        "prefix=J&max-keys=2",
        {k: v for k, v in EXAMPLE.headers.items() if k != "range"},
    )
    assert (
        sigv4.signature(
            listing,
            SECRET,
            stamp="20130524T000000Z",
            region="us-east-1",
            service="s3",
            signed_headers=("host", "x-amz-content-sha256", "x-amz-date"),
        )
        == "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


def test_a_request_without_authorization_is_denied() -> None:
    bare = replace(EXAMPLE, headers={"host": "x"})
    assert refused(bare) == "AccessDenied"


def test_an_unknown_key_is_told_apart_from_a_wrong_secret() -> None:
    stranger = with_header(
        "authorization", EXAMPLE.headers["authorization"].replace("AKIA", "BKIA")
    )
    assert refused(stranger) == "InvalidAccessKeyId"
    assert refused(EXAMPLE, secret="another") == "SignatureDoesNotMatch"


def test_a_changed_path_breaks_the_signature() -> None:
    assert refused(replace(EXAMPLE, raw_path="/other.txt")) == "SignatureDoesNotMatch"


def test_a_clock_off_by_more_than_a_quarter_of_an_hour_is_refused() -> None:
    assert refused(EXAMPLE, now=SENT + timedelta(minutes=16)) == "RequestTimeTooSkewed"
    assert sigv4.verify(EXAMPLE, {KEY: SECRET}, SENT - timedelta(minutes=14)) == KEY


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("AWS AKIA:sig", "MissingFields"),
        ("Basic YTpi", "InvalidRequest"),
        ("Bearer abc", "AccessDenied"),
        ("AWS4-HMAC-SHA256 Credential=x", "MissingFields"),
        (
            "AWS4-HMAC-SHA256 Credential=x,SignedHeaders=y,Signature=z",
            "AuthorizationHeaderMalformed",
        ),
        ("AWS4-HMAC-SHA256", "MissingFields"),
    ],
)
def test_a_malformed_header_is_named_as_such(value: str, code: str) -> None:
    assert refused(with_header("authorization", value)) == code


def test_a_scope_of_another_day_is_malformed() -> None:
    other = EXAMPLE.headers["authorization"].replace("/20130524/", "/20130523/")
    assert refused(with_header("authorization", other)) == "AuthorizationHeaderMalformed"


def test_a_missing_date_is_refused() -> None:
    assert refused(with_header("x-amz-date", "")) == "AccessDenied"


def test_a_date_that_is_none_is_refused() -> None:
    assert refused(with_header("x-amz-date", "yesterday")) == "MalformedDate"
