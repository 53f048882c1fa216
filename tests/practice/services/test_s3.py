from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit
from xml.etree import ElementTree as ET

import pytest
from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from runbook.practice.services import s3, sigv4
from runbook.practice.services.s3_store import S3Store

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
Client = TestClient[web.Request, web.Application]


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    store = S3Store(lambda: NOW)
    store.create_bucket("mlflow-artifacts")
    for key in ("1/models/m-a/artifacts/MLmodel", "1/models/m-a/artifacts/data/model.pth", "a b+c"):
        store.put("mlflow-artifacts", key, key.encode())
    app = s3.application(store, lambda: {"seldon": "secret"}, lambda: NOW)
    async with TestClient(TestServer(app)) as opened:
        yield opened


async def ask(
    client: Client,
    method: str,
    path: str,
    *,
    body: bytes = b"",
    key: str = "seldon",
    secret: str = "secret",
    extra: dict[str, str] | None = None,
) -> tuple[ClientResponse, bytes]:
    url = client.make_url("/").with_path(path.partition("?")[0], encoded=True)
    url = url.with_query(path.partition("?")[2] or None)
    parts = urlsplit(str(url))
    headers = {
        "host": f"{url.host}:{url.port}",
        "x-amz-date": NOW.strftime("%Y%m%dT%H%M%SZ"),
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
        **(extra or {}),
    }
    names = tuple(sorted(headers))
    signature = sigv4.signature(
        sigv4.SignedRequest(method, parts.path, parts.query, headers),
        secret,
        stamp=headers["x-amz-date"],
        region="us-east-1",
        service="s3",
        signed_headers=names,
    )
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={key}/{NOW:%Y%m%d}/us-east-1/s3/aws4_request, "
        f"SignedHeaders={';'.join(names)}, Signature={signature}"
    )
    async with client.session.request(method, url, data=body, headers=headers) as answer:
        return answer, await answer.read()


def code(body: bytes) -> str | None:
    return ET.fromstring(body).findtext("Code")


def texts(body: bytes, name: str) -> list[str]:
    space = "{http://s3.amazonaws.com/doc/2006-03-01/}"
    return [found.text or "" for found in ET.fromstring(body).iter(space + name)]


async def test_a_prefix_lists_its_keys(client: Client) -> None:
    answer, body = await ask(client, "GET", "/mlflow-artifacts?list-type=2&prefix=1/models/m-a/")
    assert answer.status == 200
    assert texts(body, "KeyCount") == ["2"]
    assert texts(body, "Key") == [
        "1/models/m-a/artifacts/MLmodel",
        "1/models/m-a/artifacts/data/model.pth",
    ]


async def test_an_empty_prefix_is_200_with_key_count_0(client: Client) -> None:
    answer, body = await ask(client, "GET", "/mlflow-artifacts?list-type=2&prefix=9/")
    assert (answer.status, texts(body, "KeyCount")) == (200, ["0"])


async def test_pages_follow_their_token(client: Client) -> None:
    _, body = await ask(client, "GET", "/mlflow-artifacts?list-type=2&max-keys=2")
    assert texts(body, "IsTruncated") == ["true"]
    [token] = texts(body, "NextContinuationToken")
    _, rest = await ask(
        client, "GET", f"/mlflow-artifacts?list-type=2&max-keys=2&continuation-token={token}"
    )
    assert texts(rest, "Key") == ["a b+c"]


async def test_an_object_is_got_by_its_exact_key_with_any_characters(client: Client) -> None:
    answer, body = await ask(client, "GET", "/mlflow-artifacts/a%20b%2Bc")
    assert (answer.status, body) == (200, b"a b+c")
    answer, _ = await ask(client, "HEAD", "/mlflow-artifacts/1/models/m-a/artifacts/MLmodel")
    assert (answer.status, answer.headers["Content-Length"]) == (200, "30")


async def test_what_is_put_can_be_got_and_deleted(client: Client) -> None:
    answer, _ = await ask(client, "PUT", "/mlflow-artifacts/new", body=b"x")
    assert answer.headers["ETag"] == '"9dd4e461268c8034f5c8564e155c67a6"'
    assert (await ask(client, "GET", "/mlflow-artifacts/new"))[1] == b"x"
    assert (await ask(client, "DELETE", "/mlflow-artifacts/new"))[0].status == 204
    assert (await ask(client, "GET", "/mlflow-artifacts/new"))[0].status == 404


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/nope?list-type=2", "NoSuchBucket"),
        ("/nope/key", "NoSuchBucket"),
        ("/mlflow-artifacts/nope", "NoSuchKey"),
        ("/mlflow-artifacts?list-type=2&max-keys=x", "InvalidArgument"),
        ("/mlflow-artifacts?list-type=2&continuation-token=%21", "InvalidArgument"),
        ("/mlflow-artifacts?versions", "NotImplemented"),
        ("/mlflow-artifacts/a?tagging", "NotImplemented"),
    ],
)
async def test_errors_are_xml_with_a_code(client: Client, path: str, expected: str) -> None:
    _, body = await ask(client, "GET", path)
    assert code(body) == expected


async def test_a_head_that_fails_has_no_body_and_so_no_code(client: Client) -> None:
    answer, body = await ask(client, "HEAD", "/mlflow-artifacts/nope")
    assert (answer.status, body) == (404, b"")


async def test_a_wrong_key_and_a_wrong_secret_are_told_apart(client: Client) -> None:
    _, body = await ask(client, "GET", "/mlflow-artifacts?list-type=2", key="stranger")
    assert code(body) == "InvalidAccessKeyId"
    answer, body = await ask(client, "GET", "/mlflow-artifacts?list-type=2", secret="wrong")
    assert (answer.status, code(body)) == (403, "SignatureDoesNotMatch")


async def test_anonymous_requests_are_denied(client: Client) -> None:
    async with client.get("/mlflow-artifacts?list-type=2") as answer:
        assert (answer.status, code(await answer.read())) == (403, "AccessDenied")


async def test_a_body_that_is_not_what_was_signed_is_refused(client: Client) -> None:
    extra = {"x-amz-content-sha256": hashlib.sha256(b"other").hexdigest()}
    answer, body = await ask(client, "PUT", "/mlflow-artifacts/new", body=b"x", extra=extra)
    assert (answer.status, code(body)) == (400, "XAmzContentSHA256Mismatch")


async def test_a_chunk_signed_upload_is_refused_and_not_stored_wrongly(client: Client) -> None:
    extra = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    answer, body = await ask(client, "PUT", "/mlflow-artifacts/new", body=b"x", extra=extra)
    assert (answer.status, code(body)) == (501, "NotImplemented")


@pytest.mark.parametrize("name", ["live", "ready", "cluster", "cluster/read"])
async def test_health_answers_without_a_signature(client: Client, name: str) -> None:
    async with client.get(f"/minio/health/{name}") as answer:
        assert answer.status == 200
        assert answer.headers["Server"] == "MinIO"
        assert ("X-Minio-Write-Quorum" in answer.headers) is (name == "cluster")
        assert ("X-Minio-Read-Quorum" in answer.headers) is (name == "cluster/read")


async def test_draining_the_only_server_would_lose_the_quorum(client: Client) -> None:
    async with client.head("/minio/health/cluster?maintenance=true") as answer:
        assert answer.status == 412


async def test_buckets_can_be_made_asked_for_and_listed(client: Client) -> None:
    assert (await ask(client, "PUT", "/fresh"))[0].status == 200
    assert (await ask(client, "HEAD", "/fresh"))[0].status == 200
    _, body = await ask(client, "GET", "/")
    assert texts(body, "Name") == ["fresh", "mlflow-artifacts"]


@pytest.mark.parametrize(
    ("headers", "status", "content"),
    [
        ({"range": "bytes=0-2"}, 206, b"1/m"),
        ({"range": "bytes=-3"}, 206, b"del"),
        ({"range": "pages=1"}, 200, b"1/models/m-a/artifacts/MLmodel"),
        ({"if-none-match": "*"}, 304, b""),
        ({"if-modified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 200, None),
        ({"if-modified-since": "Fri, 01 May 2026 12:00:00 GMT"}, 304, b""),
        ({"if-match": '"other"'}, 412, None),
        ({"if-unmodified-since": "Mon, 01 Jan 2001 00:00:00 GMT"}, 412, None),
        ({"range": "bytes=100-"}, 416, None),
    ],
)
async def test_parts_and_conditions(
    client: Client, headers: dict[str, str], status: int, content: bytes | None
) -> None:
    path = "/mlflow-artifacts/1/models/m-a/artifacts/MLmodel"
    answer, body = await ask(client, "GET", path, extra=headers)
    assert answer.status == status
    assert content is None or body == content


async def test_a_head_tells_its_error_in_headers(client: Client) -> None:
    answer, _ = await ask(client, "HEAD", "/mlflow-artifacts/nowhere")
    assert (answer.status, answer.headers["X-Minio-Error-Code"]) == (404, "NoSuchKey")
    assert answer.headers["Content-Length"] == "0"


async def test_a_look_for_one_object_looks_for_nothing_else(client: Client) -> None:
    path = "/mlflow-artifacts?list-type=2&max-keys=1&prefix="
    _, body = await ask(client, "GET", path + "1/models/m-a/artifacts/MLmodel")
    assert (texts(body, "Key"), texts(body, "IsTruncated")) == (
        ["1/models/m-a/artifacts/MLmodel"],
        ["false"],
    )
    _, body = await ask(client, "GET", path + "1/")
    assert texts(body, "IsTruncated") == ["true"]


async def test_an_error_about_a_key_that_is_no_text_is_still_xml(client: Client) -> None:
    answer, body = await ask(client, "GET", "/mlflow-artifacts/a%00b")
    assert (answer.status, code(body)) == (404, "NoSuchKey")
    assert ET.fromstring(body).findtext("Key") == "a\ufffdb"
