from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from runbook.mlops.s3 import Keys, S3Error, S3Store, SignatureV4
from runbook.practice.services import s3
from runbook.practice.services.s3_store import S3Store as Buckets

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
GOOD = Keys("seldon", "secret-key")
MODEL = "1/models/m-a/artifacts"


@pytest.fixture
async def endpoint() -> AsyncIterator[str]:
    buckets = Buckets(lambda: NOW)
    buckets.create_bucket("mlflow-artifacts")
    for key in (f"{MODEL}/MLmodel.bak", f"{MODEL}/data/model.pth", "odd key/ä+&=?.txt"):
        buckets.put("mlflow-artifacts", key, b"x")
    app = s3.application(buckets, lambda: {"seldon": "secret-key"}, lambda: NOW)
    async with TestServer(app) as server:
        yield str(server.make_url("/"))


@pytest.fixture
async def store(endpoint: str) -> AsyncIterator[Callable[..., S3Store]]:
    async with httpx.AsyncClient(base_url=endpoint) as http:
        yield lambda keys=GOOD, now=NOW: S3Store(http, keys, lambda: now)


def test_a_signature_is_that_of_the_published_example() -> None:
    # The GET Bucket (List Objects) example of the S3 documentation on Signature Version 4.
    keys = Keys("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
    at = datetime(2013, 5, 24, tzinfo=UTC)
    request = httpx.Request("GET", "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J")
    signed = next(SignatureV4(keys, lambda: at).auth_flow(request))
    assert signed.headers["authorization"].endswith(
        "Signature=34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    )


async def test_an_object_exists_only_by_its_exact_key(store: Callable[..., S3Store]) -> None:
    assert await store().exists("mlflow-artifacts", f"{MODEL}/MLmodel.bak")
    assert not await store().exists("mlflow-artifacts", f"{MODEL}/MLmodel")


async def test_keys_are_listed_by_prefix_up_to_a_limit(store: Callable[..., S3Store]) -> None:
    assert await store().list_keys("mlflow-artifacts", MODEL) == [
        f"{MODEL}/MLmodel.bak",
        f"{MODEL}/data/model.pth",
    ]
    assert await store().list_keys("mlflow-artifacts", MODEL, limit=1) == [f"{MODEL}/MLmodel.bak"]
    assert await store().list_keys("mlflow-artifacts", "no/such/") == []


async def test_keys_with_odd_characters_are_signed_as_they_are_sent(
    store: Callable[..., S3Store],
) -> None:
    assert await store().exists("mlflow-artifacts", "odd key/ä+&=?.txt")


@pytest.mark.parametrize(
    ("given", "bucket", "code", "says_nothing"),
    [
        ({}, "other-bucket", "NoSuchBucket", False),
        ({"keys": Keys("seldon", "wrong")}, "mlflow-artifacts", "SignatureDoesNotMatch", True),
        ({"keys": Keys("nobody", "x")}, "mlflow-artifacts", "InvalidAccessKeyId", True),
        ({"keys": None}, "mlflow-artifacts", "AccessDenied", True),
        ({"now": NOW + timedelta(hours=1)}, "mlflow-artifacts", "RequestTimeTooSkewed", True),
    ],
)
async def test_refusals_keep_their_code_and_say_whether_they_are_about_objects(
    store: Callable[..., S3Store],
    given: dict[str, Any],
    bucket: str,
    code: str,
    says_nothing: bool,
) -> None:
    with pytest.raises(S3Error) as refused:
        await store(**given).list_keys(bucket)
    assert refused.value.code == code
    assert refused.value.says_nothing_of_objects is says_nothing


@pytest.mark.parametrize("body", ["<html>login</html>", "no xml", "", "<ListBucketResult"])
async def test_something_else_than_s3_is_no_empty_bucket(body: str) -> None:
    async def page(request: web.Request) -> web.Response:
        return web.Response(text=body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    async with (
        TestServer(app) as server,
        httpx.AsyncClient(base_url=str(server.make_url("/"))) as c,
    ):
        with pytest.raises(S3Error) as strange:
            await S3Store(c, None, lambda: NOW).list_keys("b")
    assert strange.value.code == "NotS3"
    assert strange.value.says_nothing_of_objects


async def test_a_store_in_trouble_says_nothing_of_its_objects() -> None:
    def starting(request: httpx.Request) -> httpx.Response:
        body = "<Error><Code>XMinioServerNotInitialized</Code><Message>later</Message></Error>"
        return httpx.Response(503, text=body, request=request)

    transport = httpx.MockTransport(starting)
    async with httpx.AsyncClient(base_url="http://minio", transport=transport) as c:
        with pytest.raises(S3Error) as refused:
            await S3Store(c, None, lambda: NOW).list_keys("b")
    assert refused.value.code == "XMinioServerNotInitialized"
    assert refused.value.says_nothing_of_objects


def test_a_secret_key_is_never_shown() -> None:
    assert "secret-key" not in repr(GOOD)
